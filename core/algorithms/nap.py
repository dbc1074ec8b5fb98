"""NAP of every layer window from one streamed covariance (RaPP, Kim et al., ICLR 2020, section 3.3).

The paper takes the SVD of the n x D matrix M of training differences: with M - mean = U S V^T,
NAP(d) = |S^+ V^T (d - mean)|^2. With the scatter C = (M - mean)^T (M - mean) = V S^2 V^T this is
(d - mean)^T C^+ (d - mean), so one pass that sums C suffices. Every window of layers a..b is a diagonal block of C;
with a Cholesky factor K of the block that starts at layer a, y = K^-1 (d - mean), and the cumulative sums of y^2 give
the NAP of a..b for every b.

The encoder's last layer L is affine, so d_L is a linear map of d_{L-1}: with both in a window C is singular, and where
the other layers have full rank NAP is unchanged without d_L. Blocks that stay singular (too few training images, dead
units) take the eigenvectors whose singular value is above 1e-5 of the largest; directions below carry rounding noise
only (core/algorithms/nearly_singular.py finds them).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.algorithms.nearly_singular import SINGULAR_CUT, Lifted, narrow_root, whitened_root

BAND = 300  # rows of the scatter that one product fills


@dataclass(frozen=True, eq=False)
class Statistics:
    """count: training images n.  mean: float64 [D].  scatter: float64 [D, D], symmetric, about the mean.

    start: the column of the pathway that is their first, where they are of some of its layers alone.
    """

    count: int
    mean: Tensor
    scatter: Tensor
    start: int = 0

    def to(self, device: torch.device) -> "Statistics":
        return replace(self, mean=self.mean.to(device), scatter=self.scatter.to(device))

    def of(self, columns: slice) -> tuple[Tensor, Tensor]:
        """Mean [d] and scatter [d, d] of these columns of the pathway."""
        own = slice(columns.start - self.start, columns.stop - self.start)
        return self.mean[own], self.scatter[own, own]


class Stream:
    """Sums mean and scatter of rows that come in parts, by the update of Chan, Golub and LeVeque, in float64."""

    def __init__(self, width: int, device: torch.device) -> None:
        self.count = 0
        self.mean = torch.zeros(width, dtype=torch.float64, device=device)
        self._scatter = torch.zeros(width, width, dtype=torch.float64, device=device)

    def update(self, rows: Tensor) -> None:
        """rows: [B, D]."""
        rows = rows.double()
        mean = rows.mean(0)
        shift = mean - self.mean
        total = self.count + len(rows)
        self._add_products(rows - mean)
        # The shift of the mean is one more row, weighted by both counts.
        self._add_products((shift * (self.count * len(rows) / total) ** 0.5)[None])
        self.mean += shift * (len(rows) / total)
        self.count = total

    def _add_products(self, rows: Tensor) -> None:
        """Adds rows^T rows to the upper triangle, band by band: half the work of the whole product.

        By torch and not by the symmetric product of another library: its threads and torch's would spin against each
        other, and the passes between two products took 1.7 times as long.
        """
        for start in range(0, rows.shape[1], BAND):
            self._scatter[start : start + BAND, start:].addmm_(rows[:, start : start + BAND].T, rows[:, start:])

    def statistics(self) -> Statistics:
        """Mean and scatter of all rows so far."""
        self._scatter = torch.triu(self._scatter) + torch.triu(self._scatter, 1).T
        return Statistics(self.count, self.mean, self._scatter)


@dataclass(frozen=True)
class Pathway:
    """The layers 0..L of a pathway as slices of its D columns."""

    widths: tuple[int, ...]

    @property
    def last(self) -> int:
        return len(self.widths) - 1

    @property
    def windows(self) -> list[tuple[int, int]]:
        """All (first, last) with first <= last, in the order of the columns of `nap_of_all_windows`."""
        return [(a, b) for a in range(self.last + 1) for b in range(a, self.last + 1)]

    def columns(self, first: int, last: int) -> slice:
        return slice(sum(self.widths[:first]), sum(self.widths[: last + 1]))

    def free(self, first: int, last: int) -> tuple[int, int]:
        """The window without the last layer where that is a linear map of the layer before it."""
        return (first, last - 1) if last == self.last and first < last else (first, last)


@dataclass(frozen=True, eq=False)
class Whitening:
    """A map that makes NAP a squared norm: NAP(d) = |map(d - mean)|^2.

    triangular: factor is K, lower [d, d], and the map solves K y = d - mean; else factor is V S^-1, [d, rank], and the
    map is a product.  mean: [D'], factor: float32.  columns: which columns of the pathway it takes.
    away: orthonormal directions, float32 [d, k], that are taken out before K is solved.
    """

    columns: slice
    mean: Tensor
    factor: Tensor
    triangular: bool
    rank: int
    away: Tensor | None = None

    def to(self, device: torch.device) -> "Whitening":
        away = None if self.away is None else self.away.to(device)
        return replace(self, mean=self.mean.to(device), factor=self.factor.to(device), away=away)

    def coordinates(self, differences: Tensor) -> Tensor:
        """[B, D] -> [B, d] or [B, rank] whitened coordinates, float32."""
        return self.of_centred((differences[:, self.columns] - self.mean).float())

    def of_centred(self, centred: Tensor) -> Tensor:
        """The same of its own columns less their mean, float32 [B, d]."""
        if self.away is not None:
            centred = centred - (centred @ self.away) @ self.away.T
        if self.triangular:
            return torch.linalg.solve_triangular(self.factor, centred.T, upper=False).T
        return centred @ self.factor

    def nap(self, differences: Tensor) -> Tensor:
        """[B, D] -> [B], sums in float64."""
        return self.coordinates(differences).double().square().sum(1)


def cholesky(block: Tensor) -> tuple[Tensor, int]:
    """Lower factor of the scatter block in float64, and how many leading columns of it are well-conditioned."""
    factor, failed_at = torch.linalg.cholesky_ex(block)
    pivots = factor.diagonal().clone()
    if int(failed_at) > 0:  # torch says which leading minor failed, from 1; the columns before are sound
        pivots[int(failed_at) - 1 :] = 0
    highest = torch.cummax(pivots, 0).values
    weak = (pivots <= SINGULAR_CUT * highest).nonzero()
    return factor, int(weak[0]) if len(weak) else len(pivots)


def singular_values(statistics: Statistics, columns: slice) -> Tensor:
    """Singular values of the training differences in these columns, descending, float64.

    0 where rounding made them negative.
    """
    values = torch.linalg.eigvalsh(statistics.scatter[columns, columns])
    return values.flip(0).clamp(min=0).sqrt()


def whitening(statistics: Statistics, pathway: Pathway, first: int, last: int, root: Tensor | None = None) -> Whitening:
    """The map for one window: triangular where its scatter is well-conditioned, else without the faint directions.

    root: the `narrow_root` of the whole pathway's scatter, where it is at hand.
    """
    columns = pathway.columns(*pathway.free(first, last))
    mean, block = statistics.of(columns)
    if statistics.count > (width := columns.stop - columns.start):
        factor, sound = cholesky(block)
        if sound == width:
            return Whitening(columns, mean, factor.float().contiguous(), True, width)
    # Where the training rows don't span the window, the last layer counts: it tilts the span that images project on.
    columns = pathway.columns(first, last)
    width = columns.stop - columns.start
    mean, block = statistics.of(columns)
    if statistics.count <= width:  # centred rows span one dimension less than their number
        root = narrow_root(block, statistics.count - 1) if root is None else root[columns]
        factor = whitened_root(root)
        return Whitening(columns, mean, factor.float().contiguous(), False, factor.shape[1])
    if lifted := Lifted.of(block, []):
        away = lifted.directions
        return Whitening(columns, mean, lifted.factor, True, width - away.shape[1], away)
    factor = whitened_root(narrow_root(block, width))
    return Whitening(columns, mean, factor.float().contiguous(), False, factor.shape[1])


class AllWindows:
    """NAP of every window at once.

    One factor per first layer serves all windows that start there as far as it is well-conditioned, and a lifted one
    those behind; where too many directions are faint, each of the rest has its own map.
    """

    def __init__(self, statistics: Statistics, pathway: Pathway) -> None:
        self.pathway, self.mean = pathway, statistics.mean
        self.factors: dict[int, tuple[Whitening, int]] = {}  # first layer -> its map, and the last layer that it serves
        self.lifted: dict[int, tuple[slice, Lifted]] = {}  # first layer -> columns, factor
        self.singles: dict[tuple[int, int], Whitening] = {}
        ranks: dict[tuple[int, int], int] = {}
        for first in range(pathway.last + 1):
            columns = pathway.columns(*pathway.free(first, pathway.last))
            factor, sound = cholesky(statistics.scatter[columns, columns])
            sound = min(sound, statistics.count - 1)
            stop = pathway.free(first, pathway.last)[1]
            served = [b for b in range(first, stop + 1) if pathway.columns(first, b).stop - columns.start <= sound]
            if served:
                size = pathway.columns(first, served[-1]).stop - columns.start
                kept = slice(columns.start, columns.start + size)
                leading = Whitening(kept, statistics.mean[kept], factor[:size, :size].float().contiguous(), True, size)
                self.factors[first] = leading, served[-1]
            ranks |= {(first, b): pathway.columns(first, b).stop - columns.start for b in served}
            if served[-1:] == [stop]:
                ranks[first, pathway.last] = ranks[first, stop]
                continue
            del factor
            ranks |= self._lift(statistics, first, served[-1] + 1 if served else first)
        rest = [window for window in pathway.windows if window not in ranks]
        narrow = bool(rest) and statistics.count <= len(statistics.mean)
        root = narrow_root(statistics.scatter, statistics.count - 1) if narrow else None
        for window in rest:
            self.singles[window] = whitening(statistics, pathway, *window, root)
            ranks[window] = self.singles[window].rank
        self.ranks = [ranks[window] for window in pathway.windows]

    def _lift(self, statistics: Statistics, first: int, start: int) -> dict[tuple[int, int], int]:
        """Ranks of the windows first..start and longer, where one lifted factor serves them."""
        columns = self.pathway.columns(first, self.pathway.last)
        widths = {b: self.pathway.columns(first, b).stop - columns.start for b in range(start, self.pathway.last + 1)}
        if statistics.count <= columns.stop - columns.start:
            return {}
        lifted = Lifted.of(statistics.scatter[columns, columns], [*widths.values()])
        if lifted is None:
            return {}
        self.lifted[first] = columns, lifted
        return {(first, b): width - lifted.corrections[width].away.shape[1] for b, width in widths.items()}

    def nap(self, differences: Tensor) -> Tensor:
        """[B, D] -> float32 [B, W], one column per window of `Pathway.windows`."""
        scores: dict[tuple[int, int], Tensor] = {}
        centred = (differences - self.mean).float()
        for first, (leading, last) in self.factors.items():
            squares = leading.of_centred(centred[:, leading.columns]).double().square()
            total = torch.zeros(len(differences), dtype=torch.float64, device=differences.device)
            for layer in range(first, last + 1):
                columns = self.pathway.columns(layer, layer)
                start = leading.columns.start
                total = total + squares[:, columns.start - start : columns.stop - start].sum(1)
                scores[first, layer] = total
        for first, (columns, lifted) in self.lifted.items():
            squares_by_width = lifted.squares(centred[:, columns])
            for last in range(first, self.pathway.last + 1):
                width = self.pathway.columns(first, last).stop - columns.start
                if width in squares_by_width:
                    scores[first, last] = squares_by_width[width]
        scores |= {window: single.nap(differences) for window, single in self.singles.items()}
        every = [scores[w if w in scores else self.pathway.free(*w)] for w in self.pathway.windows]
        return torch.stack(every, 1).float()


# --- on disk ----------------------------------------------------------------------------------------------------------


def packed(matrix: Tensor) -> Tensor:
    """The lower triangle of [d, d], row after row, [d (d + 1) / 2]: what a state keeps of a symmetric matrix."""
    return matrix[_lower(len(matrix), matrix.device)]


def unpacked(values: Tensor, width: int) -> Tensor:
    """A lower triangle that was `packed`, with zeros above: [width, width]."""
    matrix = values.new_zeros(width, width)
    return matrix.masked_scatter_(_lower(width, values.device), values)


def _lower(width: int, device: torch.device) -> Tensor:
    """Bool [d, d], a byte each: places by number would take sixteen."""
    return torch.ones(width, width, dtype=torch.bool, device=device).tril_()
