"""Images by index, drawn and cut into parts: seeded, and with every group of images on one side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.data import Dataset


@dataclass(frozen=True, eq=False)
class Rows:
    """Images by index, in one or more datasets of one shape.

    pool: int64 [N], which dataset of the task.  index: int64 [N], which image of it.
    """

    pool: np.ndarray
    index: np.ndarray

    @classmethod
    def of(cls, index: np.ndarray, pool: int = 0) -> "Rows":
        return cls(np.full(len(index), pool, dtype=np.int64), np.asarray(index, dtype=np.int64))

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> "Rows":
        return cls(np.concatenate([p.pool for p in parts]), np.concatenate([p.index for p in parts]))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, places: np.ndarray) -> "Rows":
        """Some of the images: places or a mask."""
        return Rows(self.pool[places], self.index[places])


def has_both_halves(dataset: Dataset) -> bool:
    """Whether the dataset has official training images and an official test set."""
    return bool(dataset.is_test.any() and not dataset.is_test.all())


def labelled(dataset: Dataset, names: Sequence[str], test: bool | None = None) -> np.ndarray:
    """Indices of the images of these classes; of the official test or training half where `test` is given."""
    wanted = np.isin(dataset.labels, [dataset.classes.index(name) for name in names])
    if test is not None:
        wanted &= dataset.is_test == test
    return np.flatnonzero(wanted)


def others(dataset: Dataset, names: Sequence[str]) -> list[str]:
    """The classes of a dataset but these."""
    return [name for name in dataset.classes if name not in names]


def shares(
    index: np.ndarray, groups: np.ndarray | None, parts: Sequence[float], rng: np.random.Generator
) -> list[np.ndarray]:
    """The indices shuffled and cut into parts of int(share * n) images, the last taking the rest; groups stay whole.

    index: [N].  groups: group of every image of the dataset, -1 for none, or None.
    parts: shares of all but the last part.
    """
    keys = index if groups is None else np.where(groups[index] < 0, -1 - index, groups[index])
    _, member = np.unique(keys, return_inverse=True)
    order = rng.permutation(member.max() + 1 if len(member) else 0)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    by_rank = np.argsort(rank[member], kind="stable")
    shuffled, sorted_rank = index[by_rank], rank[member][by_rank]
    ends = np.cumsum([int(share * len(index)) for share in parts])
    # A cut in the middle of a group moves to the group's end, so no group lies on two sides.
    cuts = [
        int(np.searchsorted(sorted_rank, sorted_rank[end - 1], side="right")) if 0 < end <= len(index) else int(end)
        for end in ends
    ]
    return np.split(shuffled, cuts)


def drawn(index: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of the indices without replacement, in their order; all where there are fewer."""
    return index if count >= len(index) else np.sort(rng.choice(index, count, replace=False))


def without_groups_of(taken: np.ndarray, left: np.ndarray, dataset: Dataset) -> np.ndarray:
    """The images left of which no image of the same group was taken."""
    if dataset.groups is None:
        return left
    groups = dataset.groups[left]
    return left[(groups < 0) | ~np.isin(groups, dataset.groups[taken])]


def interleaved(dataset: Dataset, normal: Sequence[str], test: bool | None, rng: np.random.Generator) -> np.ndarray:
    """Images of the other classes in random order, the classes taking turns, so that any prefix is spread evenly."""
    shuffled = [rng.permutation(labelled(dataset, [name], test)) for name in others(dataset, normal)]
    turn = np.concatenate([np.arange(len(each)) for each in shuffled])
    return np.concatenate(shuffled)[np.argsort(turn, kind="stable")]
