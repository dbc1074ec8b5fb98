import numpy as np

from core.figures.families import baselines_forest as forest

IMAGE = np.zeros((1, 2, 2), np.uint8)


def test_fewer_cuts_than_usual_are_told_against_normal_images():
    normal = np.tile(np.array([8.0, 10, 12]), (20, 1))
    given = {"path_lengths": np.array([2.0, 4, 12]), "expected": np.float32(9), "normal_path_lengths": normal}
    mean, trees = forest.why(given, IMAGE)
    assert mean.sentence == "6 cuts on average over 3 trees, less than for 100 % of the held-out normal images."
    assert [line.x0 for line in mean.figure.layout.shapes] == [6, 9]
    assert trees.sentence.startswith("In 66.7 % of the trees fewer cuts than usual do; from 2 to 12")
    np.testing.assert_allclose([trees.table["image"].sum(), trees.table["normal"].sum()], 1)


def test_cuts_are_drawn_by_pixel_with_those_that_never_vary():
    cuts = np.array([[[0, 3], [1, 6]]])
    mean = np.array([[[0.0, 0.5], [0.001, 0.9]]])
    picture = forest.where_it_cuts(cuts, mean)
    assert picture.sentence.startswith("10 cuts over 3 of 4 pixels; row 1, column 1 is cut most often, 6 times.")
    assert "also 1 nearly black ones" in picture.sentence
    drawn, beside = picture.figure.data
    np.testing.assert_array_equal(drawn.z, cuts[0])
    np.testing.assert_array_equal(beside.z, mean[0])
    assert list(picture.table["cuts"]) == [0, 3, 1, 6]


def test_the_cuts_of_channels_are_added_up():
    cuts = np.stack([np.array([[1, 0], [0, 0]]), np.array([[2, 5], [0, 0]]), np.zeros((2, 2), int)])
    assert list(forest.where_it_cuts(cuts, np.ones((3, 2, 2))).table["cuts"]) == [3, 5, 0, 0]


def test_the_cuts_of_components_are_bars():
    picture = forest.where_it_cuts(np.array([4, 9, 1]), np.zeros((1, 2, 2)))
    assert picture.sentence == "14 cuts; component 2 is cut most often, 9 times."
    assert list(picture.figure.data[0].x) == [1, 2, 3]
