"""k-means, against scikit-learn and by hand."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from core.algorithms import kmeans as module
from core.algorithms.kmeans import kmeans, spread_starts
from core.errors import WrongRequest


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def mixture(rng) -> torch.Tensor:
    """Twelve overlapping kinds of very different size, far from the origin."""
    kinds = rng.choice(12, 900, p=np.geomspace(1, 0.02, 12) / np.geomspace(1, 0.02, 12).sum())
    return torch.from_numpy(4 * rng.normal(size=(12, 6))[kinds] + rng.normal(size=(900, 6)) + 50).float()


@pytest.mark.parametrize("clusters", [2, 7, 12, 30])
def test_inertia_is_as_good_as_scikit_learn_s(mixture, clusters):
    theirs = KMeans(clusters, n_init=20, random_state=0).fit(mixture.double().numpy())
    found = kmeans(mixture, clusters, seeded())
    assert found.inertia <= 1.02 * theirs.inertia_
    assert len(found.centres) == clusters and (found.sizes > 0).all()


def test_labels_and_inertia_belong_to_the_centres_and_those_are_the_means(mixture):
    found = kmeans(mixture, 7, seeded())
    squared = np.square(mixture.double().numpy()[:, None] - found.centres.double().numpy()).sum(2)
    np.testing.assert_array_equal(found.labels, squared.argmin(1))
    assert found.inertia == pytest.approx(squared.min(1).sum())
    means = torch.stack([mixture[found.labels == k].mean(0) for k in range(7)])
    spread = float(mixture.std(0).mean())
    assert float((means - found.centres).norm(dim=1).max()) < 0.02 * spread  # its tolerance: 1e-4, squared
    assert found.sizes.tolist() == sorted(found.sizes.tolist(), reverse=True) and int(found.sizes.sum()) == 900


def test_the_seed_decides_and_nothing_else_does(mixture):
    torch.manual_seed(1)
    first = kmeans(mixture, 12, seeded(3), starts=1)
    torch.manual_seed(2)
    again = kmeans(mixture, 12, seeded(3), starts=1)
    assert torch.equal(first.labels, again.labels) and torch.equal(first.centres, again.centres)
    assert len({kmeans(mixture, 12, seeded(seed), starts=1).inertia for seed in range(8)}) > 1


def test_more_starts_are_never_worse(mixture):
    one = [kmeans(mixture, 12, seeded(seed), starts=1).inertia for seed in range(10)]
    assert kmeans(mixture, 12, seeded(), starts=20).inertia < np.median(one)


def test_small_blocks_give_the_same(mixture, monkeypatch):
    whole = kmeans(mixture, 7, seeded(), starts=3)
    monkeypatch.setattr(module, "BLOCK_VALUES", 500)
    blocks = kmeans(mixture, 7, seeded(), starts=3)
    assert blocks.inertia == pytest.approx(whole.inertia, rel=1e-6)
    assert torch.equal(blocks.labels, whole.labels)


def test_starts_are_the_better_of_two_points_drawn_by_squared_distance():
    """From 0, the point 3 is drawn with 9/10 and always beats the point 1, which is left where it is drawn twice."""
    points = torch.tensor([[0.0], [1.0], [3.0]])
    starts = spread_starts(points, 2, seeded(), 30_000)[..., 0]  # [starts, 2]
    from_first = starts[starts[:, 0] == 0, 1]
    assert set(from_first.tolist()) == {1.0, 3.0}  # never a centre again
    assert float((from_first == 3).float().mean()) == pytest.approx(0.99, abs=0.003)
    assert [float((starts[:, 0] == each).float().mean()) for each in (0, 1, 3)] == pytest.approx([1 / 3] * 3, abs=0.01)


def test_a_centre_without_points_moves_to_the_farthest_point(monkeypatch):
    points = torch.tensor([[0.0], [0.1], [0.2], [5.0], [5.1]])
    poor = torch.tensor([[[0.1], [-100.0], [-200.0]]])
    monkeypatch.setattr(module, "spread_starts", lambda points, *_: poor - 2.08)  # centred, as the points are
    found = kmeans(points, 3, seeded())
    assert (found.sizes > 0).all()
    assert sorted(found.centres[:, 0].tolist())[-1] > 4.9


def test_as_many_clusters_as_points():
    points = torch.tensor([[3.0, 1], [0, 0], [7, 7], [-2, 5]])
    found = kmeans(points, 4, seeded())
    assert found.inertia == pytest.approx(0, abs=1e-10) and sorted(found.labels.tolist()) == [0, 1, 2, 3]


def test_fewer_distinct_points_than_clusters_leave_the_last_clusters_empty():
    points = torch.tensor([[1.0, 2], [1, 2], [1, 2], [4, 4]])
    found = kmeans(points, 3, seeded())
    assert found.sizes.tolist() == [3, 1, 0] and found.inertia == pytest.approx(0, abs=1e-10)
    assert torch.isfinite(found.centres).all()
    alike = kmeans(torch.full((5, 3), 0.1), 2, seeded())
    assert alike.sizes.tolist() == [5, 0] and torch.isfinite(alike.centres).all()


def test_one_cluster_is_the_mean(mixture):
    found = kmeans(mixture, 1, seeded())
    torch.testing.assert_close(found.centres[0], mixture.mean(0))
    assert not found.labels.any()


@pytest.mark.parametrize(
    ("points", "clusters", "sentence"),
    [
        (torch.zeros(3, 2), 4, "3 points can't make 4 clusters. Ask for 1 to 3 clusters."),
        (torch.zeros(3, 2), 0, "3 points can't make 0 clusters"),
        (torch.tensor([[0.0, torch.nan], [1, 1]]), 2, "not finite"),
        (torch.tensor([[0.0, torch.inf], [1, 1]]), 1, "not finite"),
    ],
)
def test_what_can_not_be_clustered_is_said(points, clusters, sentence):
    with pytest.raises(WrongRequest, match=sentence):
        kmeans(points, clusters, seeded())
