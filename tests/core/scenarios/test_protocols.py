"""The two ways to divide a dataset."""

import pytest

from core import data
from core.errors import WrongRequest
from core.scenarios import build, task_spec
from tests.core.scenarios.tasks import digits_task


def test_sizes_of_mnist_with_the_official_test_set(mnist):
    task = build(task_spec("mnist", "several-normal", "3,0,1"))
    assert task.spec.target == ("0", "1", "3")
    assert task.counts == {
        "train": int(0.9 * 18_796),
        "valid": 18_796 - int(0.9 * 18_796),
        "normal": 3_125,
        "novel": 6_875,
    }
    assert (task.test.index >= 60_000).all() and (task.train.index < 60_000).all() and (task.valid.index < 60_000).all()


def test_pooled_and_official_splits_of_digits():
    labels, is_test = data.load("digits").labels, data.load("digits").is_test
    official = digits_task("unimodal", split="official")
    mine = labels == 3
    assert official.counts == {
        "train": int(0.9 * (mine & ~is_test).sum()),
        "valid": (mine & ~is_test).sum() - int(0.9 * (mine & ~is_test).sum()),
        "normal": (mine & is_test).sum(),
        "novel": (~mine & is_test).sum(),
    }
    pooled = digits_task("unimodal", split="pooled")
    n = int(mine.sum())
    assert pooled.counts["train"] == int(0.6 * n) and pooled.counts["valid"] == int(0.2 * n)
    assert pooled.counts["normal"] == pooled.counts["novel"] == n - int(0.6 * n) - int(0.2 * n)


def test_a_set_without_test_images_has_no_official_split(grouped):
    with pytest.raises(WrongRequest, match="has no official test set. Set split to pooled."):
        build(task_spec(grouped, "several-normal", "red,green"))
