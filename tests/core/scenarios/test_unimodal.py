"""Sizes of the published split."""

import numpy as np
import pytest

from core.errors import WrongRequest
from core.scenarios import build, task_spec

UNIMODAL = {0: (4141, 1380, 1382), 1: (4726, 1575, 1576), 5: (3787, 1262, 1264), 9: (4174, 1391, 1393)}


@pytest.mark.parametrize("c", UNIMODAL)
def test_sizes_of_unimodal_mnist(mnist, c):
    train, valid, normal = UNIMODAL[c]
    task = build(task_spec("mnist", "unimodal", str(c)))
    assert task.counts == {"train": train, "valid": valid, "normal": normal, "novel": normal}
    assert len(set(task.class_names("test")[task.novel == 1])) == 9
    every = build(task_spec("mnist", "unimodal", str(c), {"balanced": "no"}))
    assert every.counts["novel"] == 70_000 - train - valid - normal


@pytest.mark.parametrize("split", ["pooled", "official"])
def test_one_class_alone_has_no_novel_images_and_says_so(tmp_path, monkeypatch, rng, split):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    arrays = {
        f"{half}_images": rng.integers(0, 256, (count, 8, 8), np.uint8) for half, count in (("train", 30), ("test", 9))
    }
    labels = {"train_labels": np.zeros(30, int), "test_labels": np.zeros(9, int), "class_names": np.array(["good"])}
    np.savez(tmp_path / "good.npz", **arrays, **labels)
    task = build(task_spec("good", "unimodal", "good", {"split": split}))
    assert task.counts["novel"] == 0 and not task.novel.any() and len(task.test) == task.counts["normal"] >= 8
    assert "no novel one tests it" in task.note
    with pytest.raises(WrongRequest, match="none is left to be novel"):
        task_spec("good", "several-normal", "good")
