import numpy as np
import pytest

from core import evaluation
from core.figures import Kinds
from core.figures.families import baselines_kernels as kernels

IMAGE = np.zeros((1, 4, 4), np.uint8)


def explained(**more) -> dict:
    alike = {"similarities": np.array([0.9, 0.6, 0.5]), "weights": np.array([1, 0.25, 1]), "neighbours": np.arange(3)}
    return {"near": np.zeros((1, 4, 12), np.uint8), **alike, **more}


def test_support_vectors_are_shown_with_similarity_and_weight():
    near, profile = kernels.why_alike(explained(), IMAGE)
    assert near.figure.layout.xaxis.ticktext[2] == "no. 1<br>alike 0.6<br>weight 0.25"
    assert list(profile.table["image"]) == [0.9, 0.6, 0.5]
    assert profile.sentence == "Similarities of 0.9 down to 0.5."


def test_similarities_are_told_against_the_normal_band():
    inside = np.tile([0.9, 0.6, 0.5], (40, 1)) + np.linspace(-0.1, 0.1, 40)[:, None]
    near, profile = kernels.why_alike(explained(normal_similarities=inside), IMAGE)
    assert "0.9, less than for 50 % of the held-out" in near.sentence
    assert "All lie within the normal band" in profile.sentence
    below = inside + [0.5, 0, 0]
    assert (
        "33.3 % of them lie outside the normal band"
        in kernels.why_alike(explained(normal_similarities=below), IMAGE)[1].sentence
    )


@pytest.mark.parametrize(("far", "side"), [(0.8, "Outside"), (0.6, "Inside")])
def test_the_ball_s_surface_is_its_squared_radius(far, side):
    given = explained(distances=np.float64(far), squared_radius=np.float64(0.7), normal_distances=np.full(10, 0.5))
    _, ball = kernels.why_inside_the_ball(given, IMAGE)
    assert ball.sentence.startswith(f"{side} the ball: {far:g} squared, the radius is 0.7, more than for 100 %")
    assert [line.x0 for line in ball.figure.layout.shapes] == [far, 0.7]


@pytest.fixture
def portrait(rng) -> dict:
    """Five support vectors of full weight and three of less, among 40 training images."""
    weights = np.array([1, 1, 1, 1, 0.99999, 0.5, 0.2, 0.1])
    images = rng.integers(1, 256, (8, 1, 4, 4), np.uint8)
    return {"coefficients": weights, "vector_images": images[:6], "places": np.array([9, 3, 30, 1, 7, 20, 4, 8])} | {
        "used": np.array(40)
    }


def test_full_weights_are_told_from_smaller_ones(portrait, rng):
    bank = {"bank": rng.integers(0, 256, (40, 1, 4, 4), np.uint8), "bank_of": np.arange(40)}
    picture = kernels.support_vectors(portrait, bank)
    assert picture.sentence.startswith("8 of 40 training images hold the border")
    assert "5 have the full weight, 1: " in picture.sentence and "the other 3 lie on the border" in picture.sentence
    assert list(picture.figure.layout.yaxis.ticktext) == ["largest", "smaller"]
    below = picture.figure.layout.xaxis.ticktext
    assert below[0] == "1<br>0.5" and below[2] == "1<br>0.1" and below[4] == "1<br>"


def test_support_vectors_that_the_bank_lacks_are_not_drawn(portrait, rng):
    bank = {"bank": rng.integers(0, 256, (2, 1, 4, 4), np.uint8), "bank_of": np.array([4, 35])}
    below = kernels.support_vectors(portrait, bank).figure.layout.xaxis.ticktext
    assert [text.split("<br>")[1] for text in below] == ["0.2", "", "", "", ""]
    none = kernels.support_vectors(portrait, {"bank": bank["bank"], "bank_of": np.array([35, 36])})
    assert list(none.figure.layout.yaxis.ticktext) == ["largest"]


def test_landmarks_are_no_support_vectors(portrait, rng):
    bank = {"bank": rng.integers(0, 256, (40, 1, 4, 4), np.uint8), "bank_of": np.arange(40)}
    portrait["coefficients"] = np.linspace(2, -1, 8)
    picture = kernels.support_vectors(portrait, bank, exact=False)
    assert "5 pull towards normal, 3 push away. They are no support vectors." in picture.sentence
    assert picture.figure.layout.title.text.startswith("Landmarks")


def test_hidden_classes_of_support_vectors_against_those_of_training_images():
    classes = np.array(["1"] * 10 + ["2"] * 30)
    picture = kernels.by_hidden_class(np.array([0, 1, 2, 11]), classes)
    np.testing.assert_allclose(picture.table["support vectors"], [0.75, 0.25])
    np.testing.assert_allclose(picture.table["training images"], [0.25, 0.75])
    assert picture.sentence.startswith("Class 1 is 25 % of the training images and 75 % of the support vectors")


def test_exact_and_linear_are_compared_by_rank(rng):
    exact = rng.normal(size=40)
    kinds = Kinds.of_test(np.arange(40) % 2)
    picture = kernels.exact_against_linear(exact, np.exp(exact), kinds, [2.5, None], [1000, 5000])
    assert (
        "a correlation of 1.000, a difference in AUROC of +0.000 (+0.000 to +0.000). Exact 1,000 training images in "
        "2.5 s, linear 5,000 training images." in picture.sentence
    )
    novel, normal = picture.figure.data
    np.testing.assert_allclose(novel.x, novel.y)
    assert len(novel.x) == len(normal.x) == 20
    against = kernels.exact_against_linear(exact, -exact, kinds, [1, 1], [1, 1])
    assert "a correlation of -1.000" in against.sentence
    gap = 2 * evaluation.auroc(exact, kinds.novel) - 1
    assert f"a difference in AUROC of {gap:+.3f} (" in against.sentence
