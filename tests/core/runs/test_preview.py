import dataclasses
import json
import shlex
import shutil

import numpy as np
import pytest

from core import data, scenarios
from core.__main__ import parser
from core.errors import MissingData
from core.knobs import parse_assignments
from core.runs import preview, store
from core.runs.spec import RunSpec, request


@pytest.fixture
def runs(trained_store, tmp_path, monkeypatch):
    """A store with trained runs that a test may change."""
    shutil.copytree(trained_store, tmp_path / "store", ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setattr(store, "shipped_root", lambda: tmp_path / "shipped")
    return store.runs()


def rewritten(run: store.Run, change) -> None:
    about = json.loads((run.folder / "run.json").read_text())
    change(about)
    (run.folder / "run.json").write_text(json.dumps(about))


# --- the task -------------------------------------------------------------------------------------------------------


def test_the_preview_counts_the_task_and_shows_each_kind_spread_over_its_classes():
    spec = scenarios.task_spec("digits", "unimodal", "4")
    seen, task = preview.preview(spec, most=9), scenarios.build(spec)
    assert seen.counts == task.counts
    assert seen.normal_names == ("4",) * 9
    assert set(seen.novel_names) == set("012356789")
    tested = {image.tobytes(): novel for image, novel in zip(task.images("test"), task.novel, strict=True)}
    assert [tested[image.tobytes()] for image in seen.normal] == [0] * 9
    assert [tested[image.tobytes()] for image in seen.novel] == [1] * 9


def test_anomaly_sets_come_before_a_second_image_of_a_class():
    seen = preview.preview(scenarios.task_spec("digits", "cross-dataset", "0,1"), most=6)
    assert sorted(seen.novel_names) == ["2", "3", "gaussian-noise", "gaussian-noise", "uniform-noise", "uniform-noise"]


def test_a_preview_of_absent_images_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    with pytest.raises(MissingData, match="isn't on this machine"):
        preview.preview(scenarios.task_spec("mnist", "multimodal", "3"))


def test_each_class_shows_an_image_of_its_own():
    digits, images = data.load("digits"), preview.class_images("digits")
    assert images.shape == (10, 1, 8, 8)
    for label, image in enumerate(images):
        assert (digits.images[digits.labels == label] == image).all((1, 2, 3)).any()


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        request("digits", "multimodal", "3", "rapp-ae"),
        request("digits", "multimodal", "3", "rapp-vae", preset="paper", changes={"epochs": 9}, seed=2, split_seed=1),
        request("digits", "several-normal", "0,1", "deep-svdd", options={"split": "pooled"}, device="cpu"),
        request("digits", "cross-dataset", "0,1", "rapp-ae", options={"anomalies": "uniform-noise", "most": 50}),
        request("digits", "latent-super-category", "CUR", "deep-svdd", changes={"nu": 5e-3}),
    ],
)
def test_the_command_asks_for_the_same_run(asked):
    python, m, core, *rest = shlex.split(preview.command(asked))
    assert (python, m, core) == ("python", "-m", "core")
    words = parser().parse_args(rest)
    again = request(
        words.dataset,
        words.scenario,
        words.target,
        words.method,
        preset=words.preset,
        changes=parse_assignments(words.set),
        options=parse_assignments(words.scenario_set),
        split_seed=words.split_seed,
        seed=words.seed,
        device=words.device,
    )
    assert again == asked


def test_the_command_names_what_differs_from_the_nearest_preset():
    asked = request("digits", "multimodal", "3", "rapp-ae", changes={"epochs": 7})
    expected = "python -m core train --dataset digits --scenario multimodal --target 3 --method rapp-ae --set epochs=7"
    assert preview.command(asked) == expected
    paper = request("digits", "multimodal", "3", "rapp-ae", preset="paper", changes={"epochs": 7})
    assert preview.closest_preset(paper) == ("paper", {"epochs": 7})


def test_another_seed_is_the_next_that_nobody_has(runs):
    spec = runs[0].spec
    assert preview.another_seed(spec) == 1
    store.create(dataclasses.replace(spec, seed=1))
    assert preview.another_seed(spec) == 2


# --- how long -------------------------------------------------------------------------------------------------------


def asked_like(run: store.Run, **changes) -> RunSpec:
    return dataclasses.replace(run.spec, knobs={**run.spec.knobs, **changes})


def test_the_estimate_follows_epochs_and_images_and_keeps_what_comes_beside(runs):
    run = runs[0]
    epochs = {line["epoch"]: line["seconds"] for line in run.progress() if line["stage"] == "train"}
    others = sum(line["seconds"] for line in run.progress() if line["stage"] != "train")
    beside = run.about["timings"]["total"] - sum(epochs.values()) - others
    count = run.about["counts"]["train"]
    assert preview.estimate(run.spec, count).seconds == pytest.approx(run.about["timings"]["total"])
    longer = preview.estimate(asked_like(run, epochs=40), 3 * count)
    assert longer.run == run
    assert longer.seconds == pytest.approx(3 * (np.mean(list(epochs.values())) * 40 + others) + beside)


def test_a_stage_that_has_its_own_epochs_knob_follows_it(runs):
    asked = request("digits", "unimodal", "0", "deep-svdd", changes={"epochs": 6, "pretrain_epochs": 10, "warm_up": 0})
    run = store.create(dataclasses.replace(asked, knobs=dict(asked.knobs) | {"epochs": 2, "pretrain_epochs": 5}))
    shutil.copy(runs[0].folder / "test.npz", run.folder)
    lines = [(1, "pretrain", 5, 1.0), (3, "train", 2, 10.0)]
    with (run.folder / "progress.jsonl").open("w") as stream:
        for number, stage, epochs, seconds in lines:
            for epoch in range(1, epochs + 1):
                stream.write(json.dumps({"number": number, "stage": stage, "epoch": epoch, "seconds": seconds}) + "\n")
    more = {"counts": {"train": 100}, "timings": {"total": 28.0}, "environment": {"device": "cpu"}}
    rewritten(run, lambda about: about.update(more))
    store.mark(run, store.FINISHED)
    assert preview.estimate(asked, 100).seconds == pytest.approx(10 * 1.0 + 6 * 10.0 + 3.0)


def test_nothing_is_estimated_from_runs_that_tell_nothing(runs):
    run, count = runs[0], 100
    assert preview.estimate(request("digits", "unimodal", "0", "deep-svdd"), count) is None
    assert preview.estimate(dataclasses.replace(run.spec, device="cuda"), count) is None
    rewritten(run, lambda about: about.pop("environment"))
    assert preview.estimate(run.spec, count) is None


def test_a_shipped_run_is_asked_only_where_no_own_one_can_tell(runs, monkeypatch):
    run, own = runs[0], preview.estimate(runs[0].spec, 100)
    monkeypatch.setattr(store, "shipped_root", lambda: run.folder.parent)  # all of them ship
    assert preview.estimate(run.spec, 100).run.shipped
    mine = shutil.copytree(run.folder, run.folder.parent / "own" / run.id)
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(mine.parent))
    found = preview.estimate(run.spec, 100)
    assert not found.run.shipped
    assert found.seconds == own.seconds


def test_a_run_from_another_machine_tells_nothing_of_this_one(runs):
    run = runs[0]
    store.mark(run, store.FINISHED, imported=0.0)
    assert preview.estimate(run.spec, 100) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "about 1 s"),
        (6.1, "about 7 s"),
        (37, "about 40 s"),
        (100, "about 2 min"),
        (3000, "about 50 min"),
        (7000, "about 2 h"),
    ],
)
def test_times_are_said_as_people_say_them(seconds, words):
    assert preview.in_words(seconds) == words
