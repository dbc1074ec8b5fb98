"""Scatter matrices without full rank: pseudo-inverses without an eigendecomposition of the whole.

A scatter block B has directions of next to no spread, which a pseudo-inverse leaves out (singular value at most
`SINGULAR_CUT` of the largest). An eigendecomposition finds them at some twenty times the cost of a Cholesky factor, and
each window of a pathway would need its own. Two shorter ways:

- fewer rows than columns, or most directions to leave out: B = R R^T with a narrow R from a pivoted Cholesky factor;
  R^T R has the same eigenvalues.
- few directions to leave out: V, [d, k], from inverse iteration. B + sigma V V^T has a sound factor, and as V is
  invariant, B^+ c = (B + sigma V V^T)^-1 (c - V V^T c). One factor serves all leading blocks: that of a block with
  other directions V_b differs from it by k + k_b columns (Woodbury, Inverting modified matrices, 1950).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

SINGULAR_CUT = 1e-5  # of the largest singular value, and of the largest pivot
LIFT = 1e-8  # of the largest eigenvalue: what the directions left out get in its place
SHIFT = 1e-14  # of the largest eigenvalue: what makes a singular block invertible
SPARE = 8  # columns of the iteration beyond those that are looked for
MOST = 1 / 8  # of the columns may be left out; with more a narrow root serves


def narrow_root(scatter: Tensor, rank: int) -> Tensor:
    """R with R R^T = scatter up to rounding, [D, r], r at most `rank`: the scatter [D, D] has no more dimensions.

    In float64.
    """
    from scipy.linalg.lapack import dpstrf

    matrix = scatter.cpu().numpy()
    factor, pivots, found, _ = dpstrf(matrix, tol=1e-15 * float(matrix.diagonal().max()), lower=1)
    root = torch.zeros(len(matrix), min(found, rank), dtype=torch.float64)
    root[torch.from_numpy(pivots).long() - 1] = torch.from_numpy(factor).tril()[:, : root.shape[1]]
    return root.to(scatter.device)


def whitened_root(root: Tensor) -> Tensor:
    """V S^-1 of R R^T, [d, rank]: its eigenvectors over their singular values, without those below the cut.

    root: R, [d, r].  With R^T R = U S^2 U^T, V = R U S^-1.
    """
    if not root.shape[1]:
        return root
    values, vectors = torch.linalg.eigh(root.T @ root)
    singular = values.clamp(min=0).sqrt()
    keep = singular > SINGULAR_CUT * singular.max()
    return root @ (vectors[:, keep] / singular[keep].square())


def largest_eigenvalue(block: Tensor, start: Tensor | None = None) -> tuple[float, Tensor]:
    """Of a symmetric block [d, d] without negative eigenvalues, and columns [d, k] near its eigenvector.

    Subspace iteration until the value stands still.  start: such columns of a smaller leading block.
    """
    width = len(block)
    columns = _start(width, min(SPARE // 2, width), block)
    if start is not None:
        columns[:] = 0
        columns[: len(start)] = start
    value = 0.0
    for _ in range(50):
        columns = torch.linalg.qr(columns).Q
        images = block @ columns
        before, value = value, float(torch.linalg.eigvalsh(columns.T @ images)[-1])
        columns = images
        if value - before <= 1e-4 * value:
            break
    return value, torch.linalg.qr(columns).Q


def faint_directions(
    block: Tensor, factor: Tensor, limit: float, expected: int, near: Tensor | None = None
) -> Tensor | None:
    """The eigenvectors [d, k] of a block whose eigenvalues are at most `limit`; None where they are too many.

    factor: lower Cholesky factor [d, d] of the block, shifted so that it is invertible.  expected: a guess of k.
    near: those of a smaller leading block, from which the iteration starts.
    """
    width = len(block)
    size = min(expected + SPARE, width)
    if size > max(MOST * width, 4 * SPARE):
        return None
    columns = _start(width, size, block)
    if near is not None:
        known = near[:, :size]
        columns[:, : known.shape[1]] = 0
        columns[: len(known), : known.shape[1]] = known
    for _ in range(30):
        columns = torch.linalg.qr(torch.cholesky_solve(columns, factor)).Q
        images = block @ columns
        values, turn = torch.linalg.eigh(columns.T @ images)
        columns, images = columns @ turn, images @ turn
        found = int((values <= limit).sum())
        if found == size:
            return faint_directions(block, factor, limit, 2 * size - SPARE)
        strayed = torch.linalg.norm(images[:, :found] - columns[:, :found] * values[:found], dim=0)
        if found == 0 or float(strayed.max()) <= 2e-5 * max(float(values[found]), limit):
            return columns[:, :found]
    return None


def _start(rows: int, columns: int, like: Tensor) -> Tensor:
    """The same random columns each time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64).to(like.device)


@dataclass(frozen=True, eq=False)
class Correction:
    """How the leading block of one window differs from the common lifted factor K.

    away: V_b, [d, k_b], the directions that it leaves out.  solved: K^-1 V_b.  spanned: K^-1 [V, V_b], [d, k + k_b].
    core: [k + k_b, k + k_b].  All float32.
    """

    away: Tensor
    solved: Tensor
    spanned: Tensor
    core: Tensor

    def squares(self, centred: Tensor, coordinates: Tensor) -> Tensor:
        """c^T B^+ c: [B], float64, from c and y = K^-1 c, both [B, >= d]."""
        width = len(self.away)
        shares = centred[:, :width] @ self.away
        inside = torch.addmm(coordinates[:, :width], shares, self.solved.T, alpha=-1)
        turned = (inside @ self.spanned).double()
        return inside.square().sum(1).double() - ((turned @ self.core.double()) * turned).sum(1)


@dataclass(frozen=True, eq=False)
class Lifted:
    """The common factor of leading blocks of a scatter, float32 [D, D], lower, and each block's correction by width.

    directions: V, float32 [D, k], that were lifted.
    """

    factor: Tensor
    directions: Tensor
    corrections: dict[int, Correction]

    @classmethod
    def of(cls, scatter: Tensor, widths: list[int]) -> "Lifted | None":
        """For leading blocks of these widths; None where too many directions are faint."""
        top = largest_eigenvalue(scatter)[0]
        shifted, failed = torch.linalg.cholesky_ex(_raised(scatter, SHIFT * top))
        if int(failed):
            return None
        pivots = shifted.diagonal()
        weak = (pivots <= SINGULAR_CUT * torch.cummax(pivots, 0).values).cumsum(0)
        faint: dict[int, Tensor] = {}
        near = None
        for width in sorted({*widths, len(scatter)}):
            block = scatter[:width, :width]
            largest, near = largest_eigenvalue(block, near)
            limit = SINGULAR_CUT**2 * largest
            before = next(reversed(faint.values()), None)
            found = faint_directions(block, shifted[:width, :width], limit, int(weak[width - 1]), before)
            if found is None:
                return None
            faint[width] = found
        del shifted
        lift, directions = LIFT * top, faint[len(scatter)]
        factor, failed = torch.linalg.cholesky_ex(scatter + lift * directions @ directions.T)
        if int(failed):
            return None
        solved = torch.linalg.solve_triangular(factor, directions, upper=False)
        corrections = {
            width: _correction(factor[:width, :width], solved[:width], faint[width], lift) for width in widths
        }
        return cls(factor.float().contiguous(), directions.float(), corrections)

    def squares(self, centred: Tensor) -> dict[int, Tensor]:
        """c^T B^+ c, [B] in float64, of the block of each width, from c: [B, D]."""
        coordinates = torch.linalg.solve_triangular(self.factor, centred.T, upper=False).T
        return {width: each.squares(centred, coordinates) for width, each in self.corrections.items()}


def _raised(matrix: Tensor, amount: float) -> Tensor:
    raised = matrix.clone()
    raised.diagonal().add_(amount)
    return raised


def _correction(factor: Tensor, lifted: Tensor, away: Tensor, lift: float) -> Correction:
    """From K of the block, K^-1 V of the common directions, and the block's own directions V_b."""
    solved = torch.linalg.solve_triangular(factor, away, upper=False)
    spanned = torch.cat([lifted, solved], 1)
    # The block lifted by its own directions is K K^T - lift V V^T + lift V_b V_b^T.
    signs = torch.cat([-torch.ones_like(lifted[0]), torch.ones_like(solved[0])])
    core = torch.linalg.inv((signs / lift).diag() + spanned.T @ spanned)
    return Correction(away.float(), solved.float(), spanned.float(), core.float())
