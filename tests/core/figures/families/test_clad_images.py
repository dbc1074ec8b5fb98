import numpy as np
import pytest

from core.figures.families import clad_images


def pictures(numbers) -> np.ndarray:
    """An image for each number, all of whose pixels are it."""
    return np.broadcast_to(np.asarray(numbers, np.uint8)[..., None, None, None], (*np.shape(numbers), 1, 2, 2))


def test_the_rows_of_a_kind_are_its_surest_and_least_sure_images():
    sure, unsure = np.array([[0, 1], [2, 3]]), np.array([[1, 0], [3, 2]])
    portrait = {
        "sure": sure,
        "unsure": unsure,
        "sure_images": pictures(sure),
        "unsure_images": pictures(unsure),
        "sizes": np.array([2, 1200]),
        "doubt": np.array([0.1, 0.2, 0.0, np.log(2)]),
    }
    surest, least = clad_images.of_kind(1, portrait, np.array(["a", "b", "c", "d"]))
    assert surest.title == "Kind B, 1,200 images: surest"
    assert (surest.labels, least.labels) == (["c · 1.000", "d · 0.500"], ["d · 0.500", "c · 1.000"])
    assert least.images[:, 0, 0, 0].tolist() == [3, 2]


def test_neighbours_are_of_the_image_s_kind_and_in_order(rng):
    train_of = np.array([9, 1, 5, 3])
    embedding = np.array([[1.0], [2], [0], [3]])
    kinds = np.zeros(10, int)
    kinds[5] = 1  # the nearest, of another kind
    bank_of = np.array([1, 3, 5, 7, 9])
    bank = {"bank": pictures(bank_of), "bank_of": bank_of, "classes": np.array(["1", "3", "5", "7", "9"])}
    reason = {"cluster": np.array(0), "embedding": np.array([0.0])}
    row = clad_images.neighbours(reason, {"embedding": embedding, "train_of": train_of}, bank, kinds)
    assert row.images[:, 0, 0, 0].tolist() == [9, 1, 3]
    assert row.labels == ["class 9", "class 1", "class 3"]
    assert row.title.startswith("Nearest training images of kind A")


@pytest.mark.parametrize("kind", [0, 1])
def test_a_kind_without_shown_training_images_has_no_neighbours(kind):
    bank = {"bank": pictures([0]), "bank_of": np.array([0]), "classes": np.array(["a"])}
    shown = {"embedding": np.zeros((1, 1)), "train_of": np.array([0])}
    reason = {"cluster": np.array(kind), "embedding": np.array([0.0])}
    assert len(clad_images.neighbours(reason, shown, bank, np.array([0])).labels) == 1 - kind
