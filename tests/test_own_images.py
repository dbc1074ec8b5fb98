"""A person's own images on the command line, from their folder to a verdict."""

import numpy as np
from PIL import Image

from tests.core.cli.test_commands import say, settled


def test_an_image_is_scaled_as_the_set_that_a_run_learnt_from(tmp_path, monkeypatch, rng):
    """12 bits in 16: pictures that differ in their level alone, which a scale of their own would hide."""
    settled(tmp_path, monkeypatch)
    for name, level in (("good", 1000), ("bad", 3000)):
        (tmp_path / "own" / name).mkdir(parents=True)
        for place in range(12):
            values = level + rng.integers(0, 60, (10, 10))
            Image.fromarray(values.astype(np.uint16)).save(tmp_path / "own" / name / f"{place}.png")
    added = say("datasets", "--add", tmp_path / "own", "--name", "own", "--size", "10", "--json")
    low, high = added.json["found"]["value_range"]
    assert 1000 <= low < 1010 and 3050 < high < 3060
    words = ("--dataset", "own", "--scenario", "unimodal", "--target", "good", "--method", "nearest-neighbours")
    run = say("train", *words, "--json").json
    assert run["scores"]["mean"]["auroc"]["value"] == 1.0
    Image.fromarray((3990 + rng.integers(0, 60, (10, 10))).astype(np.uint16)).save(tmp_path / "new.png")
    Image.fromarray((1000 + rng.integers(0, 60, (10, 10))).astype(np.uint16)).save(tmp_path / "old.png")
    bright, usual = say("score", run["run"], tmp_path / "new.png", tmp_path / "old.png", "--json").json["images"]
    assert (
        bright["scores"]["mean"]["novel"] and bright["scores"]["mean"]["value"] > 5 * usual["scores"]["mean"]["value"]
    )
    assert "as its set was; 100.0% of its pixels lie outside and were clipped" in bright["notes"][0]


def test_a_dry_run_adds_nothing_and_several_sets_need_a_part(tmp_path, monkeypatch):
    settled(tmp_path, monkeypatch)
    for name in ("nut", "screw"):
        for place in ("train/good/1.png", "test/good/2.png", "test/bent/3.png"):
            path = tmp_path / "root" / name / place
            path.parent.mkdir(parents=True)
            Image.new("L", (9, 9), len(place)).save(path)
    refused = say("datasets", "--add", tmp_path / "root", "--name", "own")
    assert refused.status == 2 and "Add --part nut, or another of them." in refused.err
    told = say("datasets", "--add", tmp_path / "root", "--part", "screw", "--dry-run")
    assert "good is normal" in told.out and not (tmp_path / "data").exists()
    assert say("datasets", "--dry-run").status == 2
