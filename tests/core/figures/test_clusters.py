import numpy as np
import pytest

from core import figures
from core.figures import clusters


@pytest.mark.parametrize(("cluster", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA")])
def test_clusters_are_lettered_as_the_columns_of_a_spreadsheet(cluster, letters):
    assert clusters.letter(cluster) == letters


def test_many_clusters_look_different():
    looks = {tuple(clusters.look(k).values()) for k in range(45)}
    assert len(looks) == 45
    assert len({clusters.look(k)["color"] for k in range(9)}) == 9
    assert not {colour for colour, _ in looks} & {figures.NORMAL, figures.NOVEL}


def test_the_main_class_of_a_cluster_is_its_largest():
    labels, classes = np.array([0, 0, 0, 1, 1]), np.array(["one", "two", "two", "one", "one"])
    assert clusters.main_classes(labels, classes) == [("two", pytest.approx(2 / 3)), ("one", 1.0)]


def test_the_class_map_counts_and_names_the_most_mixed_cluster():
    labels = np.array([0] * 10 + [1] * 10)
    classes = np.array(["a"] * 10 + ["a"] * 3 + ["b"] * 7)
    picture = clusters.class_map(labels, classes)
    assert picture.table["class a"].tolist() == [10, 3]
    np.testing.assert_allclose(picture.figure.data[0].z, [[100, 0], [30, 70]])
    assert "85 % of the training images are of their cluster's main class" in picture.sentence
    assert "most mixed is B, with 30 %" in picture.sentence
    assert "diagnosis only" in picture.sentence


def test_the_class_map_of_a_single_ball_says_that_it_covers_all():
    sentence = clusters.class_map(np.zeros(4, int), np.array(["a", "a", "b", "b"])).sentence
    assert "One cluster has to cover all" in sentence


def test_names_of_strangers_are_no_markup():
    picture = clusters.class_map(np.zeros(2, int), np.array(["<b>x", "y"]))
    assert picture.figure.data[0].x[0] == "class &lt;b&gt;x"
