"""Local outlier factor: how much sparser it is around an image than around its neighbours.

Paper: M. M. Breunig, H.-P. Kriegel, R. T. Ng, J. Sander, LOF: Identifying Density-Based Local Outliers, SIGMOD 2000.

Where one kind of normal image is packed closely and another loosely, no single distance suits both. LOF compares the
density at an image with the densities at its k nearest training images: about 1 within a kind, whatever its density,
and well above 1 outside.

Differs from the paper:
1. The training images are the normal ones, and new images are compared with them alone (novelty mode).
2. Exactly k neighbours count, also where more are as near.
3. Copies count once. More than k copies of an image would make its density infinite, and the factor of all that lie
   near it; the paper's remark after definition 6 asks for k distinct neighbours too.
4. No place counts as more than `DENSEST` times denser than the usual one, which bounds what nearly equal images do.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from core.algorithms.neighbours import Bank
from core.errors import WrongRequest

DENSEST = 1000.0


@dataclass(frozen=True, eq=False)
class LocalOutlier:
    """rows: [M, D], distinct training images.  places: int64 [M], which of the training images they are.

    reaches: [M] distance to the k-th nearest other one.  densities: [M] local reachability densities.
    neighbours: k.  floor: the least mean reach.
    """

    rows: Tensor
    places: Tensor
    reaches: Tensor
    densities: Tensor
    neighbours: int
    floor: float

    @classmethod
    def fit(cls, rows: Tensor, neighbours: int = 20) -> "LocalOutlier":
        """From the training images [N, D]; fewer neighbours where fewer are distinct.

        Raises WrongRequest where all images are equal.  Source: Breunig et al., definitions 3, 5 and 6.
        """
        places = distinct(rows)
        if len(places) < 2:
            raise WrongRequest(
                "All training images are equal, so there is no density to compare with. Choose other training images, "
                "or the method nearest-neighbours."
            )
        kept, count = rows[places], min(neighbours, len(places) - 1)
        distances, near = Bank.of(kept).nearest(kept, count + 1)
        distances, near = distances[:, 1:], near[:, 1:]  # the first is the image itself, as all are distinct
        reaches = distances[:, -1].contiguous()
        floor = float(reaches.median()) / DENSEST
        densities = density(distances, reaches[near], floor)
        return cls(kept, places, reaches, densities, count, floor)

    @cached_property
    def bank(self) -> Bank:
        return Bank.of(self.rows)

    def compared(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For [N, D]: distances to the k nearest distinct training images, their rows here, the own density [N]."""
        distances, near = self.bank.nearest(rows, self.neighbours)
        return distances, near, density(distances, self.reaches[near], self.floor)

    def score(self, rows: Tensor) -> Tensor:
        """The local outlier factor: [N], higher = more novel.  Breunig et al., definition 7."""
        _, near, own = self.compared(rows)
        return factor(own, self.densities[near])


def density(distances: Tensor, reaches: Tensor, floor: float) -> Tensor:
    """1 / mean over the neighbours of max(distance, the neighbour's own reach).  Breunig et al., definition 6.

    distances, reaches: [N, k].  floor: the least mean.  Returns [N].
    """
    return 1 / torch.maximum(distances, reaches).mean(1).clamp(min=floor)


def factor(own: Tensor, others: Tensor) -> Tensor:
    """Mean density at the neighbours [N, k] over the own density [N].  Breunig et al., definition 7."""
    return others.mean(1) / own


def distinct(rows: Tensor) -> Tensor:
    """Positions of the rows that equal no earlier one, rising: [N, D] -> int64 [M]."""
    plain = np.ascontiguousarray(rows.cpu().numpy() + 0)  # + 0: of -0.0 and 0.0 the bytes differ
    names = plain.view(np.dtype((np.void, plain.itemsize * plain.shape[1])))[:, 0]
    return torch.from_numpy(np.sort(np.unique(names, return_index=True)[1])).to(rows.device)


def about_copies(images: int, distinct: int) -> str | None:
    """A sentence where some of the training images are copies of others, else None."""
    copies = images - distinct
    if not copies:
        return None
    are = "image is a copy" if copies == 1 else "images are copies"
    return (
        f"{copies:,} of {images:,} training {are} of another: each counts once, because copies would make their place "
        "infinitely dense."
    )
