"""Deep embedded clustering: an encoder and k centres that sharpen their own guess of who belongs together.

Paper: J. Xie, R. Girshick, A. Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016.

Idea: the soft assignment q of an image falls with the distance of its code to each centre. A target p is made of q
itself, sharper and fairer to small clusters, and encoder and centres descend on the divergence of q from p. Then p is
made anew.

Differs from the paper:
1. The target's cluster sizes are those of the whole set, as the paper writes them; codes often take one mini-batch's.
2. What is to be done with clusters that die out the paper leaves open: see `without_starved` and `collapse`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

COLLAPSE = 0.95  # a cluster with a larger share of the images has swallowed the others
STARVED = 0.005  # a cluster with a smaller share has too few images to be learned


def log_soft_assignment(codes: Tensor, centres: Tensor, alpha: float = 1.0) -> Tensor:
    """log q: how much each code belongs to each centre, by Student's t with `alpha` degrees of freedom.

    codes: [N, D].  centres: [K, D].  Returns [N, K]; the exponentials of a row sum to 1.  Source: eq. 1.
    """
    # Without the expansion |a|^2 + |b|^2 - 2ab: near a centre it would lose all digits.
    squared = torch.cdist(codes, centres, compute_mode="donot_use_mm_for_euclid_dist").square()
    return torch.log_softmax(-(alpha + 1) / 2 * torch.log1p(squared / alpha), 1)


def target(assignment: Tensor) -> Tensor:
    """p: the soft assignment squared, divided by the soft size of each cluster, rows summing to 1 again.

    assignment: q of the whole set, [N, K].  Returns [N, K] without a gradient.  Source: eq. 3.
    """
    assignment = assignment.detach()
    sizes = assignment.sum(0)
    # A cluster without any assignment has q = 0 everywhere, and stays at 0.
    weights = assignment * (assignment / sizes.clamp(min=torch.finfo(sizes.dtype).tiny))
    return weights / weights.sum(1, keepdim=True)


def divergence(wanted: Tensor, log_assignment: Tensor) -> Tensor:
    """KL(P || Q) of each image, whose sum over the images is the loss L.

    wanted: p, [N, K].  log_assignment: log q, [N, K].  Returns [N], at least 0.  Source: eq. 2.
    """
    return (torch.xlogy(wanted, wanted) - wanted * log_assignment).sum(1)


def changed(before: Tensor, after: Tensor) -> float:
    """Share of images, in [0, 1], whose cluster is another: labels [N] each.  Training stops where it is small."""
    return float((before != after).float().mean())


# --- clusters that die out --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Fed:
    """The clusters that are left once starved ones have joined their nearest neighbour.

    into: int64 [K], what each cluster has become, 0..K'-1.  kept: int64 [K'], the clusters that are left.
    sentence: who was merged, or None.
    """

    into: Tensor
    kept: Tensor
    sentence: str | None


def without_starved(labels: Tensor, centres: Tensor, least: float = STARVED) -> Fed:
    """Merge every cluster with less than a share `least` of the images into the nearest, the smallest first.

    labels: int64 [N].  centres: [K, D]; the larger cluster keeps its own.  At least one cluster is left.
    """
    count = len(centres)
    sizes = labels.bincount(minlength=count).cpu()
    distances = torch.cdist(centres.double(), centres.double()).cpu().fill_diagonal_(torch.inf)
    into, alive = torch.arange(count), torch.ones(count, dtype=torch.bool)
    while alive.sum() > 1:
        smallest = int(torch.where(alive, sizes, len(labels) + 1).argmin())
        if sizes[smallest] >= least * len(labels):
            break
        alive[smallest] = False
        nearest = int(torch.where(alive, distances[smallest], torch.inf).argmin())
        sizes[nearest] += sizes[smallest]
        into[into == smallest] = nearest
    kept = alive.nonzero()[:, 0]
    merged = count - len(kept)
    sentence = None
    if merged:
        sentence = (
            f"{merged} of {count} clusters {'holds' if merged == 1 else 'hold'} less than {least:.1%} of the images "
            f"and joined the nearest; {len(kept)} {'is' if len(kept) == 1 else 'are'} left."
        )
    return Fed((alive.cumsum(0) - 1)[into].to(labels.device), kept.to(labels.device), sentence)


def collapse(labels: Tensor) -> str | None:
    """A sentence where the clusters say nothing: fewer than two of them, or one with over 95 % of the images.

    labels: int64 [N].
    """
    sizes = labels.bincount()
    clusters, share = int((sizes > 0).sum()), float(sizes.max()) / len(labels)
    if clusters < 2:
        return "Collapsed: all images lie in one cluster, so there are no kinds to tell apart."
    if share > COLLAPSE:
        return f"Collapsed: one of {clusters} clusters holds {share:.1%} of the images, so confidence says little."
    return None
