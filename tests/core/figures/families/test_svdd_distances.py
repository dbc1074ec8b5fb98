import numpy as np
import pytest

from core import figures
from core.figures import Kinds
from core.figures.families import svdd_distances
from core.figures.families.svdd import Balls


@pytest.fixture
def balls(rng) -> Balls:
    """Two balls of 30 and 10 training images, the second one twice as wide."""
    clusters = np.repeat([0, 1], [30, 10])
    distances = rng.uniform(0, 1, 40) * np.where(clusters, 2, 1)
    classes = np.array(["three"] * 27 + ["one"] * 3 + ["zero"] * 10)
    return Balls(np.array([0.9, 1.8]), clusters, distances, classes)


def test_the_histogram_shows_an_image_at_its_nearest_ball_and_counts_who_is_outside(balls):
    distances = np.array([[0.5, 3], [1.5, 1.0], [4, 3.9], [5, 4]])
    picture = svdd_distances.distance_histogram(distances, Kinds.of_test([0, 0, 1, 1]), balls, 0.1)
    assert (picture.table["normal, ball A"].sum(), picture.table["normal, ball B"].sum()) == (1, 1)
    assert picture.table["novel, ball A"].sum() == 0
    assert [line.x0 for line in picture.figure.layout.shapes] == [0.9, 1.8]
    outside = (balls.distances > balls.radii[balls.clusters]).mean()
    assert picture.sentence.startswith(f"With nu = 0.1, {figures.percent(outside)} of the training images lie outside")
    assert "0 % of the normal and 100 % of the novel ones outside every ball" in picture.sentence


def test_many_balls_get_no_panel_each_and_that_is_said():
    many = Balls(np.ones(9), np.arange(9), np.ones(9))
    picture = svdd_distances.distance_histogram(np.ones((4, 9)), Kinds.of_test([0, 0, 1, 1]), many, 0.1)
    assert len(picture.figure.layout.shapes) == svdd_distances.MOST_PANELS
    assert "5 smaller balls are not drawn" in picture.sentence


def test_nearest_against_second_nearest_tells_who_lies_between_and_which_ball_decides():
    distances = np.array([[1.0, 5, 9], [9, 2, 2.1], [3, 2.9, 9]])
    picture = svdd_distances.two_nearest(distances, Kinds.of_test([0, 1, 1]), np.array([2.0, 0.1, 0.1]))
    assert picture.table["nearest"].tolist() == [1, 2, 2.9]
    assert picture.table["second"].tolist() == [5, 2.1, 3]
    assert picture.table["deciding ball"] == ["A", "B", "A"]
    assert picture.sentence.startswith("100 % of the novel and 0 % of the normal test images lie between two balls")
    assert picture.sentence.endswith("a wider one behind it: 1.")


def test_kinds_of_novel_images_stand_on_each_other_and_together_are_all_of_them(balls, rng):
    source = np.repeat(["normal", "novel", "noise"], [10, 20, 30])
    distances = rng.uniform(0.5, 1, (60, 2))
    picture = svdd_distances.distance_histogram(distances, Kinds.of_test(source != "normal", source), balls, 0.1)
    bars = {(bar.name, bar.xaxis): bar for bar in picture.figure.data}
    for axis in ("x", "x2"):
        novelty, noise = bars["novelty (20)", axis], bars["noise (30)", axis]
        assert novelty.base is None
        np.testing.assert_allclose(np.asarray(noise.base, float), novelty.y)
    drawn = sum(np.sum(bar.y) for (name, _), bar in bars.items() if not name.startswith("normal"))
    beyond = (distances.min(1)[10:] > picture.table["to"][-1]).sum()
    assert drawn == pytest.approx(100 * (50 - beyond) / 50)
