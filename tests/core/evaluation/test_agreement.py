import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from core.errors import WrongRequest
from core.evaluation import (
    adjusted_rand_index,
    contingency,
    matched_accuracy,
    normalised_mutual_information,
    purity,
)
from core.evaluation.agreement import matching


def test_agreement_equals_scikit_learn(rng):
    clusters, classes = rng.integers(0, 5, 300), rng.choice(["three", "one", "zero"], 300)
    table = contingency(clusters, classes)
    np.testing.assert_array_equal(table, contingency_matrix(clusters, classes))
    assert normalised_mutual_information(table) == pytest.approx(normalized_mutual_info_score(clusters, classes))
    assert adjusted_rand_index(table) == pytest.approx(adjusted_rand_score(clusters, classes))
    related = np.where(rng.random(300) < 0.5, clusters, rng.integers(0, 5, 300))
    rand = adjusted_rand_index(contingency(clusters, related))
    assert rand == pytest.approx(adjusted_rand_score(clusters, related))
    assert rand > 0.1


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 5), (50, 50), (50, 3), (4, 60)])
def test_the_matching_holds_as_many_images_as_that_of_scipy(rng, shape):
    for most in (3, 10_000):  # many ties, and few
        table = rng.integers(0, most, shape) + 1
        clusters, classes = matching(table)
        assert len(set(clusters.tolist())) == len(set(classes.tolist())) == min(shape)
        best = table[linear_sum_assignment(table, maximize=True)].sum()
        assert table[clusters, classes].sum() == best
        assert matched_accuracy(table) == pytest.approx(best / table.sum())


def test_splitting_a_class_costs_matched_accuracy_and_no_purity():
    table = np.array([[6, 0], [4, 0], [0, 10]])
    assert purity(table) == 1
    assert matched_accuracy(table) == pytest.approx(16 / 20)
    assert adjusted_rand_index(table) < 1


def test_the_best_single_pair_may_be_left_for_a_better_whole():
    assert matched_accuracy(np.array([[9, 8], [7, 0]])) == pytest.approx(15 / 24)


def test_purity_counts_the_largest_class_of_each_cluster():
    assert purity(np.array([[8, 2], [1, 9]])) == pytest.approx(17 / 20)


def test_equal_partitions_agree_wholly_and_a_single_cluster_tells_nothing():
    same = contingency([2, 2, 7, 7], ["a", "a", "b", "b"])
    assert (purity(same), normalised_mutual_information(same)) == (1, pytest.approx(1))
    one = contingency([0, 0, 0, 0], ["a", "a", "b", "b"])
    assert (purity(one), normalised_mutual_information(one)) == (0.5, 0)
    assert normalised_mutual_information(contingency([0, 0], ["a", "a"])) == 1
    assert [adjusted_rand_index(each) for each in (same, one)] == [1, 0]
    for trivial in (contingency([0], ["a"]), contingency([0, 0], ["a", "a"]), contingency([0, 1], ["a", "b"])):
        assert adjusted_rand_index(trivial) == matched_accuracy(trivial) == 1


@pytest.mark.parametrize(("clusters", "classes"), [([], []), ([0, 1], ["a"])])
def test_clusters_and_classes_must_name_the_same_images(clusters, classes):
    with pytest.raises(WrongRequest, match="same images"):
        contingency(clusters, classes)
