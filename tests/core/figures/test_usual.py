import numpy as np
import pytest

from core.figures import INK, NORMAL
from core.figures import usual as usual


def test_a_profile_has_the_band_and_the_median_of_normal_images(rng):
    values, normal = rng.normal(size=4), rng.normal(size=(50, 4))
    figure, table = usual.profile(values, normal, "Title", "Rank", "Distance")
    ordered = np.sort(normal, axis=0)
    for name, share in (("normal 5 %", 0.05), ("normal median", 0.5), ("normal 95 %", 0.95)):
        place = share * 49
        low = int(place)
        expected = ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])
        np.testing.assert_allclose(table[name], expected)
    assert list(table["rank"]) == [1, 2, 3, 4]
    band, median, image = figure.data
    np.testing.assert_allclose(median.y, np.median(normal, axis=0), rtol=1e-6)
    assert median.line.color == NORMAL and image.line.color == INK
    np.testing.assert_allclose(image.y, values, rtol=1e-6)
    assert len(band.x) == 8


def test_a_profile_without_normal_images_is_the_image_alone():
    figure, table = usual.profile(np.array([3.0, 1.0]), None, "Title", "Rank", "Distance")
    assert [trace.name for trace in figure.data] == ["this image"]
    assert table.keys() == {"rank", "image"}


def test_a_position_counts_every_normal_image_and_marks_image_and_border(rng):
    normal = rng.normal(size=200)
    figure, table = usual.position(5.0, normal, {"surface": 1.5}, "Title", "Distance")
    assert table["normal"].sum() == 200
    assert [(line.x0, line.line.dash) for line in figure.layout.shapes] == [(5.0, None), (1.5, "dash")]
    assert [note.text for note in figure.layout.annotations] == ["<b>this image</b>", "surface"]
    assert table["from"][0] < normal.min() and table["to"][-1] > 5


def test_a_position_where_all_is_equal_still_has_an_axis():
    _, table = usual.position(1.0, np.ones(3), {"surface": 1.0}, "Title", "Distance")
    assert table["to"][-1] > table["from"][0] and table["normal"].sum() == 3


@pytest.mark.parametrize(("value", "more", "less"), [(5, "100 %", "0 %"), (-5, "0 %", "100 %"), (0.9, "75 %", "25 %")])
def test_how_usual_a_number_is(value, more, less):
    normal = np.array([0.1, 0.5, 0.6, 1.2])
    assert usual.more_than(value, normal) == f", more than for {more} of the held-out normal images"
    assert usual.less_than(value, normal) == f", less than for {less} of the held-out normal images"


def test_nothing_is_said_where_there_is_nothing_to_compare_with():
    assert usual.more_than(1, None) == usual.less_than(1, None) == ""
    assert usual.median(None) is None and usual.median(np.array([1, 5, 2])) == 2


def test_numbers_are_summed_in_double_precision():
    assert usual.numbers(np.ones(3, np.float16)).dtype == np.float64
