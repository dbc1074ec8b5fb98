import numpy as np
import pytest

from core.figures import Kinds
from core.figures.pages import home

NOVEL = np.array([True, False, True, False])
CALLED = np.array([True, False, False, False])
PICKED = np.array([True, True, True, False])


def test_surprise_orders_the_images_and_parts_them_at_the_threshold():
    images = np.zeros((4, 1, 8, 8), np.uint8)
    picture = home.surprise(images, list("3132"), Kinds.of_test(NOVEL), np.array([99.0, 10, 60, 20]), CALLED, PICKED)
    assert picture.table["percentile"].tolist() == [10, 20, 60, 99]
    assert picture.table["class"] == ["1", "2", "3", "3"]
    assert picture.table["you say novel"].tolist() == [1, 0, 1, 1]
    (line,) = picture.figure.layout.shapes
    at = picture.figure.layout.xaxis.tickvals
    assert at[2] < line.x0 < at[3]
    assert picture.figure.layout.xaxis.ticktext[0].endswith("network ✓ 10<br>you ✗ novel")


@pytest.mark.parametrize(
    ("picked", "result"),
    [
        (
            PICKED,
            "You found 2 of 2 novel images with 1 false alarm, the network 1 of 2 novel images with 0 false alarms",
        ),
        (PICKED, "3 against 3 right, a draw"),
        (NOVEL, "4 against 3 right, you win"),
        (~NOVEL, "0 against 3 right, the network wins"),
    ],
)
def test_surprise_says_who_was_right(picked, result):
    picture = home.surprise(
        np.zeros((4, 1, 8, 8), np.uint8), list("3132"), Kinds.of_test(NOVEL), np.arange(4.0), CALLED, picked
    )
    assert result in picture.sentence


def test_miniature_counts_every_image_about_the_threshold_at_1(rng):
    scores, novel = np.concatenate([rng.normal(size=50), rng.normal(size=30) + 100]), np.repeat([0, 1], [50, 30])
    picture = home.miniature(scores, Kinds.of_test(novel), 2.0, rng.normal(size=40))
    assert (picture.table["normal"].sum(), picture.table["novel"].sum()) == (50, 30)
    assert [shape.x0 for shape in picture.figure.layout.shapes] == [1]
    assert picture.sentence == "Right of the dashed threshold: 100 % of the novel images."


@pytest.mark.parametrize(("number", "words"), [(1, "One"), (5, "Five"), (10, "Ten"), (12, "12")])
def test_count_in_words(number, words):
    assert home.count_in_words(number) == words
