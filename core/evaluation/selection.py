"""What choosing on test images promises, and what it keeps."""

import numpy as np
from numpy.typing import ArrayLike

from core.errors import WrongRequest
from core.evaluation.scores import labelled


def chosen_on_half(
    scores: ArrayLike, novel: ArrayLike, kinds: ArrayLike | None = None, halvings: int = 100, most: int = 2000, seed: int = 0
) -> dict[str, np.ndarray]:
    """The candidate that is best on one half of the test images, and how it does on the other half, for many seeded halvings.

    scores: [N, W], one column a candidate, higher = more novel.  kinds: [N], the class of each image; where the novel images are of
    several kinds, the halves share none of them, as a detector meets kinds that nobody tuned it for.  most: images used, a seeded
    choice.  Returns for each halving "chosen" (the column), "promised" (its AUROC on the half that chose it) and "kept" (on the other).
    Raises WrongRequest as `labelled` does, and where a class has fewer than two images.
    """
    scores = np.asarray(scores, np.float64)
    novel = labelled(scores[:, 0], novel)[1]
    kinds = np.asarray(kinds if kinds is not None else novel)
    rng = np.random.default_rng(seed)
    used = np.sort(rng.permutation(len(novel))[:most])
    scores, novel, kinds = scores[used], novel[used], kinds[used]
    if min(novel.sum(), (~novel).sum()) < 2:
        raise WrongRequest("Halves need at least two normal and two novel images. Choose another test set.")
    several = len(np.unique(kinds[novel])) > 1
    below, at_most, order = _ranks(scores)
    first, second = [], []
    for _ in range(halvings):
        half = _half(~novel, rng) | (_half_of_kinds(novel, kinds, rng) if several else _half(novel, rng))
        first.append(_auroc(half & novel, half & ~novel, below, at_most, order))
        second.append(_auroc(~half & novel, ~half & ~novel, below, at_most, order))
    chosen = np.argmax(first, axis=1)
    each = np.arange(halvings)
    return {"chosen": chosen, "promised": np.array(first)[each, chosen], "kept": np.array(second)[each, chosen]}


def _half(among: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random half of the true places: bool [N]."""
    places = np.flatnonzero(among)
    half = np.zeros(len(among), bool)
    half[rng.permutation(places)[: len(places) // 2]] = True
    return half


def _half_of_kinds(among: np.ndarray, kinds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The true places of a random half of the kinds: bool [N]."""
    present = np.unique(kinds[among])
    return among & np.isin(kinds, rng.permutation(present)[: len(present) // 2])


def _ranks(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each column: how many images score below, how many at most as high, and the images by rising score; [N, W] each."""
    below = np.empty(scores.shape, np.intp)
    at_most = np.empty(scores.shape, np.intp)
    order = scores.argsort(axis=0)
    for column, values in enumerate(scores.T):
        ascending = values[order[:, column]]
        below[:, column] = np.searchsorted(ascending, values, side="left")
        at_most[:, column] = np.searchsorted(ascending, values, side="right")
    return below, at_most, order


def _auroc(novel: np.ndarray, normal: np.ndarray, below: np.ndarray, at_most: np.ndarray, order: np.ndarray) -> np.ndarray:
    """AUROC of each column, ties counted half, over the images marked novel or normal: [W]."""
    ascending = np.concatenate([np.zeros((1, order.shape[1]), np.intp), normal[order].cumsum(0)])
    lower = np.take_along_axis(ascending, below[novel], 0) + np.take_along_axis(ascending, at_most[novel], 0)
    return lower.sum(0) / (2 * novel.sum() * normal.sum())
