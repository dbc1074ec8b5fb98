import numpy as np
import pytest
import torch

from core import figures
from core.figures.families import svdd
from core.figures.families.svdd import Balls
from core.methods.svdd import boundary_radius

IMAGE = np.zeros((1, 8, 8), np.uint8)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def balls(rng) -> Balls:
    """Two balls of 30 and 10 training images, the second one twice as wide."""
    clusters = np.repeat([0, 1], [30, 10])
    distances = rng.uniform(0, 1, 40) * np.where(clusters, 2, 1)
    classes = np.array(["three"] * 27 + ["one"] * 3 + ["zero"] * 10)
    return Balls(np.array([0.9, 1.8]), clusters, distances, classes)


def explained(distances, radii) -> dict:
    distances, radii = np.array(distances), np.array(radii)
    return {"distances": distances, "radii": radii, "deciding": np.argmin(distances**2 - radii**2)}


# --- balls


@pytest.mark.parametrize("nu", [0.05, 0.1, 0.5, 1.0])
def test_radii_of_another_nu_are_those_that_training_would_measure(balls, nu):
    for k, radius in enumerate(balls.at(nu).radii):
        members = torch.from_numpy(balls.distances[balls.clusters == k])
        assert radius == pytest.approx(float(boundary_radius(members.square(), nu)))


def test_balls_are_named_by_letter_and_main_hidden_class(balls):
    assert balls.names == ["ball A (90 % class three)", "ball B (100 % class zero)"]
    assert Balls(balls.radii, balls.clusters, balls.distances).names == ["ball A", "ball B"]


def test_outside_means_outside_every_ball():
    distances = np.array([[0.5, 9], [2, 1.5], [2, 3], [1, 9]])
    assert svdd.outside(distances, np.array([1.0, 2.0])).tolist() == [False, False, True, False]


def test_nearest_members_are_of_the_ball_and_in_order(rng):
    embedding, members = rng.normal(size=(50, 3)), np.arange(50) % 2 == 0
    found = svdd.nearest_members(embedding, members, embedding[3], 5)
    by_distance = sorted(range(0, 50, 2), key=lambda place: np.linalg.norm(embedding[place] - embedding[3]))
    assert found.tolist() == by_distance[:5]
    assert len(svdd.nearest_members(embedding, np.arange(50) < 2, embedding[3], 5)) == 2


# --- the answer


def test_a_bar_is_a_radius_and_its_whisker_the_middle_of_the_members(balls):
    picture = svdd.radius_bars(balls, 0.1)
    bars, whiskers = picture.figure.data
    assert list(bars.y) == [0.9, 1.8]
    own = balls.distances[balls.clusters == 1]
    np.testing.assert_allclose(whiskers.y[3:5], np.quantile(own, [0.05, 0.95]), rtol=1e-6)
    assert picture.figure.layout.xaxis.ticktext[1].startswith("<b>B</b><br>10 images<br>100 % class")
    assert "not used in training" in picture.figure.layout.xaxis.title.text
    assert picture.sentence.startswith("Ball B (100 % class zero) is 2.00 times as wide as ball A (90 % class three)")


def test_the_radius_of_a_single_ball_is_said_beside_its_members():
    one = Balls(np.array([0.9]), np.zeros(101, int), np.linspace(0, 1, 101))
    sentence = svdd.radius_bars(one, 0.1).sentence
    assert sentence.startswith("The one ball has the radius 0.9; of its 101 training images")
    assert "0.05 to 0.95 from the centre" in sentence


def plane(radii, **options):
    """Three test images: inside, outside but drawn within the disc of A, outside and drawn so."""
    test, novel, places = np.array([[0.1, 0], [0.5, 0], [3, 3]]), [0, 1, 1], np.array([4, 7, 9])
    centres, out = np.array([[0.0, 0], [10, 0]])[: len(radii)], np.array([False, True, True])
    return svdd.ball_plane(np.zeros((5, 2)), test, centres, np.array(radii), novel, places, out, 0.625, **options)


def test_a_ball_is_drawn_as_a_disc_of_its_radius_on_equal_axes():
    figure = plane([1.0, 2.0]).figure
    second = figure.layout.shapes[1]
    assert (second.type, second.x0, second.x1, second.y0, second.y1) == ("circle", 8, 12, -2, 2)
    assert figure.layout.yaxis.scaleanchor == "x"
    low, high = figure.layout.xaxis.range
    assert low < -1 and high > 12


def test_the_plane_says_what_a_disc_proves_and_how_many_it_hides():
    sentence = plane([1.0, 2.0]).sentence
    assert sentence.startswith("Outside every ball lie 2 of 2 novel and 0 of 1 normal test images.")
    assert "inside proves nothing: 1 of these images are drawn within a disc" in sentence
    assert "62 % of the variance" in sentence
    assert plane([1.0]).sentence.startswith("Outside the ball lie 2 of 2")
    assert plane([0.0, 0.0]).sentence.startswith("No ball has a radius yet")


def test_points_carry_their_place_in_the_test_set_and_training_images_none():
    traces = {trace.name: trace for trace in plane([1.0]).figure.data}
    assert list(traces["novel, test (2)"].customdata) == [7, 9]
    assert traces["novel, test (2)"].marker.color == figures.NOVEL
    assert traces["training (5)"].customdata is None
    assert traces["training (5)"].hoverinfo == "skip"  # so it can't be clicked either


def test_the_picked_image_is_ringed_where_it_is_drawn():
    ring = plane([1.0], picked=7).figure.data[-1]
    assert (ring.name, list(ring.x), list(ring.y)) == ("test image 7", [0.5], [0])
    assert plane([1.0], picked=5).figure.data[-1].name == "centres"


def test_overlapping_balls_are_named():
    centres = np.array([[0.0, 0], [1, 0], [9, 0]])
    assert "1 of 3 pairs of balls overlap (A and B)" in svdd.overlaps(centres, np.array([0.6, 0.6, 1]))
    assert svdd.overlaps(centres, np.array([0.4, 0.6, 1])) == "No two of the 3 balls overlap."  # they touch
    assert svdd.overlaps(centres[:1], np.array([1.0])) == ""


def test_replay_projects_every_epoch_onto_the_final_axes_and_keeps_the_window(rng):
    axes = np.linalg.qr(rng.normal(size=(4, 2)))[0].T
    projection = {"pca/axes": axes, "pca/mean": np.ones(4), "pca/centres": np.zeros((1, 2))}
    spread = {1: 5.0, 9: 1.0}
    snapshots = {
        epoch: {"embedding": rng.normal(size=(40, 4)) * size, "distances": np.ones((40, 1)), "radii": np.array([0.5])}
        for epoch, size in spread.items()
    }
    novel, places = np.arange(40) % 2, np.arange(40)
    early, late = (svdd.replayed_plane(epoch, snapshots, projection, novel, places) for epoch in (1, 9))
    expected = (snapshots[9]["embedding"] - 1) @ axes.T
    np.testing.assert_allclose(late.table["x"], expected[:, 0], rtol=1e-6)
    assert early.figure.layout.xaxis.range == late.figure.layout.xaxis.range
    assert "after epoch 9" in late.figure.layout.title.text
    shown = expected.var(0).sum() / snapshots[9]["embedding"].var(0).sum()
    assert f"{round(100 * shown)} % of the variance" in late.sentence


# --- distances


def test_the_histogram_shows_an_image_at_its_nearest_ball_and_counts_who_is_outside(balls):
    distances = np.array([[0.5, 3], [1.5, 1.0], [4, 3.9], [5, 4]])
    picture = svdd.distance_histogram(distances, [0, 0, 1, 1], balls, 0.1)
    assert (picture.table["normal, ball A"].sum(), picture.table["normal, ball B"].sum()) == (1, 1)
    assert picture.table["novel, ball A"].sum() == 0
    assert [line.x0 for line in picture.figure.layout.shapes] == [0.9, 1.8]
    outside = (balls.distances > balls.radii[balls.clusters]).mean()
    assert picture.sentence.startswith(f"With nu = 0.1, {figures.percent(outside)} of the training images lie outside")
    assert "0 % of the normal and 100 % of the novel ones outside every ball" in picture.sentence


def test_many_balls_get_no_panel_each_and_that_is_said():
    many = Balls(np.ones(9), np.arange(9), np.ones(9))
    picture = svdd.distance_histogram(np.ones((4, 9)), [0, 0, 1, 1], many, 0.1)
    assert len(picture.figure.layout.shapes) == svdd.MOST_PANELS
    assert "5 smaller balls are not drawn" in picture.sentence


def test_nearest_against_second_nearest_tells_who_lies_between_and_which_ball_decides():
    distances = np.array([[1.0, 5, 9], [9, 2, 2.1], [3, 2.9, 9]])
    picture = svdd.two_nearest(distances, [0, 1, 1], np.array([2.0, 0.1, 0.1]))
    assert picture.table["nearest"].tolist() == [1, 2, 2.9]
    assert picture.table["second"].tolist() == [5, 2.1, 3]
    assert picture.table["deciding ball"] == ["A", "B", "A"]
    assert picture.sentence.startswith("100 % of the novel and 0 % of the normal test images lie between two balls")
    assert picture.sentence.endswith("a wider one behind it: 1.")


# --- one image


@pytest.mark.parametrize(
    ("distances", "radii", "sentence"),
    [
        ([5.0, 2.6], [1.0, 2.0], "Outside both balls; closest to ball B, 1.30 radii."),
        ([0.5, 2.6], [1.0, 2.0], "Inside ball A; 0.50 radii from the centre of ball A, which decides."),
        ([2.5], [2.0], "Outside the ball, 1.25 radii from its centre."),
        ([1.0], [2.0], "Inside the ball, 0.50 radii from its centre."),
    ],
)
def test_why_says_where_the_image_lies(distances, radii, sentence):
    assert [picture.sentence for picture in svdd.why(explained(distances, radii), IMAGE)] == [sentence]


def test_why_says_how_usual_it_is_to_lie_outside():
    normal = np.array([[0.5, 9.0], [1.5, 9.0], [1.5, 1.9], [9.0, 9.0]])  # the second and the last lie outside both
    reason = explained([5.0, 2.6], [1.0, 2.0]) | {"normal_distances": normal}
    assert svdd.why(reason, IMAGE)[0].sentence.endswith("Of 4 held-out normal images 50 % lie outside too.")
    reason = explained([0.5, 2.6], [1.0, 2.0]) | {"normal_distances": normal}
    assert svdd.why(reason, IMAGE)[0].sentence.endswith("Of 4 held-out normal images 50 % lie outside.")


def test_why_draws_distances_in_radii_with_the_surface_at_one():
    (picture,) = svdd.why(explained([5.0, 2.6, 0.5], [1.0, 2.0, 1.0]), IMAGE)
    bars = dict(zip(picture.table["ball"], picture.figure.data[0].x, strict=True))
    assert bars == pytest.approx({"A": 5, "B": 1.3, "C": 0.5})
    assert picture.figure.layout.shapes[0].x0 == 1
    colours = dict(zip(picture.table["ball"], picture.figure.data[0].marker.color, strict=True))
    assert colours == {"A": figures.NOVEL, "B": figures.NOVEL, "C": figures.NORMAL}


def test_why_explains_a_ball_that_decides_from_more_radii_away():
    (picture,) = svdd.why(explained([3.0, 1.5], [2.0, 0.5]), IMAGE)
    assert picture.sentence.startswith("Outside both balls; closest to ball B, 3.00 radii. Of wider ball A")


def test_why_shows_the_deciding_ball_among_many():
    distances, radii = np.full(40, 5.0), np.full(40, 4.0)
    distances[7], radii[7] = 1.0, 0.1
    (picture,) = svdd.why(explained(distances, radii), IMAGE)
    assert len(picture.table["ball"]) == 12
    assert "H" in picture.table["ball"]
