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
