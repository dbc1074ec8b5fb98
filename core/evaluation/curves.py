"""ROC and precision-recall curves as points to draw: every corner that can be seen, in a bounded number of points."""

from heapq import heappop, heappush

import numpy as np
from numpy.typing import ArrayLike

from core.errors import WrongRequest
from core.evaluation.scores import labelled
from core.evaluation.thresholds import confusion, decisive_thresholds


def roc_points(scores: ArrayLike, novel: ArrayLike, most: int = 400) -> dict[str, np.ndarray]:
    """The ROC curve, novel positive, from (0, 0) to (1, 1): fpr, tpr and threshold, each [P] with P at most `most`.

    A point is what `score > threshold` gives; thresholds fall from the highest score to -inf.
    Raises WrongRequest as `labelled` does, where a class is missing, and where `most` is below 2.
    """
    return _points(scores, novel, most, fpr="false_alarm_rate", tpr="recall")


def pr_points(scores: ArrayLike, novel: ArrayLike, most: int = 400) -> dict[str, np.ndarray]:
    """The precision-recall curve, novel positive, by rising recall: recall, precision and threshold, each [P].

    It begins where something is flagged, since precision isn't defined before; otherwise as `roc_points`.
    """
    return _points(scores, novel, most, recall="recall", precision="precision")


def _points(scores: ArrayLike, novel: ArrayLike, most: int, **axes: str) -> dict[str, np.ndarray]:
    if most < 2:
        raise WrongRequest(f"A curve has at least 2 points, not {most}.")
    scores, novel = labelled(scores, novel)
    if novel.all() or not novel.any():
        raise WrongRequest("A curve needs normal and novel images; these are all of one kind. Choose another test set.")
    thresholds = decisive_thresholds(scores)[::-1]
    counts = confusion(scores, novel, thresholds)
    curve = {name: getattr(counts, rate) for name, rate in axes.items()} | {"threshold": thresholds}
    x, y = (curve[name] for name in axes)
    defined = np.flatnonzero(~np.isnan(x + y))
    kept = defined[_outline(x[defined], y[defined], most)]
    return {name: values[kept] for name, values in curve.items()}


def _outline(x: np.ndarray, y: np.ndarray, most: int) -> np.ndarray:
    """Indices of at most `most` points whose polyline is closest to that through all points [N], both ends included.

    Douglas and Peucker, 1973, largest deviation first: the point farthest from its chord is kept and splits the chord.
    Points on a straight line add nothing and are left out.
    """
    kept, chords = [0, len(x) - 1], [_farthest(x, y, 0, len(x) - 1)]
    while len(kept) < most and chords[0][0] < -1e-12:
        _, first, middle, last = heappop(chords)
        kept.append(middle)
        heappush(chords, _farthest(x, y, first, middle))
        heappush(chords, _farthest(x, y, middle, last))
    return np.unique(kept)


def _farthest(x: np.ndarray, y: np.ndarray, first: int, last: int) -> tuple[float, int, int, int]:
    """(-distance, first, farthest, last): the point between first and last that is farthest from their chord."""
    across, up = x[last] - x[first], y[last] - y[first]
    offsets = np.abs(across * (y[first : last + 1] - y[first]) - up * (x[first : last + 1] - x[first]))
    farthest = int(offsets.argmax())
    return -float(offsets[farthest]) / (np.hypot(across, up) or 1.0), first, first + farthest, last
