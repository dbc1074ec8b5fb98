"""What an array of scores must be, whether it still says anything, and where a score lies among normal images."""

import numpy as np
from numpy.typing import ArrayLike

from core.errors import WrongRequest


def ordered(scores: ArrayLike) -> np.ndarray:
    """Scores as float64 [N] that can be put in order: infinite ones can, nan can't.

    Raises WrongRequest where they are not one number per image, or some are nan.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1:
        raise WrongRequest(f"Scores are one number per image; these have shape {scores.shape}. Pass an array [N].")
    undefined = np.count_nonzero(np.isnan(scores))
    if undefined:
        raise WrongRequest(
            f"{undefined:,} of {len(scores):,} scores are not numbers (NaN): the training diverged. "
            "Train again with a lower learning rate."
        )
    return scores


def finite(scores: ArrayLike, what: str) -> np.ndarray:
    """Scores as float64 [N].  Raises WrongRequest where there are none, or some are infinite or nan."""
    scores = ordered(scores)
    if len(scores) == 0:
        raise WrongRequest(f"There are no {what}. Pass at least one.")
    infinite = np.count_nonzero(np.isinf(scores))
    if infinite:
        raise WrongRequest(
            f"{infinite:,} of {len(scores):,} {what} are infinite: the training diverged. "
            "Train again with a lower learning rate."
        )
    return scores


def labelled(scores: ArrayLike, novel: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Scores as float64 [N] and their labels as bool [N] (True: novel).

    Raises WrongRequest where a score is nan, a label is neither 0 nor 1, the lengths differ, or there are no images.
    """
    scores, novel = ordered(scores), np.asarray(novel)
    if scores.shape != novel.shape:
        raise WrongRequest(f"{len(scores):,} scores meet labels of shape {novel.shape}. Pass one label per score.")
    if len(scores) == 0:
        raise WrongRequest("There are no scores to evaluate. Pass at least one image.")
    if not np.isin(novel, (0, 1)).all():
        raise WrongRequest(f"A label is 0 (normal) or 1 (novel), not {novel[~np.isin(novel, (0, 1))][0]!s}.")
    return scores, novel.astype(bool)


def collapse(scores: ArrayLike) -> str | None:
    """One sentence where the scores hardly tell images apart, else None.

    Alarms where all scores agree to one part in a million (float32 rounding makes equal scores look distinct), and
    where fewer than 1 % of the values are distinct.  Raises WrongRequest where some are nan.
    """
    scores = ordered(scores)
    if len(scores) < 2:
        return None
    distinct = np.unique(scores)
    if np.isclose(distinct[0], distinct[-1], rtol=1e-6, atol=0):
        return f"Collapsed: all {len(scores):,} images have nearly the same score ({distinct[0]:.4g})."
    if len(distinct) < 0.01 * len(scores):
        return f"Nearly collapsed: {len(scores):,} images share only {len(distinct):,} distinct scores."
    return None


def percentile(scores: ArrayLike, reference: ArrayLike) -> np.ndarray:
    """Where each score lies among the reference, the scores of normal validation images: [N] in 0..100.

    Mid-rank: the share of the reference below the score plus half of the share equal to it, so that a typical normal
    image gets 50 however many ties there are.  Raises WrongRequest where the reference is empty or not finite.
    """
    reference = np.sort(finite(reference, "normal validation scores"))
    scores = ordered(scores)
    below, at_most = (np.searchsorted(reference, scores, side=side) for side in ("left", "right"))
    return 50.0 * (below + at_most) / len(reference)
