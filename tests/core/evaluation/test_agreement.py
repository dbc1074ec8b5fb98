import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from core.errors import WrongRequest
from core.evaluation import contingency, normalised_mutual_information, purity


def test_agreement_equals_scikit_learn(rng):
    clusters, classes = rng.integers(0, 5, 300), rng.choice(["three", "one", "zero"], 300)
    table = contingency(clusters, classes)
    np.testing.assert_array_equal(table, contingency_matrix(clusters, classes))
    assert normalised_mutual_information(table) == pytest.approx(normalized_mutual_info_score(clusters, classes))


def test_purity_counts_the_largest_class_of_each_cluster():
    assert purity(np.array([[8, 2], [1, 9]])) == pytest.approx(17 / 20)


def test_equal_partitions_agree_wholly_and_a_single_cluster_tells_nothing():
    same = contingency([2, 2, 7, 7], ["a", "a", "b", "b"])
    assert (purity(same), normalised_mutual_information(same)) == (1, pytest.approx(1))
    one = contingency([0, 0, 0, 0], ["a", "a", "b", "b"])
    assert (purity(one), normalised_mutual_information(one)) == (0.5, 0)
    assert normalised_mutual_information(contingency([0, 0], ["a", "a"])) == 1


@pytest.mark.parametrize(("clusters", "classes"), [([], []), ([0, 1], ["a"])])
def test_clusters_and_classes_must_name_the_same_images(clusters, classes):
    with pytest.raises(WrongRequest, match="same images"):
        contingency(clusters, classes)
