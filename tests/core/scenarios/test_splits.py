"""Drawing and cutting: exact shares, whole groups, nothing twice."""

import numpy as np

from core import data
from core.scenarios.splits import Rows, drawn, interleaved, labelled, others, shares, without_groups_of


def test_shares_without_groups_are_exact_and_with_groups_nearly(rng):
    index = np.flatnonzero(rng.random(500) < 0.5)
    parts = shares(index, None, (0.6, 0.2), np.random.default_rng(1))
    assert [len(each) for each in parts] == [
        int(0.6 * len(index)),
        int(0.2 * len(index)),
        len(index) - int(0.6 * len(index)) - int(0.2 * len(index)),
    ]
    assert sorted(np.concatenate(parts)) == sorted(index)
    assert not np.array_equal(np.concatenate(parts), index)
    groups = np.arange(500) // 7
    whole = shares(index, groups, (0.6, 0.2), np.random.default_rng(1))
    assert sorted(np.concatenate(whole)) == sorted(index)
    assert all(0 <= len(large) - len(exact) < 7 for large, exact in zip(whole[:1], parts[:1], strict=True))
    one = shares(index, np.zeros(500, int), (0.6, 0.2), np.random.default_rng(1))
    assert [len(each) for each in one] == [len(index), 0, 0]
    assert [len(each) for each in shares(index[:0], groups, (0.6, 0.2), rng)] == [0, 0, 0]


def test_drawn_takes_each_image_at_most_once(rng):
    index = np.arange(10, 30)
    some = drawn(index, 7, rng)
    assert len(set(some)) == 7 and set(some) <= set(index) and (np.diff(some) > 0).all()
    np.testing.assert_array_equal(drawn(index, 25, rng), index)


def test_images_of_classes_by_name_and_half():
    digits = data.load("digits")
    found = labelled(digits, ["3", "8"])
    np.testing.assert_array_equal(found, np.flatnonzero((digits.labels == 3) | (digits.labels == 8)))
    train, test = labelled(digits, ["3", "8"], test=False), labelled(digits, ["3", "8"], test=True)
    np.testing.assert_array_equal(np.concatenate([train, test]), found)
    assert train.max() < digits.train_count <= test.min()
    assert others(digits, ["3", "8"]) == list("01245679")


def test_any_prefix_of_the_interleaved_images_is_spread_evenly(rng):
    digits = data.load("digits")
    order = interleaved(digits, ["3"], None, rng)
    assert sorted(order) == np.flatnonzero(digits.labels != 3).tolist()
    for count in (9, 40, 200):
        sizes = np.bincount(digits.labels[order[:count]], minlength=10)
        assert sizes[3] == 0 and np.ptp(np.delete(sizes, 3)) <= 1


def test_images_of_a_group_that_was_taken_are_left_out():
    images = np.zeros((6, 1, 2, 2), np.uint8)
    grouped = data.Dataset("a", "A", ("x",), images, np.zeros(6, np.int64), 6, np.array([7, 7, -1, -1, 8, 7]))
    assert without_groups_of(np.array([0, 2]), np.array([1, 3, 4, 5]), grouped).tolist() == [3, 4]
    free = data.Dataset("a", "A", ("x",), images, np.zeros(6, np.int64), 6)
    assert without_groups_of(np.array([0]), np.array([1, 3]), free).tolist() == [1, 3]


def test_rows_gather_from_several_pools():
    rows = Rows.joined([Rows.of(np.array([3, 1])), Rows.of(np.array([2]), pool=1)])
    assert rows.pool.tolist() == [0, 0, 1] and rows.index.tolist() == [3, 1, 2] and len(rows) == 3
    some = rows[np.array([2, 0])]
    assert some.pool.tolist() == [1, 0] and some.index.tolist() == [2, 3]
