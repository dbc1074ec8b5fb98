"""Impurities: how many, and where; the published composition on other sets."""

from collections import Counter

import numpy as np
import pytest

from core import scenarios
from core.scenarios import Task
from tests.core.scenarios.tasks import digits_task


def foreign(task: Task) -> dict[str, Counter]:
    """How many images of each class but the normal one each split holds."""
    normal = task.spec.target[0]
    named = {split: Counter(task.class_names(split).tolist()) for split in ("train", "valid", "test")}
    return {
        split: Counter({name: n for name, n in counts.items() if name != normal}) for split, counts in named.items()
    }


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.2])
def test_impurities_have_the_rate_asked_for(rate):
    task = digits_task("contaminated", rate=rate)
    for split in ("train", "valid", "test"):
        foreign = task.class_names(split) != "3"
        pure = int((~foreign).sum())
        expected = round(rate / (1 - rate) * pure)
        assert foreign.sum() == (max(2, expected) if split == "test" else expected), split
        if split == "valid":
            np.testing.assert_array_equal(task.valid_novel, foreign)
        counts = Counter(task.class_names(split)[foreign])
        assert not counts or len(counts) < 9 or max(counts.values()) - min(counts.values()) <= 1  # spread evenly


def test_impurities_lie_anywhere_in_the_training_images():
    foreign = np.flatnonzero(digits_task("contaminated", rate=0.2).class_names("train") != "3")
    count = len(digits_task("contaminated", rate=0.2).train)
    assert foreign.min() < count / 4 and foreign.max() > 3 * count / 4


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
def test_4800_images_make_the_published_counts(mnist, dataset):
    """4,000 + 125 train, 800 + 25 validate, 800 + 25 are tested."""
    task = scenarios.build(scenarios.task_spec(dataset, "contaminated", "5", {"images": 4800}))
    assert task.counts == {"train": 4125, "valid": 825, "normal": 800, "novel": 25}
    found = foreign(task)
    assert {split: counts.total() for split, counts in found.items()} == {"train": 125, "valid": 25, "test": 25}
    for counts in found.values():  # of every other class as many, but one
        assert len(counts) == 9 and max(counts.values()) - min(counts.values()) <= 1
    assert int(task.valid_novel.sum()) == 25
    trained, held_out = (set(task.rows(split).index.tolist()) for split in ("train", "valid"))
    assert not trained & held_out


def test_all_others_are_tested_and_nothing_else_changes(mnist):
    few, many = (
        scenarios.build(scenarios.task_spec("mnist", "contaminated", "0", {"images": 4800, "all_others": every}))
        for every in (False, True)
    )
    for split in ("train", "valid"):
        np.testing.assert_array_equal(few.rows(split).index, many.rows(split).index)
    assert many.counts == few.counts | {"novel": 10_000 - 980}
    np.testing.assert_array_equal(few.test.index[:800], many.test.index[:800])


@pytest.fixture
def unofficial(tmp_path, monkeypatch) -> str:
    """A set of 300, 100 and 100 images of three classes, without an official test set."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    np.savez(
        tmp_path / "plain.npz",
        train_images=np.random.default_rng(0).integers(0, 256, (500, 8, 8), np.uint8),
        train_labels=np.repeat([0, 1, 2], [300, 100, 100]),
        class_names=np.array(["red", "green", "blue"]),
    )
    return "plain"


def test_without_an_official_test_set_the_images_asked_for_are_cut_too(unofficial):
    few, many = (
        scenarios.build(
            scenarios.task_spec(unofficial, "contaminated", "red", {"images": 120, "rate": 0.1, "all_others": every})
        )
        for every in (False, True)
    )
    normal = {split: int((few.class_names(split) == "red").sum()) for split in ("train", "valid", "test")}
    assert normal == {"train": 100, "valid": 20, "test": 20}
    assert {split: counts.total() for split, counts in foreign(few).items()} == {"train": 11, "valid": 2, "test": 2}
    assert many.counts["novel"] == 200 - 13  # all that neither trains nor validates
    parts = [set(many.rows(split).index.tolist()) for split in ("train", "valid", "test")]
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_more_images_than_there_are_is_all_of_them(unofficial):
    for dataset, count in (("digits", 142), ("plain", 300 * 5 // 7 + 300 // 7)):
        task = scenarios.build(scenarios.task_spec(dataset, "contaminated", "0", {"images": 100_000, "rate": 0.0}))
        assert len(task.train) + len(task.valid) == count
