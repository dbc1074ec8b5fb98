import numpy as np

from core.runs.results import reasons


def test_an_image_has_its_own_row_and_those_of_validation_images(rng):
    stored = {
        "test/layers": rng.uniform(size=(5, 3)),
        "test/reconstruction": rng.integers(0, 256, (5, 1, 4, 4)).astype(np.uint8),
        "valid/layers": rng.uniform(size=(4, 3)),
    }
    rows = reasons.of_image(stored, 2)
    assert set(rows) == {"layers", "reconstruction", "normal_layers"}
    np.testing.assert_array_equal(rows["layers"], stored["test/layers"][2])
    np.testing.assert_array_equal(rows["reconstruction"], stored["test/reconstruction"][2])
    np.testing.assert_array_equal(rows["normal_layers"], stored["valid/layers"])
    assert reasons.held_out(stored).keys() == {"normal_layers"}


def test_class_names_are_those_of_the_training_images():
    members, classes = np.array([1, 0, 2, 1]), np.array(["six", "two", "seven", "six"])
    assert reasons.class_names(members, classes)["class_names"].tolist() == ["two", "six", "seven"]
