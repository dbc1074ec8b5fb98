"""Contrastive learning of pairs: which images are paired in an epoch, and the loss of a pair.

Papers: R. Hadsell, S. Chopra, Y. LeCun, Dimensionality Reduction by Learning an Invariant Mapping, CVPR 2006; M. Masana
et al., Metric Learning for Novelty and Anomaly Detection, BMVC 2018 (the pairs, from their code).

Images of one class are pulled together, images of two classes pushed apart until their distance reaches a margin.
Seen foreign images have no class (`FOREIGN`): a known and a foreign one are pushed apart, two foreign ones say nothing.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import WrongRequest

FOREIGN = -1  # the label of an image that is of no known class
POSITIVE, NEGATIVE, SEEN = range(3)  # the kinds of pairs
TINY = 1e-12  # under the root, whose slope is infinite at 0

# --- the loss ---------------------------------------------------------------------------------------------------------


def distances(left: Tensor, right: Tensor) -> Tensor:
    """Euclidean distances of the rows of two embeddings: [P, D] twice -> [P], at least 1e-6, where there is a slope."""
    return ((left - right).square().sum(1) + TINY).sqrt()


def losses(apart: Tensor, left: Tensor, right: Tensor, margin: float, power: int) -> Tensor:
    """What each pair costs, [P]: s d^p + (1 - s) max(0, m - d)^p, and 0 where both images are foreign.

    apart: distances d [P].  left, right: labels [P], FOREIGN for none; s says that they are equal.  power: 2 as Hadsell
    et al., eq. 4, whose pull fades as a pair comes close; 1 as the authors' code, whose pull never does.
    """
    foreign = (left == FOREIGN) & (right == FOREIGN)
    return cost(apart, left == right, margin, power).masked_fill(foreign, 0)


def cost(apart: Tensor, same: Tensor, margin: float, power: int) -> Tensor:
    """The same where no pair is of two foreign images, as in an epoch's pairs.  same: bool [P], of one class."""
    reach = torch.where(same, apart, (margin - apart).relu())
    return reach.square() if power == 2 else reach


def mean_loss(costs: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Half the mean cost of the pairs that say something: [P] three times -> a scalar; 0 where none does."""
    telling = ((left != FOREIGN) | (right != FOREIGN)).sum().clamp(min=1)
    return 0.5 * costs.sum() / telling


# --- the pairs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Pairs:
    """An epoch's pairs in batches.

    left [batches, P]: training images, each at most once.  right [batches, P]: training images, or, where the kind is
    SEEN, seen foreign ones, which come last.  kind [batches, P]: POSITIVE, NEGATIVE or SEEN.
    """

    left: Tensor
    right: Tensor
    kind: Tensor


@dataclass(frozen=True, eq=False)
class Partners:
    """Training images by class, for drawing partners; made once.

    order [n]: images, class by class.  rank [n]: the place of each image in it.  start, size [n]: where the class of
    each image begins in it, and how many it has.
    """

    order: Tensor
    rank: Tensor
    start: Tensor
    size: Tensor

    @classmethod
    def of(cls, labels: Tensor) -> "Partners":
        """labels: int64 [n].  Raises WrongRequest with one class alone, and for a class of fewer than two images."""
        classes, place, counts = labels.cpu().unique(return_inverse=True, return_counts=True)
        if len(classes) < 2:
            raise WrongRequest(
                "All training images are of one class, so no pair can be pushed apart. "
                "Choose two or more known classes."
            )
        if int(counts.min()) < 2:
            raise WrongRequest(
                f"{int((counts < 2).sum())} of {len(classes)} known classes have a single training image, and a pair "
                "needs two of a class. Leave them out of the known classes."
            )
        order = place.argsort(stable=True)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order))
        starts = counts.cumsum(0) - counts
        return cls(order, rank, starts[place], counts[place])

    def same(self, images: Tensor) -> Tensor:
        """For each image another one of its class, drawn evenly: [P] -> [P]."""
        start, size = self.start[images], self.size[images]
        step = 1 + _below(size - 1)
        return self.order[start + (self.rank[images] - start + step) % size]

    def other(self, images: Tensor) -> Tensor:
        """For each image one of another class, drawn evenly among all such images: [P] -> [P]."""
        start, size = self.start[images], self.size[images]
        place = _below(len(self.order) - size)
        return self.order[place + size * (place >= start)]


def _below(bounds: Tensor) -> Tensor:
    """A whole number in 0..bound - 1 for each bound, from torch's seeded state."""
    # In double precision, as a single one reaches only 2^24 places; the product may round up to the bound.
    drawn = (torch.rand(bounds.shape, dtype=torch.float64) * bounds).long()
    return torch.minimum(drawn, bounds - 1)


def epoch_of_pairs(partners: Partners, size: int, foreign: int = 0, share: float = 0.5, first: int = 0) -> Pairs:
    """Pairs of one epoch, drawn from torch's seeded state, on the CPU.

    size: pairs in a batch, a multiple of 4; fewer where there are fewer images.  Images are shuffled and cut into
    batches; what is left over rests this epoch.  In a batch the first quarter meet an image of their class, the others
    one of another class; in every second batch the last ones, `share` of all, meet one of `foreign` seen images
    instead.  first: the number of the first batch, counted through all epochs, so that a set of few batches meets seen
    images as often.
    """
    count = len(partners.order)
    size = min(size, count // 4 * 4)
    left = torch.randperm(count)[: count // size * size].view(-1, size)
    quarter = size // 4
    same, other = left[:, :quarter], left[:, quarter:]
    right = torch.cat([partners.same(same), partners.other(other)], 1)
    kind = torch.full_like(left, NEGATIVE)
    kind[:, :quarter] = POSITIVE
    replaced = round(share * size) if foreign else 0
    if replaced:
        second = slice((first + 1) % 2, None, 2)
        drawn = torch.randint(foreign, kind[second, size - replaced :].shape)
        right[second, size - replaced :], kind[second, size - replaced :] = drawn, SEEN
    return Pairs(left, right, kind)
