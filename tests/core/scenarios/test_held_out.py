"""Which classes are known, seen and novelty."""

import numpy as np
import pytest

from core import data
from core.data import Dataset
from core.errors import WrongRequest
from core.scenarios.cross_dataset import CrossOptions
from core.scenarios.held_out import parts, with_enough


def digits_parts(target: str, split_seed: int = 0, **options):
    return parts(data.entry("digits"), tuple(target), CrossOptions(**options), split_seed)


def test_classes_that_nobody_names_are_novelty():
    found = digits_parts("762", seen_classes="8, 3,4,0")
    assert (found.known, found.seen, found.novelty) == (tuple("267"), tuple("0348"), tuple("159"))
    assert digits_parts("267").novelty == tuple("0134589")
    assert digits_parts("0123456789").novelty == ()


def test_novelty_that_is_named_leaves_the_other_classes_out():
    assert digits_parts("267", seen_classes="0", novelty="9,1").novelty == tuple("19")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seen_classes": "2,3"}, "2 of .* can't be known and seen in training at once. Leave it in one"),
        ({"novelty": "6,7"}, "6, 7 of .* can't be known and novelty at once. Leave them in one"),
        ({"seen_classes": "3", "novelty": "3,4"}, "3 of .* can't be seen in training and novelty at once"),
        ({"seen_classes": "x"}, "no class 'x'"),
        ({"draw_seen": 8}, "8 classes can't be drawn: only 7 of .* have at least 50 training"),
        ({"draw": 3}, "Known classes are drawn, so none is chosen as well"),
        ({"draw_seen": 2, "seen_classes": "3"}, "Seen classes are drawn, so none is named as well"),
        ({"draw_seen": 2, "novelty": "0,1,3,4,5,8,9"}, "can't be seen in training and novelty at once"),
    ],
)
def test_classes_that_can_t_go_together_are_refused(options, sentence):
    with pytest.raises(WrongRequest, match=sentence):
        digits_parts("267", **options)


def test_the_split_seed_draws_the_classes():
    drawn = [digits_parts("", seed, draw=3, draw_seen=2) for seed in range(20)]
    assert digits_parts("", 4, draw=3, draw_seen=2) == drawn[4]
    for each in drawn:
        assert (len(each.known), len(each.seen), len(each.novelty)) == (3, 2, 5)
        assert sorted(each.known + each.seen + each.novelty) == list("0123456789")
    assert {name for each in drawn for name in each.known} == set("0123456789")
    again = digits_parts("".join(drawn[4].known), 4, draw=3, draw_seen=2)
    assert again == drawn[4]  # what was drawn may be named
    chosen = digits_parts("267", draw_seen=2)
    assert chosen.known == tuple("267") and not set(chosen.seen) & set("267") and len(chosen.seen) == 2


def test_a_drawn_class_has_enough_images_of_both_halves():
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, 0, 2, 3])
    images = np.zeros((11, 1, 2, 2), np.uint8)
    halves = Dataset("a", "A", tuple("wxyz"), images, labels, 8)
    assert with_enough(halves, 3) == ["w"]  # x has no test image, y too few
    assert with_enough(halves, 2) == ["w", "y"]
    pooled = Dataset("a", "A", tuple("wxyz"), images, labels, 11)
    assert with_enough(pooled, 3) == ["w", "x", "y"] and with_enough(pooled, 4) == ["w"]
