import numpy as np
import pytest

from core.figures.families import baselines_neighbours as neighbours

IMAGE = np.full((1, 4, 4), 7, np.uint8)


def explained(**more) -> dict:
    near = np.arange(48, dtype=np.uint8).reshape(1, 4, 12)
    return {"near": near, "neighbours": np.array([1200, 3, 9, 4]), "distances": np.array([1.0, 2, 2, 3]), **more}


def test_the_neighbours_stand_beside_the_image_with_their_numbers_and_distances():
    near, by_rank = neighbours.why_far(explained(), IMAGE)
    assert list(near.figure.layout.xaxis.ticktext) == [
        "<b>this image</b>",
        "no. 1,200<br>distance 1",
        "no. 3<br>distance 2",
        "no. 9<br>distance 2",
    ]
    assert near.table["training image"] == [1200, 3, 9]
    assert near.sentence == "The nearest 4 training images lie on average 2 away."
    assert list(by_rank.table["image"]) == [1, 2, 2, 3]


def test_distances_are_told_against_those_of_normal_images():
    normal = np.tile([0.5, 1, 2, 5], (20, 1)) + np.linspace(-0.2, 0.2, 20)[:, None]
    near, by_rank = neighbours.why_far(explained(normal_distances=normal), IMAGE)
    assert near.sentence.endswith("more than for 20 % of the held-out normal images.")  # 2 against 2.125 +- 0.2
    assert by_rank.sentence.startswith("2 of its 4 distances lie above the band; the nearest training image is 2.00")


def test_one_neighbour_has_no_ranks():
    one = explained() | {"neighbours": np.array([5]), "distances": np.array([1.5])}
    (near,) = neighbours.why_far(one, IMAGE)
    assert near.sentence == "The nearest training image lies on average 1.5 away."


def test_the_factor_is_the_mean_density_at_the_neighbours_over_the_own(rng):
    densities, normal = np.array([0.4, 0.6, 0.5, 0.9]), rng.uniform(0.4, 0.6, (30, 4))
    given = explained(density=np.float32(0.3), densities=densities)
    given |= {"normal_density": np.full(30, 0.5), "normal_densities": normal}
    near, factor = neighbours.why_sparse(given, IMAGE)
    assert "a factor of 2.00, more than for 100 %" in near.sentence
    assert factor.figure.layout.shapes[0].x0 == pytest.approx(2)
    assert factor.figure.layout.shapes[1].x0 == 1
    assert "from 0.4 to 0.9" in factor.sentence
    assert factor.table["normal"].sum() == 30


def test_usual_and_unusual_training_images_are_two_rows(rng):
    portrait = {name: rng.integers(0, 256, (5, 1, 4, 4), np.uint8) for name in ("usual_images", "unusual_images")}
    picture = neighbours.usual_and_unusual(portrait, "by distance")
    assert list(picture.figure.layout.yaxis.ticktext) == ["most usual", "least usual"]
    assert picture.table["images"] == [5, 5] and "by distance" in picture.sentence


def test_densities_of_training_images_and_their_span():
    values = np.linspace(1, 5, 101)
    picture = neighbours.densities(values, 101)
    assert picture.table["images"].sum() == 101
    assert "span a factor of 4.0 in density (dotted: the median, 3)" in picture.sentence  # 4.8 over 1.2
    assert "No two of them are equal" in picture.sentence
    assert "7 copies of others count once" in neighbours.densities(values, 108).sentence


def test_fewer_neighbours_give_the_scores_of_a_fit_with_fewer(rng):
    train, images = rng.normal(size=(30, 3)), rng.normal(size=(6, 3))
    distances = np.sort(np.linalg.norm(images[:, None] - train, axis=2), axis=1)
    scores = neighbours.with_fewer(distances[:, :5], 2)
    np.testing.assert_allclose(scores["mean"], distances[:, :2].mean(1))
    np.testing.assert_allclose(scores["last"], distances[:, 1])


def test_hidden_classes_of_neighbours_are_counted_most_first():
    classes = np.array(["1", "7", "7", "1", "7"])
    assert neighbours.hidden_classes(np.array([1, 2, 0]), classes).endswith(
        "these 3 training images are 2 of class 7, 1 of class 1."
    )
