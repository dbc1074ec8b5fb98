"""Control lines that need no training: distance to the nearest normal images, in pixels and after PCA, and PCA error.

Each is what any published method must beat. All run in blocks on the device of their input, never as one N x M matrix.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK_DISTANCES = 1 << 25  # distances held at once, 128 MiB in float32
BLOCK_VALUES = 1 << 24  # values of the bank's rows centred at once
PAIR_VALUES = 1 << 22  # values of the pairs that are measured at once
SHORT = 128  # coordinates of a short form: of 60,000 MNIST images it leaves 27 to measure
SAMPLE = 4096  # rows whose spread decides which coordinates
CROWD = 500  # where it leaves more than this, it costs less to search all rows
SPARE = 3  # candidates that are measured beyond those asked for
GROUP = 32  # values of which only the smallest is sorted
NARROW = 1024  # columns up to which a covariance is always taken apart
WIDEST = 6000  # columns, or rows, above which taking apart their products takes gigabytes and minutes
FAINT = 1e-10  # of the largest variance: a direction with less is rounding noise


def nearest(images: Tensor, bank: Tensor, count: int = 5, block: int | None = None) -> tuple[Tensor, Tensor]:
    """Distances and positions of the `count` nearest rows of the bank, nearest first.

    images: [N, D] float32.  bank: [M, D].  block: images searched at once.  Returns Euclidean distances [N, count] and
    int64 [N, count]; fewer columns where M < count.
    """
    return Bank.of(bank).nearest(images, count, block)


@dataclass(frozen=True, eq=False)
class Bank:
    """Rows among which nearest neighbours are searched, most of them by their short forms alone, without any loss.

    A short form is a row's coordinates along K orthonormal axes, and the length of what they leave out. No two short
    forms are further apart than their rows, so a row whose short form is too far is too far itself.

    rows: [M, D].  mean: [D].  axes: [K, D].  short: [M, K + 1], or None where D or M is small already.
    """

    rows: Tensor
    mean: Tensor
    axes: Tensor
    short: Tensor | None

    @classmethod
    def of(cls, rows: Tensor) -> "Bank":
        mean = rows.mean(0)
        if rows.shape[1] <= 2 * SHORT or len(rows) <= SHORT:
            return cls(rows, mean, rows[:0], None)
        axes = _widest_axes(rows[:: -(-len(rows) // SAMPLE)] - mean)
        parts = [_short_form(part - mean, axes) for part in rows.split(max(1, BLOCK_VALUES // rows.shape[1]))]
        return cls(rows, mean, axes, torch.cat(parts))

    def nearest(self, images: Tensor, count: int = 5, block: int | None = None) -> tuple[Tensor, Tensor]:
        """As the function `nearest`."""
        count = min(count, len(self.rows))
        search = self._searched if self.short is None else self._pruned
        found = [search(part, count) for part in images.split(block or max(1, BLOCK_DISTANCES // len(self.rows)))]
        return torch.cat([distances for distances, _ in found]), torch.cat([places for _, places in found])

    def _pruned(self, images: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The nearest rows of a block, measuring only those whose short forms are near enough."""
        assert self.short is not None
        short = _short_form(images - self.mean, self.axes)
        # |a|^2 + |b|^2 - 2ab is off by less than slack (|a|^2 + |b|^2): less that, it is a lower bound of the square.
        slack = 2 * (short.shape[1] + 5) * torch.finfo(short.dtype).eps
        own = short.square().sum(1) * (1 - slack)
        norms = self.short.square().sum(1, keepdim=True) * (1 - slack)
        bounds = torch.cat([-2 * short, torch.ones_like(short[:, :1])], 1) @ torch.cat([self.short, norms], 1).T
        # So many rows are at least this near, and a row whose bound is larger is none of the nearest.
        candidates = _smallest(bounds, min(count + SPARE, len(self.rows)))
        limit = self._measured(images, candidates).topk(count, largest=False).values[:, -1].square() * (1 + 1e-5)
        near = bounds <= (limit - own)[:, None]
        if torch.count_nonzero(near) > CROWD * len(images):
            return self._searched(images, count)
        row, place = near.nonzero(as_tuple=True)
        measured = self._distances(images, row, place)
        # By image, and by distance within; places rise already, so the lower of equals comes first.
        order = measured.argsort(stable=True)
        order = order[row[order].argsort(stable=True)]
        counts = row.bincount(minlength=len(images))
        chosen = order[(counts.cumsum(0) - counts)[:, None] + torch.arange(count, device=row.device)]
        return measured[chosen], place[chosen]

    def _searched(self, images: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The nearest rows of a block, from its products with all rows."""
        centred = images - self.mean  # no digits are lost to a common offset
        kept, start, found = min(count + SPARE, len(self.rows)), 0, []
        for rows in self.rows.split(max(kept, BLOCK_VALUES // self.rows.shape[1])):
            part = rows - self.mean
            # |a - b|^2 / 2 without the constant |a|^2 / 2: one product, no N x M x D array.
            halves = torch.addmm(part.square().sum(1) / 2, centred, part.T, alpha=-1)
            best = _smallest(halves, min(kept, len(rows)))
            found.append((halves.gather(1, best), best + start))
            start += len(rows)
        halves, places = (torch.cat(each, 1) for each in zip(*found, strict=True))
        candidates = places.gather(1, halves.topk(kept, largest=False).indices).sort(dim=1).values
        # The few that are kept are measured directly, where the expansion above would lose digits to cancellation.
        nearer = self._measured(images, candidates).sort(dim=1, stable=True)
        return nearer.values[:, :count], candidates.gather(1, nearer.indices)[:, :count]

    def _measured(self, images: Tensor, places: Tensor) -> Tensor:
        """Distances [B, k] of each image to its own rows of the bank, places [B, k]."""
        row = torch.arange(len(images), device=places.device).repeat_interleave(places.shape[1])
        return self._distances(images, row, places.flatten()).view(places.shape)

    def _distances(self, images: Tensor, row: Tensor, place: Tensor) -> Tensor:
        """Distances [P] of the pairs (image row, row of the bank at place), without the expansion."""
        size = max(1, PAIR_VALUES // images.shape[1])
        # Written in place: small results kept between the large parts would keep the C library from using a part's
        # memory again, 20 GB for the two million pairs of 6,000 images at 3 x 32 x 32.
        measured = images.new_empty(len(row))
        for i, j, part in zip(row.split(size), place.split(size), measured.split(size), strict=True):
            part.copy_(torch.linalg.vector_norm(images[i].sub_(self.rows[j]), dim=1))
        return measured


def _widest_axes(centred: Tensor) -> Tensor:
    """Orthonormal [SHORT, D] along which the rows spread most, nearly: two rounds of subspace iteration.

    Any axes give the same neighbours; good ones leave fewer to measure.
    """
    generator = torch.Generator().manual_seed(0)
    axes = torch.randn(centred.shape[1], SHORT, generator=generator).to(centred)
    for _ in range(2):
        axes = torch.linalg.qr(centred.T @ (centred @ axes)).Q
    return axes.T.contiguous()


def _short_form(centred: Tensor, axes: Tensor) -> Tensor:
    """Coordinates along the axes and length of the rest: [N, D] -> [N, K + 1]."""
    coordinates = centred @ axes.T
    rest = torch.linalg.vector_norm(torch.addmm(centred, coordinates, axes, alpha=-1), dim=1)
    return torch.cat([coordinates, rest[:, None]], 1)


def _smallest(values: Tensor, count: int) -> Tensor:
    """Positions [B, count] of the smallest values of each row of [B, M], in no order."""
    groups = values.shape[1] // GROUP
    if groups < 4 * count:
        return values.topk(count, largest=False, sorted=False).indices
    # They lie in the groups with the smallest minima, or in what the groups leave over: far less to sort.
    minima = values[:, : groups * GROUP].unflatten(1, (GROUP, groups)).amin(1)
    chosen = minima.topk(count, largest=False, sorted=False).indices
    steps = groups * torch.arange(GROUP, device=values.device)
    members = (chosen[:, :, None] + steps).flatten(1)
    left = torch.arange(groups * GROUP, values.shape[1], device=values.device).expand(len(values), -1)
    members = torch.cat([members, left], 1)
    return members.gather(1, values.gather(1, members).topk(count, largest=False, sorted=False).indices)


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """mean: [D].  axes: [K, D], orthonormal, by falling variance.  ratio: [K] share of the variance of each."""

    mean: Tensor
    axes: Tensor
    ratio: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> "PrincipalComponents":
        """From the eigenvectors of the covariance of [N, D], in float64.

        Where images are wide and fewer than their columns, they come from the products of the images with each other,
        of a seeded draw where both are more than WIDEST: K is the rank then.
        """
        columns = rows.shape[1]
        if columns > WIDEST or len(rows) < columns and columns > NARROW:
            return cls._of_wide(rows)
        mean, scatter = scatter_of(rows)
        values, vectors = torch.linalg.eigh(scatter)
        values = values.flip(0).clamp(min=0)
        total = values.sum()
        return cls(mean.float(), vectors.flip(1).T.float(), (values / total if total > 0 else values).float())

    @classmethod
    def _of_wide(cls, rows: Tensor) -> "PrincipalComponents":
        if len(rows) > WIDEST:
            rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:WIDEST].to(rows.device)]
        mean = rows.mean(0, dtype=torch.float64)
        centred = rows.double() - mean
        values, vectors = torch.linalg.eigh(centred @ centred.T)  # the same values as the covariance's, but for zeros
        values, vectors = values.flip(0), vectors.flip(1)
        kept = int((values > FAINT * values[0].clamp(min=0)).sum())
        axes = (centred.T @ vectors[:, :kept] / values[:kept].sqrt()).T
        return cls(mean.float(), axes.float(), (values[:kept] / values[:kept].sum()).float())

    def first(self, count: int) -> "PrincipalComponents":
        """The first components only."""
        return PrincipalComponents(self.mean, self.axes[:count], self.ratio[:count])

    def keeping(self, share: float) -> "PrincipalComponents":
        """As many components as keep that share of the variance."""
        return self.first(int((self.ratio.cumsum(0) < share).sum()) + 1)

    def project(self, rows: Tensor) -> Tensor:
        """[N, D] -> [N, K] coordinates."""
        return (rows - self.mean) @ self.axes.T

    def left_over(self, rows: Tensor) -> Tensor:
        """[N, D] -> [N, D] what the components can't redraw: the rows less their reconstruction."""
        centred = rows - self.mean
        return torch.addmm(centred, centred @ self.axes.T, self.axes, alpha=-1)

    def error(self, rows: Tensor) -> Tensor:
        """[N, D] -> [N] squared error of the reconstruction."""
        return self.left_over(rows).square().sum(1)


def scatter_of(rows: Tensor) -> tuple[Tensor, Tensor]:
    """(mean [D], sum over the rows of the outer product of what they differ from it [D, D]), in float64."""
    mean = rows.mean(0, dtype=torch.float64)
    scatter = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64, device=rows.device)
    for part in rows.split(8192):
        centred = part.double() - mean
        scatter.addmm_(centred.T, centred)
    return mean, scatter


def rows_of(images: Tensor) -> Tensor:
    """uint8 [N, C, H, W] -> float32 [N, pixels] in [0, 1]."""
    return images.flatten(1).float() / 255
