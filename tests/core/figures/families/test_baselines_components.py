import numpy as np
import pytest

from core import evaluation
from core.figures import Kinds
from core.figures.families import baselines_components as components


@pytest.fixture
def fitted(rng) -> dict:
    """Principal components of 60 images of 4 x 4, by an SVD, and 20 other images in 0..1 along the first 6 of them."""
    train, rows = rng.uniform(size=(60, 16)), rng.uniform(size=(20, 16))
    mean = train.mean(0)
    axes = np.linalg.svd(train - mean, full_matrices=False)[2][:6]
    return {"rows": rows, "mean": mean, "axes": axes, "coordinates": (rows - mean) @ axes.T} | {
        "off_mean": np.square(rows - mean).sum(1)
    }


@pytest.mark.parametrize("count", [0, 1, 4, 6])
def test_the_error_of_fewer_components_is_that_of_the_redrawn_image(fitted, count):
    first = fitted["axes"][:count]
    redrawn = fitted["mean"] + (fitted["rows"] - fitted["mean"]) @ first.T @ first
    expected = np.square(fitted["rows"] - redrawn).sum(1)
    (error,) = components.errors(fitted["off_mean"], fitted["coordinates"], [count])
    np.testing.assert_allclose(error, expected, rtol=1e-9)
    drawn = components.with_fewer(
        fitted["coordinates"][3], fitted["axes"].reshape(6, 1, 4, 4), fitted["mean"].reshape(1, 4, 4), count
    )
    assert np.abs(drawn.ravel() - 255 * redrawn[3].clip(0, 1)).max() <= 0.5


def test_rounding_makes_no_error_negative():
    assert components.errors(np.array([1.0]), np.array([[1.0 + 1e-9]]), [1]).tolist() == [[0.0]]


def test_as_many_components_can_be_chosen_as_are_stored_and_all_that_are_kept():
    assert components.choices(3, 32) == [0, 1, 2, 3]
    assert components.choices(150, 2) == [0, 1, 2, 150]
    assert components.choices(0, 0) == [0]


def test_auroc_by_number_is_measured_over_all_and_by_class(fitted):
    novel = np.arange(20) % 2
    classes = np.where(novel, "3", np.where(np.arange(20) < 10, "1", "2"))
    picture = components.by_number(fitted["off_mean"], fitted["coordinates"], Kinds.of_test(novel), classes, 2, 0.7)
    errors = components.errors(fitted["off_mean"], fitted["coordinates"], range(7))
    assert list(picture.table) == ["components", "all images", "3 (novel)", "1 (normal)", "2 (normal)"]
    some = (novel == 1) | (classes == "2")
    for count in (0, 3, 6):
        assert picture.table["all images"][count] == pytest.approx(evaluation.auroc(errors[count], novel))
        assert picture.table["2 (normal)"][count] == pytest.approx(evaluation.auroc(errors[count][some], novel[some]))
    best = int(np.argmax(picture.table["all images"]))
    assert picture.sentence.startswith(f"Highest with {best} components, {max(picture.table['all images']):.3f}")
    assert "as trained 0.700" in picture.sentence
    assert picture.figure.layout.shapes[0].x0 == 2


def test_without_any_component_there_is_one_column():
    kinds = Kinds.of_test([0, 0, 1, 1])
    picture = components.by_number(np.arange(4.0), np.zeros((4, 0)), kinds, np.array(["a", "a", "b", "b"]), 0)
    assert picture.table["all images"].tolist() == [1.0]


def test_why_shows_what_is_left_over():
    image, redrawn = np.zeros((1, 4, 4), np.uint8), np.full((1, 4, 4), 51, np.uint8)
    normal = np.tile([1.0, -1.0], (30, 1)) * np.linspace(-1, 1, 30)[:, None]
    given = {"redrawn": redrawn, "coordinates": np.array([0.1, 5.0]), "normal_coordinates": normal}
    left, along = components.why(given, image)
    assert "0.64 is left over" in left.sentence  # 16 pixels of 0.2 squared
    assert left.figure.layout.xaxis.ticktext[2] == "left over, to 20 %"
    assert "along 1 of 2 components, farthest along component 2: 8.4 standard deviations" in along.sentence
    np.testing.assert_allclose(along.table["image"], np.array([0.1, 5.0]) / normal.std(0))


def test_coordinates_without_normal_images_are_as_they_are():
    along = components.along({"coordinates": np.array([1.0, -3.0])})
    assert list(along.table["image"]) == [1, -3] and "Farthest along component 2" in along.sentence


def test_one_image_by_a_chosen_number_says_how_usual_its_error_is():
    image = np.zeros((1, 4, 4), np.uint8)
    words = {
        count: components.one_image(image, image, 0.5, count, np.array([0.1, 0.9])).sentence for count in (0, 1, 7)
    }
    assert words[0].startswith("Redrawn from the mean image alone, 0.5 is left over")
    assert words[1].startswith("Redrawn from the first component, ")
    assert words[7].startswith("Redrawn from the first 7 components, ")
    assert "more than for 50 % of the held-out normal images" in words[7]


def test_components_are_images_with_their_share(rng):
    axes, mean = rng.normal(size=(20, 1, 4, 4)), np.full((1, 4, 4), 0.5)
    ratio = np.full(20, 0.05)
    picture = components.components(axes, mean, ratio)
    assert len(picture.table["component"]) == 12
    assert list(picture.figure.layout.xaxis.ticktext)[:2] == ["mean", "1<br>5 %"]
    assert "The first 12 hold 60 %" in picture.sentence
    assert "The first 0 hold 0 %" in components.components(axes[:0], mean, ratio).sentence


def test_variance_kept_marks_the_trained_and_the_chosen_number():
    picture = components.variance_kept(np.array([0.5, 0.3, 0.2]), 2, 1)
    np.testing.assert_allclose(picture.table["share"], [0, 0.5, 0.8, 1])
    assert [(line.x0, line.line.dash) for line in picture.figure.layout.shapes] == [(2, "dash"), (1, "dot")]
    assert "2 of 3 components keep 80 %" in picture.sentence
    assert len(components.variance_kept(np.array([0.5, 0.3, 0.2]), 2, 2).figure.layout.shapes) == 1
