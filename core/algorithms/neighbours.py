"""Control lines that need no training: distance to the nearest normal images, in pixels and after PCA, and PCA error.

Each is what any published method must beat. All run in blocks on the device of their input, never as one N x M matrix.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


def nearest(images: Tensor, bank: Tensor, count: int = 5, block: int = 2048) -> tuple[Tensor, Tensor]:
    """Distances and positions of the `count` nearest rows of the bank, nearest first.

    images: [N, D] float32.  bank: [M, D].  Returns Euclidean distances [N, count] and int64 [N, count]; fewer columns
    where M < count.
    """
    count = min(count, len(bank))
    mean = bank.mean(0)
    centred = bank - mean  # no digits are lost to a common offset
    half_norms = centred.square().sum(1) / 2
    found = []
    for rows in images.split(block):
        # |a - b|^2 / 2 without the constant |a|^2 / 2: one product, no N x M x D array.
        order = torch.topk(half_norms - (rows - mean) @ centred.T, count, dim=1, largest=False).indices
        # The few that are kept are measured directly, where the expansion above would lose digits to cancellation.
        exact = torch.linalg.vector_norm(rows[:, None] - bank[order], dim=2)
        nearer = exact.sort(dim=1, stable=True)
        found.append((nearer.values, order.gather(1, nearer.indices)))
    return torch.cat([d for d, _ in found]), torch.cat([i for _, i in found])


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """mean: [D].  axes: [K, D], orthonormal, by falling variance.  ratio: [K] share of the variance of each."""

    mean: Tensor
    axes: Tensor
    ratio: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> "PrincipalComponents":
        """From the eigenvectors of the covariance of [N, D], in float64."""
        mean = rows.mean(0, dtype=torch.float64)
        scatter = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64, device=rows.device)
        for part in rows.split(8192):
            centred = part.double() - mean
            scatter.addmm_(centred.T, centred)
        values, vectors = torch.linalg.eigh(scatter)
        values = values.flip(0).clamp(min=0)
        total = values.sum()
        return cls(mean.float(), vectors.flip(1).T.float(), (values / total if total > 0 else values).float())

    def first(self, count: int) -> "PrincipalComponents":
        """The first components only."""
        return PrincipalComponents(self.mean, self.axes[:count], self.ratio[:count])

    def keeping(self, share: float) -> "PrincipalComponents":
        """As many components as keep that share of the variance."""
        return self.first(int((self.ratio.cumsum(0) < share).sum()) + 1)

    def project(self, rows: Tensor) -> Tensor:
        """[N, D] -> [N, K] coordinates."""
        return (rows - self.mean) @ self.axes.T

    def error(self, rows: Tensor) -> Tensor:
        """[N, D] -> [N] squared error of the reconstruction."""
        coordinates = self.project(rows)
        return ((rows - self.mean) - coordinates @ self.axes).square().sum(1)


def rows_of(images: Tensor) -> Tensor:
    """uint8 [N, C, H, W] -> float32 [N, pixels] in [0, 1]."""
    return images.flatten(1).float() / 255
