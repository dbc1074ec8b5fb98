"""What choosing on test images promises, and what it keeps: the AUROC of candidates on both halves of a test set."""

import numpy as np
from numpy.typing import ArrayLike

from core.errors import WrongRequest
from core.evaluation.scores import labelled


def auroc_on_halves(
    scores: ArrayLike,
    novel: ArrayLike,
    kinds: ArrayLike | None = None,
    halvings: int = 100,
    most: int = 2000,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """AUROC of each candidate on one half of the test images and on the other, for many seeded halvings: [S, W] twice.

    scores: [N, W], one column a candidate, higher = more novel.  kinds: [N], the class of each image; where the novel
    images are of several kinds, the halves share none of them: a detector meets kinds that nobody chose it for.
    most: how many images are used, a seeded choice.
    Raises WrongRequest as `labelled` does, and where a class has fewer than two images.
    """
    scores = np.asarray(scores, np.float64)
    novel = labelled(scores[:, 0], novel)[1]
    kinds = np.asarray(novel if kinds is None else kinds)
    rng = np.random.default_rng(seed)
    used = np.sort(rng.permutation(len(novel))[:most])
    scores, novel, kinds = scores[used], novel[used], kinds[used]
    if min(novel.sum(), (~novel).sum()) < 2:
        raise WrongRequest("Halves need at least two normal and two novel images. Choose another test set.")
    novel_half = _half_of_kinds if len(np.unique(kinds[novel])) > 1 else _half
    ranks = _ranks(scores)
    one, other = [], []
    for _ in range(halvings):
        half = _half(~novel, kinds, rng) | novel_half(novel, kinds, rng)
        one.append(_auroc(half & novel, half & ~novel, *ranks))
        other.append(_auroc(~half & novel, ~half & ~novel, *ranks))
    return np.array(one), np.array(other)


def _half(among: np.ndarray, kinds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random half of the true places: bool [N]."""
    places = np.flatnonzero(among)
    half = np.zeros(len(among), bool)
    half[rng.permutation(places)[: len(places) // 2]] = True
    return half


def _half_of_kinds(among: np.ndarray, kinds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The true places of a random half of their kinds: bool [N]."""
    present = np.unique(kinds[among])
    return among & np.isin(kinds, rng.permutation(present)[: len(present) // 2])


def _ranks(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each column the images by rising score, how many score below each, how many at most as high: [N, W] each."""
    order = scores.argsort(axis=0)
    below, at_most = np.empty_like(order), np.empty_like(order)
    for column, values in enumerate(scores.T):
        ascending = values[order[:, column]]
        below[:, column] = np.searchsorted(ascending, values, side="left")
        at_most[:, column] = np.searchsorted(ascending, values, side="right")
    return order, below, at_most


def _auroc(
    novel: np.ndarray, normal: np.ndarray, order: np.ndarray, below: np.ndarray, at_most: np.ndarray
) -> np.ndarray:
    """AUROC of each column over the images marked novel or normal, ties counted half: [W]."""
    first = np.zeros((1, order.shape[1]), np.intp)
    normals = np.concatenate([first, normal[order].cumsum(axis=0)])  # among the lowest k images  [N + 1, W]
    pairs = np.take_along_axis(normals, below[novel], 0) + np.take_along_axis(normals, at_most[novel], 0)
    return pairs.sum(axis=0) / (2 * novel.sum() * normal.sum())
