"""Mahalanobis distance to the Gaussian of the training images, with a covariance that can always be inverted.

Papers: P. C. Mahalanobis, On the Generalised Distance in Statistics, 1936.  O. Ledoit, M. Wolf, A Well-Conditioned
Estimator for Large-Dimensional Covariance Matrices, Journal of Multivariate Analysis 88, 2004.

The distance counts each direction in units of its own spread. Images have directions without any (a corner that is
always black) and more columns than a small training set has images, so the covariance as measured can't be inverted.
Ledoit and Wolf mix it with a multiple of the identity, by the share that is expected to come nearest the true one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.algorithms.neighbours import scatter_of

LEAST = 1e-6  # of the mean variance: what each direction has at least, so that float32 can hold its inverse


@dataclass(frozen=True, eq=False)
class Gaussian:
    """mean: [D].  axes: [D, D], orthonormal, by falling variance.  variances: [D], after shrinking.

    shrinkage: the share of the identity in the mixture, 0..1.
    """

    mean: Tensor
    axes: Tensor
    variances: Tensor
    shrinkage: float

    @classmethod
    def fit(cls, rows: Tensor) -> "Gaussian":
        """From [N, D], in float64.  Images that are all equal get the variance 1 in every direction."""
        mean, scatter = scatter_of(rows)
        covariance = scatter / len(rows)
        variance = float(covariance.diagonal().mean())
        if not variance:
            return cls(mean.float(), torch.eye(len(mean)).to(mean.device), torch.ones_like(mean).float(), 1.0)
        quartic = sum(float((part.double() - mean).square().sum(1).square().sum()) for part in rows.split(8192))
        share = shrinkage(covariance, quartic, len(rows))
        values, vectors = torch.linalg.eigh(covariance)
        shrunk = ((1 - share) * values + share * variance).clamp(min=LEAST * variance)
        return cls(mean.float(), vectors.flip(1).T.float().contiguous(), shrunk.flip(0).float(), share)

    def coordinates(self, rows: Tensor) -> Tensor:
        """Standard deviations from the mean along each axis: [N, D] -> [N, D]."""
        return (rows - self.mean) @ self.axes.T / self.variances.sqrt()

    def squared_distances(self, rows: Tensor) -> Tensor:
        """(x - m)^T S^-1 (x - m): [N], higher = more novel."""
        return self.coordinates(rows).square().sum(1)

    def slope(self, rows: Tensor) -> Tensor:
        """S^-1 (x - m): [N, D] -> [N, D], half the slope of the squared distance."""
        return (self.coordinates(rows) / self.variances.sqrt()) @ self.axes

    def contributions(self, rows: Tensor) -> Tensor:
        """(x - m)_j [S^-1 (x - m)]_j: [N, D], what each column adds to the squared distance; it may be below 0."""
        return (rows - self.mean) * self.slope(rows)


def shrinkage(covariance: Tensor, quartic: float, count: int) -> float:
    """The share of the identity: expected squared error of the covariance over its squared distance to a sphere.

    covariance: [D, D], over N, not N - 1.  quartic: sum over the N images of |x - m|^4.  Returns 0..1; 1 for two
    images, which lie at equal distances from their mean and so hide the error.
    Source: Ledoit and Wolf, lemmas 3.2 to 3.4; both are divided by D here.
    """
    columns = len(covariance)
    variance = covariance.diagonal().mean()
    squared = covariance.square().sum()
    distance = squared / columns - variance.square()  # d^2, from the multiple of the identity that is nearest
    error = (quartic / count - squared) / (columns * count)  # b^2, of the covariance as an estimate
    return float((error / distance).clamp(0, 1)) if count > 2 and distance > 0 else 1.0
