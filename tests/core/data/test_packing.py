import numpy as np
import pytest

from core.data import counts, held_out
from core.data.dataset import Dataset
from core.data.packing import copies, span_of
from core.errors import WrongRequest


def test_held_out_is_stratified_seeded_and_keeps_groups(rng):
    labels, groups = np.repeat([0, 1, 2], [50, 20, 1]), np.full(71, -1)
    groups[:30] = np.arange(30) // 10
    chosen = held_out(labels, 0.25, seed=1, groups=groups)
    np.testing.assert_array_equal(chosen, held_out(labels, 0.25, seed=1, groups=groups))
    assert (chosen != held_out(labels, 0.25, seed=2, groups=groups)).any()
    assert all(len(set(chosen[groups == group].tolist())) == 1 for group in range(3))
    assert chosen[labels == 1].sum() == 5 and not chosen[labels == 2].any()
    units = np.concatenate([chosen[[0, 10, 20]], chosen[30:50]])
    assert units.sum() == round(0.25 * 23)


def test_copies_share_a_number_and_the_rest_has_none(rng):
    images = rng.integers(0, 256, (6, 3, 4, 5), np.uint8)
    images[4] = images[1]
    images[5] = images[1]
    alike = copies(Dataset("a", "a", ("x",), images, np.zeros(6, np.int64), 6))
    assert alike[1] == alike[4] == alike[5] >= 0
    assert alike[[0, 2, 3]].tolist() == [-1, -1, -1]


def test_counts_by_class_and_half(rng):
    images = rng.integers(0, 256, (5, 1, 4, 5), np.uint8)
    assert counts(Dataset("a", "a", ("x", "y", "z"), images, np.array([0, 1, 1, 1, 0]), 3)) == {
        "x": (1, 1), "y": (2, 1), "z": (0, 0)
    }  # fmt: skip


def test_one_span_for_all_and_no_mixture():
    assert span_of([None, None], "a") is None
    assert span_of([(3, 9), (1, 4)], "a") == (1, 9)
    with pytest.raises(WrongRequest, match="1 pictures of 8 bits and 2 of more"):
        span_of([(3, 9), None, (1, 4)], "a")
