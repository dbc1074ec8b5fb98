"""k-means: every point to its nearest centre, every centre to the mean of its points, until neither moves.

Papers: S. P. Lloyd, Least Squares Quantization in PCM, 1982; the start: D. Arthur, S. Vassilvitskii, k-means++: The
Advantages of Careful Seeding, SODA 2007.

The result depends on the start, so several starts run and the one with the smallest inertia is kept. All starts advance
together: one matrix product measures the points against the centres of all of them. A centre that has lost its points
moves to the point that is farthest from its own centre.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import WrongRequest

BLOCK_VALUES = 1 << 24  # numbers of one block of distances or differences, 64 MiB in float32


@dataclass(frozen=True, eq=False)
class Clustering:
    """centres: [K, D].  labels: int64 [N], of the nearest centre, the lowest among equals.  inertia: sum of the
    squared distances.  Cluster 0 is the largest; with fewer distinct points than K, the last clusters are empty.
    """

    centres: Tensor
    labels: Tensor
    inertia: float

    @property
    def sizes(self) -> Tensor:
        """Points of each cluster, int64 [K]."""
        return self.labels.bincount(minlength=len(self.centres))


def kmeans(
    points: Tensor,
    clusters: int,
    generator: torch.Generator,
    starts: int = 20,
    iterations: int = 300,
    tolerance: float = 1e-4,
) -> Clustering:
    """The best of `starts` runs of Lloyd's algorithm, each from its own k-means++ start.

    points: [N, D]; the search runs on their device.  generator: of the CPU, so that every device draws the same.
    tolerance: a run ends where its labels stay, or where its centres move less than this, as a squared distance in
    units of the mean variance of a coordinate.  Raises WrongRequest for fewer than one cluster, for more clusters than
    points, or for values that are not finite.
    """
    if not 1 <= clusters <= len(points):
        raise WrongRequest(f"{len(points)} points can't make {clusters} clusters. Ask for 1 to {len(points)} clusters.")
    if not torch.isfinite(points).all():
        raise WrongRequest("Some points are not finite numbers, so they have no distance. Train with a smaller rate.")
    mean = points.mean(0)
    centred = points - mean  # no digits are lost to a common offset
    centres = spread_starts(centred, clusters, generator, starts)
    still = tolerance * float(centred.square().mean())
    centres, inertias = _lloyd(centred, centres, iterations, still)
    return _ordered(points, centres[inertias.argmin()] + mean)


def spread_starts(points: Tensor, clusters: int, generator: torch.Generator, starts: int) -> Tensor:
    """k-means++: the first centre is any point, each next one a point drawn by its squared distance to the nearest.

    Of 2 + log K drawn points, the one that lowers the sum of these distances most becomes the centre.
    points: [N, D], centred.  Returns [starts, K, D].  Where every point already is a centre, the last one is repeated.
    Source: Arthur and Vassilvitskii, section 2.2 and, for the several candidates, section 7.
    """
    count = len(points)
    drawn = torch.randint(count, (starts,), generator=generator)
    centres = [points[drawn.to(points.device)]]
    nearest = torch.full((starts, count), torch.inf, device=points.device, dtype=points.dtype)
    trials = 2 + int(math.log(clusters))
    for _ in range(clusters - 1):
        nearest, _ = _nearer(points, centres[-1][:, None], nearest)
        heights = nearest.cpu().double().cumsum(1)
        place = torch.rand(starts, trials, generator=generator, dtype=torch.float64) * heights[:, -1:]
        drawn = torch.searchsorted(heights, place, right=True).clamp(max=count - 1)
        candidates = points[drawn.to(points.device)]  # [starts, trials, D]
        _, left = _nearer(points, candidates, nearest)
        centres.append(candidates[torch.arange(starts), left.argmin(1)])
    return torch.stack(centres, 1)


def _nearer(points: Tensor, candidates: Tensor, nearest: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances to the nearest centre once a candidate is one.

    candidates: [S, T, D].  nearest: [S, N], before.  Returns [S, N] for the first candidate, and for each candidate
    the sum over all points, [S, T].
    """
    starts, trials, width = candidates.shape
    first, left = torch.empty_like(nearest), torch.zeros(starts, trials, dtype=torch.float64, device=points.device)
    for rows in _blocks(len(points), starts * trials):
        part = points[rows]
        squared = _half_distances(part, candidates.flatten(0, 1)).mul_(2).add_(part.square().sum(1, keepdim=True))
        both = torch.minimum(squared.clamp_(min=0).view(-1, starts, trials), nearest[:, rows].T[..., None])
        first[:, rows] = both[..., 0].T
        left += both.sum(0, dtype=torch.float64)
    return first, left


def _lloyd(points: Tensor, centres: Tensor, iterations: int, still: float) -> tuple[Tensor, Tensor]:
    """Centres [S, K, D] and inertias [S] of all starts, each run until its labels or its centres stay."""
    starts, clusters, width = centres.shape
    labels = torch.full((starts, len(points)), -1, device=points.device)
    inertias = torch.full((starts,), torch.inf, dtype=torch.float64, device=points.device)
    active = torch.arange(starts, device=points.device)
    for _ in range(iterations):
        found, squared, means, sizes = _step(points, centres[active])
        inertias[active] = squared.sum(1, dtype=torch.float64)
        moving = (found != labels[active]).any(1)
        labels[active] = found
        if (sizes == 0).any():
            means = torch.where((sizes == 0)[..., None], _farthest(points, squared, sizes == 0), means)
        moved = (means - centres[active]).square().sum((1, 2))
        # Where labels stay, means are the centres already, so nothing is lost by not taking them.
        centres[active[moving]] = means[moving]
        active = active[moving & (moved > still)]
        if not len(active):
            break
    return centres, inertias


def _step(points: Tensor, centres: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One assignment of N points to the centres [S, K, D] of every start, and the means that follow.

    Returns labels [S, N], squared distances to the own centre [S, N], means [S, K, D] and sizes [S, K].
    """
    starts, clusters, width = centres.shape
    labels = torch.empty(starts, len(points), dtype=torch.int64, device=points.device)
    nearest = torch.empty(starts, len(points), dtype=points.dtype, device=points.device)
    sums = torch.zeros(starts * clusters, width, dtype=points.dtype, device=points.device)
    sizes = torch.zeros(starts, clusters, dtype=torch.int64, device=points.device)
    numbers = torch.arange(clusters, device=points.device)
    for rows in _blocks(len(points), starts * clusters):
        part = points[rows]
        best, own = _half_distances(part, centres.flatten(0, 1)).view(-1, starts, clusters).min(2)
        mine = (own[..., None] == numbers).to(points.dtype).flatten(1)  # [rows, S * K]
        # A product with zeros and ones adds in the same order every time, on every device.
        sums.addmm_(mine.T, part)
        sizes += mine.sum(0).long().view(starts, clusters)
        labels[:, rows] = own.T
        nearest[:, rows] = (2 * best + part.square().sum(1, keepdim=True)).clamp_(min=0).T
    return labels, nearest, sums.view(starts, clusters, width) / sizes.clamp(min=1)[..., None], sizes


def _farthest(points: Tensor, squared: Tensor, empty: Tensor) -> Tensor:
    """For the e-th empty cluster of a start, the point that is e-th farthest from its centre.  [S, K, D]."""
    order = squared.topk(empty.shape[1], 1).indices  # [S, K]
    return points[order.gather(1, (empty.cumsum(1) - 1).clamp(min=0))]


def _ordered(points: Tensor, centres: Tensor) -> Clustering:
    """The clustering of these centres, measured without rounding tricks, largest cluster first."""
    labels, inertia = [], 0.0
    for rows in _blocks(len(points), centres.numel()):
        squared = (points[rows, None].double() - centres.double()).square().sum(2)
        best, own = squared.min(1)
        labels.append(own)
        inertia += float(best.sum())
    found = torch.cat(labels)
    order = found.bincount(minlength=len(centres)).argsort(descending=True, stable=True)
    return Clustering(centres[order], order.argsort()[found], inertia)


def _half_distances(points: Tensor, centres: Tensor) -> Tensor:
    """(|a - b|^2 - |a|^2) / 2 of [N, D] and [M, D]: [N, M], one product instead of an N x M x D array."""
    return torch.addmm(centres.square().sum(1) / 2, points, centres.T, alpha=-1)


def _blocks(count: int, width: int) -> Iterator[slice]:
    """Slices of `count` rows, each of which needs at most BLOCK_VALUES numbers at `width` numbers a row."""
    size = max(1, BLOCK_VALUES // width)
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
