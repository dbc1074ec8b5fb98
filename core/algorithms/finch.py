"""FINCH: clusters without a parameter, from first neighbours.

Paper: M. S. Sarfraz, V. Sharma, R. Stiefelhagen, Efficient Parameter-free Clustering Using First Neighbor Relations,
CVPR 2019.

Idea: link every point to its nearest other point; the connected components are the clusters. Replace each cluster by
the mean of its points and repeat: every round is a partition, nested in the next, with at most half as many clusters.
Nothing is tuned; what remains is to say which partition to use (`choose`).

Differs from the paper:
1. Distances are Euclidean (the paper: cosine for deep features), because the balls of SVDD are.
2. Neighbours are exact up to `EXACT_LIMIT` points, and approximate only beyond.
3. The paper links i and j also where they share their first neighbour. Both are then connected through that neighbour,
   so the weak components of the n edges i -> neighbour(i) are the same clusters.
4. Which partition to use, and what happens to very small clusters, the paper leaves open: see `choose`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.errors import WrongRequest

EXACT_LIMIT = 200_000  # points; exact search costs n^2 distances
EXACT_CANDIDATES = 5  # float32 misorders near-equal distances: this many are measured again in float64
APPROXIMATE_CANDIDATES = 15  # with 2, as FINCH packages ask for, up to 3 of 4 first neighbours are wrong
BLOCK_DISTANCES = 1 << 25  # distances held at once, 128 MiB in float32
UNKNOWN = -1  # in place of a neighbour's index


@dataclass(frozen=True)
class Hierarchy:
    """Nested partitions, finest first.

    labels: per level an int64 array [n]; cluster 0 is the largest, equal sizes are ordered by their smallest member.
    """

    labels: list[np.ndarray]

    @property
    def counts(self) -> list[int]:
        """Number of clusters per level."""
        return [int(level.max()) + 1 for level in self.labels]

    @property
    def smallest(self) -> list[int]:
        """Size of the smallest cluster per level."""
        return [int(np.bincount(level).min()) for level in self.labels]


@dataclass(frozen=True)
class Choice:
    """One partition of a hierarchy, made fit for use.

    labels: int64 [n], ordered as in `Hierarchy`.  level: the level it was taken from.  sizes: points per cluster,
    largest first.  silhouettes: one per level of the hierarchy, higher is better.  merged: number of clusters that were
    too small and joined another.  sentence: what was chosen, and why.
    """

    labels: np.ndarray
    level: int
    sizes: list[int]
    silhouettes: list[float]
    merged: int
    sentence: str

    @property
    def clusters(self) -> int:
        """Number of clusters, K."""
        return len(self.sizes)


def first_neighbours(points: Tensor, block: int | None = None) -> Tensor:
    """Index of each point's nearest other point by Euclidean distance: exact, the lowest index among equals.

    points: [n, D] with n >= 2; the search runs on their device.  block: rows compared at once, by default as many as
    hold `BLOCK_DISTANCES` distances.  Returns [n] int64 on the CPU; every device gives the same indices, because the
    last word is float64 on the CPU.  Raises WrongRequest for fewer than two points, or for values that are not finite.
    """
    exact = _checked(points)
    if len(exact) < 2:
        raise WrongRequest("A single point has no neighbour. Give at least two points.")
    return _exact_neighbours(exact, points.device, block)


def finch(points: Tensor, exact_limit: int = EXACT_LIMIT, seed: int = 0) -> Hierarchy:
    """All partitions of the points, finest first.

    points: [n, D]; neighbours are searched on their device.  exact_limit: above this many points the neighbours are
    approximate (pynndescent, `seed`).  One to three points are one cluster; one cluster of everything is dropped as the
    last level unless it is the only one.  Raises WrongRequest for no points, or for values that are not finite.
    Source: Sarfraz et al., CVPR 2019, eq. 1 and algorithm 1.
    """
    exact = _checked(points)
    labels = np.arange(len(exact))
    means, levels = exact, []
    while len(means) > 1:
        if len(means) > exact_limit:
            neighbours = _approximate_neighbours(means, seed)
        else:
            neighbours = _exact_neighbours(means, points.device)
        labels = _by_size(_components(neighbours.numpy())[labels])
        levels.append(labels)
        means = torch.from_numpy(_sums(exact.numpy(), labels) / np.bincount(labels)[:, None])
    if not levels:  # a single point
        return Hierarchy([labels])
    return Hierarchy(levels[:-1] or levels)


def refine(points: Tensor, labels: np.ndarray, clusters: int) -> np.ndarray:
    """Exactly `clusters` clusters: merge the two closest means, one pair at a time.

    points: [n, D].  labels: int64 [n], with at least that many clusters.  Among equally close pairs the one with the
    lowest labels goes first.  Returns int64 [n], ordered as in `Hierarchy`.  Raises WrongRequest where more clusters
    are asked for than there are.
    Source: Sarfraz et al., CVPR 2019, algorithm 2 (only the shortest first-neighbour link of a round is kept).
    """
    labels = _by_size(labels)
    found = int(labels.max()) + 1
    if not 1 <= clusters <= found:
        raise WrongRequest(f"{clusters} clusters were asked for, and there are {found} to merge. Ask for 1 to {found}.")
    if clusters == found:
        return labels
    centres = _Centres(_checked(points).numpy(), labels)
    nearest = _exact_neighbours(torch.from_numpy(centres.means), points.device).numpy()
    distance = np.square(centres.means - centres.means[nearest]).sum(1)
    while centres.alive.sum() > clusters:
        kept = int(distance.argmin())  # the lower label of the closest pair, as both have the same distance
        gone = int(nearest[kept])
        if gone == UNKNOWN:
            nearest[kept], distance[kept] = centres.nearest(kept)
            continue
        centres.merge(gone, kept)
        distance[gone] = np.inf
        # Whose neighbour has moved looks again when its turn comes: until then its old distance is a lower bound.
        nearest[(nearest == kept) | (nearest == gone)] = UNKNOWN
        moved = centres.distances(kept)
        # The pair is also known from its other side, where the label may be lower: it decides between equals.
        closer = centres.alive & ((moved < distance) | ((moved == distance) & (kept < nearest)))
        nearest[closer], distance[closer] = kept, moved[closer]
        nearest[kept], distance[kept] = centres.nearest(kept)
    return _by_size(centres.into[labels])


def silhouette(points: Tensor, labels: np.ndarray, sample: int = 5000, seed: int = 0) -> float:
    """Mean silhouette of a seeded sample of the points, measured within it: in [-1, 1], higher is better separated.

    points: [n, D].  labels: int64 [n].  A point that is alone in its cluster counts 0; so does everything where the
    sample holds a single cluster, with nothing to compare it to.  Raises WrongRequest for values that are not finite.
    Source: P. J. Rousseeuw, Silhouettes, J. Comput. Appl. Math. 20, 1987.
    """
    drawn = torch.randperm(len(points), generator=torch.Generator().manual_seed(seed))[:sample]
    exact = _checked(points[drawn.to(points.device)])
    present, labels = np.unique(labels[drawn.numpy()], return_inverse=True)
    if len(present) == 1:
        return 0.0
    own = torch.from_numpy(labels)
    sizes = own.bincount()
    total = 0.0
    for rows in torch.arange(len(exact)).split(1000):
        sums = torch.zeros(len(rows), len(present), dtype=torch.float64)
        sums.index_add_(1, own, torch.cdist(exact[rows], exact))  # [rows, K]: summed distance to each cluster
        mine = own[rows, None]
        others = sizes[mine[:, 0]] - 1
        within = sums.gather(1, mine)[:, 0] / others.clamp(min=1)
        beyond = (sums / sizes).scatter(1, mine, torch.inf).amin(1)
        silhouettes = (beyond - within) / torch.maximum(within, beyond).clamp(min=torch.finfo(torch.float64).tiny)
        total += float(silhouettes[others > 0].sum())
    return total / len(exact)


def minimum_size(points: int, nu: float) -> int:
    """Fewest points for a ball with a (1 - nu)-quantile radius of its own: the most of 50, 10 / nu and 1 % of all."""
    return max(50, math.ceil(10 / nu), math.ceil(points / 100))


def choose(
    points: Tensor,
    hierarchy: Hierarchy,
    rule: str | int,
    clusters: int | None = None,
    smallest: int = 50,
    seed: int = 0,
) -> Choice:
    """One partition of a hierarchy, without clusters of fewer than `smallest` points.

    points: [n, D].  rule: "auto" takes, among the levels above the finest whose every cluster is large enough, the one
    with the best silhouette (the coarser of equals), and the coarsest where none qualifies; a number takes that level
    (0 is the finest); "K" merges the coarsest level that has at least `clusters` clusters down to that number
    (`refine`). Afterwards each cluster that is still too small, smallest first, joins the one with the nearest mean.
    seed: of the silhouettes' sample.  Raises WrongRequest for a level or a number that the hierarchy doesn't have.
    """
    silhouettes = [silhouette(points, labels, seed=seed) for labels in hierarchy.labels]
    counts, last = hierarchy.counts, len(hierarchy.labels) - 1
    if rule == "auto":
        level, reason = _best_level(hierarchy, silhouettes, smallest)
        labels = hierarchy.labels[level]
    elif rule == "K":
        if clusters is None or not 1 <= clusters <= counts[0]:
            asked = "No number of clusters was given" if clusters is None else f"{clusters} clusters were asked for"
            raise WrongRequest(f"{asked}; the finest level has {counts[0]}. Ask for 1 to {counts[0]} clusters.")
        level = max(index for index, count in enumerate(counts) if count >= clusters)
        labels = refine(points, hierarchy.labels[level], clusters)
        reason = f"as asked, {_plural(clusters)}"
        if clusters < counts[level]:
            reason += f", merged from {counts[level]}"
    elif isinstance(rule, int) and not isinstance(rule, bool) and 0 <= rule <= last:
        level, labels, reason = rule, hierarchy.labels[rule], f"as asked, {_plural(counts[rule])}"
    else:
        raise WrongRequest(f'There is no level {rule!r}. Choose a level from 0 to {last}, "auto" or "K".')
    labels, merged = _without_small(points, labels, smallest)
    sizes = np.bincount(labels).tolist()
    sentence = f"Level {level} of 0 to {last}: {reason}."
    if merged:
        sentence += f" {_plural(merged)} of fewer than {smallest} points joined the nearest, which leaves {len(sizes)}."
    return Choice(labels, level, sizes, silhouettes, merged, sentence)


def _best_level(hierarchy: Hierarchy, silhouettes: list[float], smallest: int) -> tuple[int, str]:
    """The level that "auto" takes, and why."""
    last = len(silhouettes) - 1
    every = f"at least {smallest} points in every cluster"
    fit = [level for level in range(1, last + 1) if hierarchy.smallest[level] >= smallest]
    if not fit:
        found = _plural(hierarchy.counts[last])
        return last, f"{found}, the coarsest level, as no level above the finest has {every}"
    level = max(fit, key=lambda level: (silhouettes[level], level))
    best = f"the best silhouette ({silhouettes[level]:.2f}) of the levels with {every}"
    return level, f"{_plural(hierarchy.counts[level])}, {best}"


def _without_small(points: Tensor, labels: np.ndarray, smallest: int) -> tuple[np.ndarray, int]:
    """Labels of clusters with at least `smallest` points each (or of a single one), and how many were merged."""
    centres = _Centres(_checked(points).numpy(), labels)
    merged = 0
    while centres.alive.sum() > 1:
        sizes = np.where(centres.alive, centres.sizes, np.iinfo(np.int64).max)
        cluster = int(sizes.argmin())
        if sizes[cluster] >= smallest:
            break
        centres.merge(cluster, centres.nearest(cluster)[0])
        merged += 1
    return _by_size(centres.into[labels]), merged


class _Centres:
    """Means of clusters that are merged two at a time.

    means: [K, D] float64.  sizes: [K].  alive: [K], False once merged.  into: [K], the cluster that each is part of.
    """

    def __init__(self, points: np.ndarray, labels: np.ndarray) -> None:
        self.sizes = np.bincount(labels)
        self.sums = _sums(points, labels)
        self.means = self.sums / self.sizes[:, None]
        self.alive = np.ones(len(self.means), bool)
        self.into = np.arange(len(self.means))

    def merge(self, gone: int, kept: int) -> None:
        self.sizes[kept] += self.sizes[gone]
        self.sums[kept] += self.sums[gone]
        self.means[kept] = self.sums[kept] / self.sizes[kept]
        self.alive[gone] = False
        self.into[self.into == gone] = kept

    def distances(self, cluster: int) -> np.ndarray:
        """Squared distance from each mean to that of `cluster`; infinite for itself and for merged ones."""
        squared = np.square(self.means - self.means[cluster]).sum(1)
        squared[~self.alive] = np.inf
        squared[cluster] = np.inf
        return squared

    def nearest(self, cluster: int) -> tuple[int, float]:
        """The nearest other cluster, the lowest among equals, and the squared distance to its mean."""
        squared = self.distances(cluster)
        return int(squared.argmin()), float(squared.min())


def _exact_neighbours(exact: Tensor, device: torch.device, block: int | None = None) -> Tensor:
    """`first_neighbours` for checked points, float64 on the CPU: float32 proposes on `device`, float64 decides."""
    count, width = exact.shape
    centred = exact - exact.mean(0)
    scale = max(float(centred.abs().max()), torch.finfo(torch.float64).tiny)
    # In [-1, 1] and centred: no overflow, and no digits lost to a common offset.
    fast = (centred / scale).float().to(device)  # [n, D]
    # In float32 |a|^2 + |b|^2 - 2ab is off by less than slack (|a|^2 + |b|^2): less that, it is a lower bound of the
    # squared distance. |a|^2 is added later, because it doesn't change the order within a row.
    slack = 2 * (width + 4) * torch.finfo(torch.float32).eps
    norms = fast.square().sum(1) * (1 - slack)
    kept = min(EXACT_CANDIDATES, count - 1)
    neighbours = torch.empty(count, dtype=torch.int64)
    for rows in torch.arange(count).split(block or max(1, BLOCK_DISTANCES // count)):
        first, last = int(rows[0]), int(rows[-1]) + 1
        bounds = torch.addmm(norms, fast[first:last], fast.T, alpha=-2)  # [rows, n]
        bounds.diagonal(first).fill_(torch.inf)  # a point is not its own neighbour
        bounds, candidates = bounds.topk(kept, largest=False)
        neighbours[rows], distance = _nearest_candidate(exact, rows, candidates.cpu())
        if kept < count - 1:
            unseen = (bounds[:, -1] + norms[first:last]).cpu().double()  # no other point is nearer than this
            undecided = rows[unseen <= (distance / scale).square()]
            neighbours[undecided] = _nearest_of_all(exact, undecided)
    return neighbours


def _approximate_neighbours(exact: Tensor, seed: int) -> Tensor:
    """First neighbours among the candidates of a seeded nearest-neighbour descent: most are right."""
    from pynndescent import NNDescent  # compiles for a minute, so only where it is needed

    centred = (exact - exact.mean(0)).float().numpy()
    # One more than the candidates: the first is usually the point itself.
    index = NNDescent(centred, metric="euclidean", n_neighbors=APPROXIMATE_CANDIDATES + 1, random_state=seed)
    candidates = torch.from_numpy(index.neighbor_graph[0].astype(np.int64))
    blocks = torch.arange(len(exact)).split(10_000)
    return torch.cat([_nearest_candidate(exact, rows, candidates[rows])[0] for rows in blocks])


def _nearest_candidate(exact: Tensor, rows: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Nearest of each row's candidates [rows, C], the lowest index among equals, and its distance; both [rows]."""
    candidates = candidates.sort(1).values
    distances = _distances(exact[rows, None], exact[candidates])[:, 0]  # [rows, C]
    distances[(candidates == rows[:, None]) | (candidates == UNKNOWN)] = torch.inf  # the descent may find fewer
    best = distances.argmin(1, keepdim=True)
    return candidates.gather(1, best)[:, 0], distances.gather(1, best)[:, 0]


def _nearest_of_all(exact: Tensor, rows: Tensor) -> Tensor:
    """First neighbours of a few rows, all distances in float64: for many copies, or ties that float32 can't see."""
    neighbours = []
    for part in rows.split(max(1, BLOCK_DISTANCES // 2 // len(exact))):
        distances = _distances(exact[part], exact)
        distances[torch.arange(len(part)), part] = torch.inf
        neighbours.append(distances.argmin(1))
    return torch.cat(neighbours)


def _distances(left: Tensor, right: Tensor) -> Tensor:
    """Euclidean distances from differences, not from products: equal distances come out equal."""
    return torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist")


def _components(neighbours: np.ndarray) -> np.ndarray:
    """Label of each point's weakly connected component in the graph with the edges i -> neighbours[i]."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(neighbours)
    graph = csr_matrix((np.ones(count, np.int8), neighbours, np.arange(count + 1)), shape=(count, count))
    return connected_components(graph, directed=True, connection="weak")[1]


def _by_size(labels: np.ndarray) -> np.ndarray:
    """The same partition with labels 0..K-1, the largest cluster first, equal sizes by their smallest member."""
    _, members, labels, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int64)
    rank[np.lexsort((members, -sizes))] = np.arange(len(sizes))
    return rank[labels]


def _sums(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Sum of the points of each label 0..K-1, [K, D]; added in index order, so the same on every run."""
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    return np.add.reduceat(points[order], np.cumsum(sizes) - sizes)


def _checked(points: Tensor) -> Tensor:
    """The points as float64 on the CPU, once they are known to be usable."""
    if points.ndim != 2 or points.numel() == 0:
        raise WrongRequest(f"There are no points to compare in an array of shape {list(points.shape)}. Give [n, D].")
    exact = points.detach().cpu().double()
    broken = int((~exact.isfinite().all(1)).sum())
    if broken:
        raise WrongRequest(
            f"{broken} of {len(exact)} points have a coordinate that is not a finite number. "
            "Leave them out, or train again if the training diverged."
        )
    return exact


def _plural(clusters: int) -> str:
    return f"{clusters} cluster" if clusters == 1 else f"{clusters} clusters"
