import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_score

from core.algorithms.finch import Hierarchy, choose, finch, first_neighbours, minimum_size, refine, silhouette
from core.errors import WrongRequest

GRID = torch.cartesian_prod(torch.arange(8.0), torch.arange(8.0))


@pytest.fixture(params=[0, 1, 2])
def points(request) -> torch.Tensor:
    return torch.randn(300, 5, generator=torch.Generator().manual_seed(request.param))


@pytest.fixture
def blobs() -> torch.Tensor:
    """Four blobs of 100 points each, and a fifth of 12 beside the last one."""
    generator = torch.Generator().manual_seed(4)
    centres = 20 * torch.eye(5)
    centres[4] = centres[3] + 3 * torch.eye(5)[4]
    sizes = torch.tensor([100, 100, 100, 100, 12])
    return centres.repeat_interleave(sizes, 0) + 0.3 * torch.randn(412, 5, generator=generator)


def squared_distances(points) -> np.ndarray:
    points = np.asarray(points, np.float64)
    squared = np.square(points[:, None] - points[None]).sum(2)
    np.fill_diagonal(squared, np.inf)
    return squared


def literal_partition(points) -> np.ndarray:
    """The adjacency matrix of the paper, all three conditions spelt out, and a union of every linked pair."""
    neighbour = squared_distances(points).argmin(1)
    adjacent = (
        (neighbour[:, None] == np.arange(len(points)))
        | (neighbour[None] == np.arange(len(points))[:, None])
        | (neighbour[:, None] == neighbour[None])
    )
    groups = [{i} for i in range(len(points))]
    for i, j in np.argwhere(adjacent):
        if groups[i] is not groups[j]:
            groups[i] |= groups[j]
            for member in groups[j]:
                groups[member] = groups[i]
    return np.array([min(group) for group in groups])


def literal_finch(points) -> list[np.ndarray]:
    points = np.asarray(points, np.float64)
    labels, levels = np.arange(len(points)), []
    while len(np.unique(labels)) > 1:
        names = np.unique(labels)
        means = np.array([points[labels == name].mean(0) for name in names])
        labels = names[literal_partition(means)][np.searchsorted(names, labels)]
        levels.append(labels)
    return levels[:-1] if len(levels) > 1 else levels


def literal_refine(points, labels, clusters) -> np.ndarray:
    labels = labels.copy()
    while len(names := np.unique(labels)) > clusters:
        squared = squared_distances([points[labels == name].double().mean(0).tolist() for name in names])
        kept, gone = np.unravel_index(squared.argmin(), squared.shape)
        labels[labels == names[gone]] = names[kept]
    return labels


def partition(labels) -> set[frozenset]:
    return {frozenset(np.flatnonzero(labels == name).tolist()) for name in np.unique(labels)}


# First neighbours


@pytest.mark.parametrize("block", [None, 1, 7, 300])
def test_first_neighbours_are_the_nearest_other_points(points, block):
    np.testing.assert_array_equal(first_neighbours(points, block), squared_distances(points).argmin(1))


def test_first_neighbours_resolve_what_float32_products_cannot():
    line = torch.linspace(0, 1, 400, dtype=torch.float64).square()  # gaps from 6e-6 to 5e-3, all different
    far = torch.stack([1e6 + 1e-3 * line, torch.zeros(400, dtype=torch.float64)], 1)
    far[-1, 1] = 1e3  # one outlier sets the scale: the other points differ by less than float32 sees
    np.testing.assert_array_equal(first_neighbours(far), squared_distances(far).argmin(1))


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_first_neighbours_do_not_depend_on_the_unit(points, size):
    torch.testing.assert_close(first_neighbours(points.double() * size), first_neighbours(points))


def test_ties_go_to_the_lowest_index():
    lattice = torch.cartesian_prod(*[torch.arange(4.0)] * 4) + 0.1  # up to eight equal neighbours, more than candidates
    np.testing.assert_array_equal(first_neighbours(lattice.round()), squared_distances(lattice.round()).argmin(1))
    copies = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))[torch.arange(300) % 30]  # ten of each
    expected = torch.where(torch.arange(300) < 30, torch.arange(300) + 30, torch.arange(300) % 30)
    torch.testing.assert_close(first_neighbours(copies), expected)


def test_a_single_point_has_no_first_neighbour():
    with pytest.raises(WrongRequest, match="at least two points"):
        first_neighbours(torch.zeros(1, 3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="Compares a GPU with the CPU, and this machine has no GPU.")
def test_first_neighbours_are_the_same_on_a_gpu(points):
    torch.testing.assert_close(first_neighbours(points.cuda()), first_neighbours(points))


# Hierarchy


def test_finch_equals_the_adjacency_matrix_of_the_paper(points):
    levels = finch(points).labels
    expected = literal_finch(points)
    assert len(levels) == len(expected) >= 3
    for level, truth in zip(levels, expected, strict=True):
        assert partition(level) == partition(truth)


def test_clusters_are_as_many_as_mutual_pairs(points):
    neighbour = first_neighbours(points)
    mutual = int((neighbour[neighbour] == torch.arange(len(points))).sum()) // 2
    assert finch(points).counts[0] == mutual


def test_levels_are_nested_and_at_least_halve(points):
    hierarchy = finch(points)
    for fine, coarse in itertools.pairwise(hierarchy.labels):
        assert all(len(np.unique(coarse[fine == cluster])) == 1 for cluster in range(fine.max() + 1))
    counts = [len(points), *hierarchy.counts]
    assert all(2 * after <= before for before, after in itertools.pairwise(counts))
    assert counts[-1] > 1
    assert hierarchy.smallest[0] >= 2


def test_labels_go_by_size_then_by_smallest_member(points):
    for labels in finch(points).labels:
        assert labels.dtype == np.int64
        keys = [
            (-len(members), min(members)) for c in range(labels.max() + 1) for members in [np.flatnonzero(labels == c)]
        ]
        assert keys == sorted(keys)


def test_counts_and_smallest_describe_each_level():
    hierarchy = Hierarchy([np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 0, 0, 0, 1])])
    assert hierarchy.counts == [3, 2]
    assert hierarchy.smallest == [1, 1]


@pytest.mark.parametrize("points", [GRID, torch.ones(40, 3), torch.zeros(1, 2), torch.eye(2), torch.randn(3, 2)])
def test_grids_copies_and_up_to_three_points_are_one_cluster(points):
    hierarchy = finch(points)
    assert hierarchy.counts == [1]
    assert hierarchy.smallest == [len(points)]


def test_four_points_can_be_two_clusters():
    assert finch(torch.tensor([[0], [1], [10], [11]])).labels[0].tolist() == [0, 0, 1, 1]


def test_copies_share_a_cluster(points):
    for labels in finch(points.repeat(2, 1)).labels:
        np.testing.assert_array_equal(labels[:300], labels[300:])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_points_that_are_not_finite_are_refused(value):
    points = torch.zeros(5, 2)
    points[3, 1] = value
    with pytest.raises(WrongRequest, match="^1 of 5 points"):
        finch(points)


def test_no_points_are_refused():
    with pytest.raises(WrongRequest, match=r"no points .* \[0, 4\]"):
        finch(torch.zeros(0, 4))


def test_many_points_take_the_best_of_enough_approximate_candidates(points, monkeypatch):
    asked = []

    def descent(data, metric, n_neighbors, random_state):
        asked.append((metric, n_neighbors, random_state))
        nearest = (
            np.square(data[:, None] - data[None]).sum(2).argsort(1)[:, :n_neighbors]
        )  # the point itself comes first
        nearest[:, -3:] = -1  # the descent didn't find these
        return SimpleNamespace(neighbor_graph=(nearest[:, ::-1].astype(np.int32), None))

    monkeypatch.setitem(sys.modules, "pynndescent", SimpleNamespace(NNDescent=descent))
    approximate = finch(points, exact_limit=100, seed=9)
    assert asked == [("euclidean", 16, 9)]  # the means of the next level are few enough for an exact search
    for level, truth in zip(approximate.labels, finch(points).labels, strict=True):
        np.testing.assert_array_equal(level, truth)


# A required number of clusters


@pytest.mark.parametrize("clusters", [1, 2, 5, 11, 30])
def test_refine_merges_the_closest_means_one_pair_at_a_time(points, clusters):
    labels = finch(points).labels[0]
    refined = refine(points, labels, clusters)
    assert refined.max() + 1 == clusters
    assert partition(refined) == partition(literal_refine(points, labels, clusters))


@pytest.mark.parametrize("seed", range(4))
def test_refine_merges_the_lowest_labels_among_equally_close_pairs(seed):
    points = torch.randint(0, 6, (25, 2), generator=torch.Generator().manual_seed(seed)).float()
    for clusters in range(1, 26):
        expected = literal_refine(points, np.arange(25), clusters)
        assert partition(refine(points, np.arange(25), clusters)) == partition(expected)


def test_refine_knows_each_pair_by_its_lower_label():
    points = torch.tensor([[11, 6], [9, 1], [6, 4], [9, 1], [1, 9], [8, 10], [2, 6], [0, 3]])
    expected = literal_refine(points, np.arange(8), 3)  # a moved mean is as close to a lower label as another pair
    assert partition(refine(points, np.arange(8), 3)) == partition(expected)


def test_refine_weighs_means_by_size():
    line = torch.tensor([[0.0]] * 9 + [[4.0], [8.5], [-7.0]])
    labels = np.array([0] * 9 + [1, 2, 3])
    # 0 and 4 join at 0.4, nearer to -7 than to 8.5; an unweighted mean, 2, would be nearer to 8.5.
    assert refine(line, labels, 2).tolist() == [0] * 10 + [1, 0]


def test_refine_cannot_make_more_clusters(points):
    labels = finch(points).labels[-1]
    found = labels.max() + 1
    with pytest.raises(WrongRequest, match=f"^{found + 1} clusters .* there are {found} to merge"):
        refine(points, labels, found + 1)


# Silhouette


def test_silhouette_equals_scikit_learn(points):
    for labels in finch(points).labels:
        assert silhouette(points, labels) == pytest.approx(silhouette_score(points.double().numpy(), labels), abs=1e-9)


def test_silhouette_of_a_sample_is_measured_within_it():
    points = torch.randn(2500, 3, generator=torch.Generator().manual_seed(0))
    labels = (points[:, 0] > 0.3).long().numpy() + 3  # labels need not start at 0
    whole = silhouette_score(points.double().numpy(), labels)
    assert silhouette(points, labels) == pytest.approx(whole, abs=1e-9)  # more rows than one block
    drawn = torch.randperm(2500, generator=torch.Generator().manual_seed(7))[:400].numpy()
    sampled = silhouette_score(points.double().numpy()[drawn], labels[drawn])
    assert silhouette(points, labels, sample=400, seed=7) == pytest.approx(sampled, abs=1e-9)
    assert silhouette(points, labels, sample=400, seed=8) != pytest.approx(sampled, abs=1e-9)


def test_silhouette_of_lone_and_equal_points_is_zero():
    lone = silhouette(torch.tensor([[0.0], [1.0], [5.0]]), np.array([0, 0, 1]))
    assert lone == pytest.approx((4 / 5 + 3 / 4 + 0) / 3)
    assert silhouette(torch.zeros(4, 2), np.array([0, 0, 1, 1])) == 0
    assert silhouette(torch.randn(4, 2), np.zeros(4, np.int64)) == 0


# The choice


def test_minimum_size_leaves_room_for_a_quantile():
    assert minimum_size(1000, nu=0.5) == 50
    assert minimum_size(1000, nu=0.01) == 1000
    assert minimum_size(18_796, nu=0.1) == 188


def test_auto_takes_the_best_silhouette_above_the_finest_level(blobs):
    hierarchy = finch(blobs)
    choice = choose(blobs, hierarchy, "auto", smallest=1)
    expected = [silhouette(blobs, labels) for labels in hierarchy.labels]
    assert choice.silhouettes == expected
    assert choice.level == max(range(1, len(expected)), key=expected.__getitem__)
    np.testing.assert_array_equal(choice.labels, hierarchy.labels[choice.level])
    assert choice.merged == 0
    assert f"Level {choice.level} of 0 to {len(expected) - 1}: {choice.clusters} clusters" in choice.sentence
    assert f"best silhouette ({max(expected[1:]):.2f})" in choice.sentence


def test_auto_passes_over_the_finest_level_and_small_clusters():
    points = torch.cat([torch.zeros(60, 1), torch.ones(60, 1), torch.full((6, 1), 9.0), torch.full((6, 1), 10.0)])
    points += 1e-3 * torch.linspace(0, 1, len(points)).square()[:, None]
    fine, four = np.arange(132) // 2, np.repeat([0, 1, 2, 3], [60, 60, 6, 6])
    hierarchy = Hierarchy([four, fine, np.repeat([0, 1], [120, 12]), np.repeat([0, 1], [72, 60])])
    assert choose(points, hierarchy, "auto", smallest=1).level == 2  # the finest is best, and left out
    picked = choose(points, hierarchy, "auto", smallest=20)
    assert picked.level == 3
    assert picked.silhouettes[3] < picked.silhouettes[2]


def test_auto_prefers_the_coarser_of_equal_levels():
    points = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
    halves = np.array([0, 0, 1, 1])
    assert choose(points, Hierarchy([np.arange(4), halves, halves]), "auto", smallest=2).level == 2


def test_auto_merges_small_clusters_of_the_coarsest_level_where_no_level_qualifies(blobs):
    true = np.repeat([0, 1, 2, 3, 4], [100, 100, 100, 100, 12])
    choice = choose(blobs, Hierarchy([np.arange(412) // 2, true]), "auto", smallest=50)
    assert (choice.level, choice.merged) == (1, 1)
    assert choice.sizes == [112, 100, 100, 100]
    assert partition(choice.labels) == partition(np.where(true == 4, 3, true))
    assert "no level above the finest has at least 50 points in every cluster" in choice.sentence
    assert "1 cluster of fewer than 50 points joined the nearest, which leaves 4." in choice.sentence


def test_a_cluster_of_just_the_smallest_size_is_large_enough(blobs):
    true = np.repeat([0, 1, 2, 3, 4], [100, 100, 100, 100, 12])
    choice = choose(
        blobs, Hierarchy([np.arange(412) // 2, true, np.where(true == 4, 3, true) // 2]), "auto", smallest=12
    )
    assert (choice.level, choice.merged, choice.sizes) == (1, 0, [100, 100, 100, 100, 12])


def test_a_level_can_be_asked_for(blobs):
    hierarchy = finch(blobs)
    choice = choose(blobs, hierarchy, 0, smallest=1)
    assert (choice.level, choice.clusters) == (0, hierarchy.counts[0])
    assert choice.sizes == np.bincount(hierarchy.labels[0]).tolist()
    assert choice.sentence.startswith(f"Level 0 of 0 to {len(hierarchy.labels) - 1}: as asked")


def test_a_number_of_clusters_refines_the_coarsest_level_that_has_enough(points):
    hierarchy = finch(points)
    clusters = hierarchy.counts[1] - 1
    choice = choose(points, hierarchy, "K", clusters=clusters, smallest=1)
    assert (choice.level, choice.clusters) == (1, clusters)
    np.testing.assert_array_equal(choice.labels, refine(points, hierarchy.labels[1], clusters))
    exact = choose(points, hierarchy, "K", clusters=hierarchy.counts[1], smallest=1)
    np.testing.assert_array_equal(exact.labels, hierarchy.labels[1])
    assert choice.sentence.endswith(f"as asked, {clusters} clusters, merged from {clusters + 1}.")
    assert exact.sentence.endswith(f"as asked, {clusters + 1} clusters.")


@pytest.mark.parametrize("smallest", [5, 20, 301])
def test_no_small_cluster_is_left_unless_it_is_the_only_one(points, smallest):
    choice = choose(points, finch(points), 0, smallest=smallest)
    assert min(choice.sizes) >= min(smallest, len(points))
    assert choice.clusters + choice.merged == finch(points).counts[0]


def test_what_the_hierarchy_lacks_is_refused_with_what_it_has(points):
    hierarchy = finch(points)
    finest, last = hierarchy.counts[0], len(hierarchy.labels) - 1
    with pytest.raises(WrongRequest, match=f"^{finest + 1} clusters were asked for; the finest level has {finest}"):
        choose(points, hierarchy, "K", clusters=finest + 1)
    with pytest.raises(WrongRequest, match="No number of clusters"):
        choose(points, hierarchy, "K")
    for rule in (last + 1, -1, "best"):
        with pytest.raises(WrongRequest, match=f"no level {rule!r}. Choose a level from 0 to {last}"):
            choose(points, hierarchy, rule)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_smallest_hierarchies_can_be_chosen_from(count):
    points = torch.eye(3)[:count]
    choice = choose(points, finch(points), "auto")
    assert (choice.sizes, choice.level, choice.silhouettes) == ([count], 0, [0.0])
    with pytest.raises(WrongRequest, match="^2 clusters were asked for; the finest level has 1"):
        choose(points, finch(points), "K", clusters=2)
