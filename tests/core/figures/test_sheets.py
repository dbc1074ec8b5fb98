import base64
import io

import numpy as np
import pytest
from PIL import Image

from core import figures
from core.figures import AMOUNTS, DIFFERENCES, Kinds, sheets


def _pixels(figure) -> np.ndarray:
    """The PNG of a sheet: [H, W, 4]."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(figure.data[0].source.split(",")[1]))))


def test_a_sheet_has_each_image_where_its_texts_and_centres_say(rng):
    images = rng.integers(0, 256, (6, 1, 5, 4), np.uint8)
    figure = sheets.sheet([images[:3], images[3:]], ["a", "b", "c"], ["up", "down"], "Six", 300)
    pixels = _pixels(figure)
    x, y = sheets.centres(3, 2, (5, 4))
    assert list(figure.layout.xaxis.tickvals) == list(x) and list(figure.layout.xaxis.ticktext) == ["a", "b", "c"]
    for place, image in enumerate(images):
        row, column = divmod(place, 3)
        top, left = int(y[row] - 2), int(x[column] - 1.5)
        np.testing.assert_array_equal(pixels[top : top + 5, left : left + 4, 0], image[0])
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # row 0 on top


def test_few_images_are_drawn_no_larger_than_many():
    image = np.zeros((1, 8, 8), np.uint8)
    few = sheets.sheet([[image] * 2], ["", ""], [""], "", 100, least=10)
    many = sheets.sheet([[image] * 10], [""] * 10, [""], "", 100)
    assert few.layout.xaxis.range == many.layout.xaxis.range


def test_heat_goes_from_the_first_colour_of_amounts_to_the_last():
    amounts = np.array([[[0, 50]], [[0, 100]]], np.uint8)  # two channels: means 0 and 75
    coloured = sheets.heat(amounts, 75)
    for column, colour in ((0, AMOUNTS[0]), (1, AMOUNTS[-1])):
        assert "#" + "".join(f"{value:02X}" for value in coloured[:, 0, column]) == colour


def test_signed_heat_goes_from_the_first_colour_of_differences_to_the_last():
    values = np.array([[[-1.0, 4.0]], [[-3.0, 0.0]]])  # two channels: means -2 and 2
    coloured = sheets.signed_heat(values, 2)
    for column, colour in ((0, DIFFERENCES[0]), (1, DIFFERENCES[-1])):
        assert "#" + "".join(f"{value:02X}" for value in coloured[:, 0, column]) == colour
    np.testing.assert_array_equal(
        sheets.signed_heat(np.zeros((1, 1, 1)), 0), sheets.signed_heat(np.zeros((1, 1, 1)), 5)
    )


def test_difference_has_no_sign_and_does_not_wrap_around():
    dark, bright = np.zeros((1, 2, 2), np.uint8), np.full((1, 2, 2), 200, np.uint8)
    np.testing.assert_array_equal(sheets.difference(dark, bright), bright)
    np.testing.assert_array_equal(sheets.difference(bright, dark), bright)


def test_redrawing_says_how_usual_its_error_is():
    image, redrawn = np.zeros((1, 4, 4), np.uint8), np.full((1, 4, 4), 51, np.uint8)
    picture = sheets.redrawing(image, redrawn, 0.64, np.array([0.1, 0.5, 0.6, 0.9]))
    assert "differ by 0.64, more than for 75 % of the held-out normal images" in picture.sentence
    assert "held-out" not in sheets.redrawing(image, redrawn, 0.64).sentence
    assert len(picture.table["input"]) == len(picture.table["row"]) == 16
    assert picture.figure.layout.xaxis.ticktext[2] == "difference, to 20 %"


@pytest.mark.parametrize(
    ("which", "places"), [("most", [3, 1, 2, 0]), ("least", [0, 2, 1, 3]), ("missed", [2]), ("alarms", [3])]
)
def test_ranking_puts_the_most_striking_first(which, places):
    scores, kinds = np.array([0.1, 0.8, 0.3, 0.9]), Kinds.of_test([0, 1, 1, 0])
    assert sheets.ranking(which, scores, kinds, threshold=0.5).tolist() == places
    assert sheets.ranking(which, scores, kinds, threshold=0.5, count=1).tolist() == places[:1]


def test_ranked_images_can_be_clicked_in_all_three_rows(rng):
    images = rng.integers(0, 256, (5, 1, 8, 8), np.uint8)
    scores, kinds, classes = np.arange(5.0), Kinds.of_test([0, 1, 0, 1, 1]), np.array(list("abcde"))
    picture = sheets.ranked(np.array([4, 2]), images, images // 2, scores, 20 * scores, kinds, classes, "Most novel")
    points = picture.figure.data[1]
    assert points.customdata.tolist() == [4, 2] * 3
    assert points.marker.opacity == points.selected.marker.opacity == points.unselected.marker.opacity == 0
    assert picture.table["image"].tolist() == [4, 2] and picture.table["class"].tolist() == ["e", "c"]
    assert (
        "e · novel" in picture.figure.layout.xaxis.ticktext[0] and "80.0 %" in picture.figure.layout.xaxis.ticktext[0]
    )
    assert "1 of these 2 are novel" in picture.sentence


def test_enlarge_repeats_each_pixel(rng):
    images = rng.integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    large = figures.enlarge(images, 3)
    assert large.shape == (2, 12, 15, 3)
    for offset in range(3):
        np.testing.assert_array_equal(large[:, offset::3, offset::3], images.transpose(0, 2, 3, 1))


def test_enlarge_makes_three_equal_channels_of_one(rng):
    image = rng.integers(0, 256, (1, 4, 4), dtype=np.uint8)
    large = figures.enlarge(image, 2)
    assert large.shape == (8, 8, 3)
    np.testing.assert_array_equal(large[::2, ::2, 2], image[0])


def test_strip_places_images_row_by_row_with_transparent_gaps(rng):
    images = rng.integers(0, 256, (3, 1, 4, 4), dtype=np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(figures.strip(images, columns=2, factor=2, gap=3))))
    assert sheet.shape == (2 * 8 + 3, 2 * 8 + 3, 4)
    np.testing.assert_array_equal(sheet[:8, 11:, :3], figures.enlarge(images[1], 2))
    np.testing.assert_array_equal(sheet[11:, :8, :3], figures.enlarge(images[2], 2))
    assert sheet[:8, :8, 3].min() == 255
    assert sheet[8:11].max() == 0
    assert sheet[11:, 8:].max() == 0  # the place of the fourth image


def test_ranked_images_of_a_method_that_redraws_nothing_are_one_row(rng):
    images, kinds = rng.integers(0, 256, (3, 1, 8, 8), np.uint8), Kinds.of_test([0, 1, 0])
    picture = sheets.ranked(
        np.array([1, 0]), images, None, np.arange(3.0), np.arange(3.0), kinds, np.array(["a"] * 3), ""
    )
    assert picture.figure.data[1].customdata.tolist() == [1, 0]
    assert _pixels(picture.figure).shape[:2] == (8, 18)
