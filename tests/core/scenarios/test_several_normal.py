"""Several normal classes, and their labels."""

import numpy as np

from core.scenarios import build, task_spec


def test_the_labels_are_those_of_the_training_images_and_no_novel_class_is_among_them():
    task = build(task_spec("digits", "several-normal", "3,0,1"))
    assert task.spec.target == ("0", "1", "3")
    np.testing.assert_array_equal(task.labels.astype(str), task.class_names("train"))
    assert set(task.class_names("test")[task.novel == 1]) == set("2456789")
