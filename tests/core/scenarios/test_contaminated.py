"""Impurities: how many, and where."""

from collections import Counter

import numpy as np
import pytest

from tests.core.scenarios.tasks import digits_task


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
