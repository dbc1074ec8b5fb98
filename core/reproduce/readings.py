"""How published code misreads its own results, so that a reader sees which of the two readings a published cell is.

Each takes scores of the test images, which are novel, and the run's threshold, and gives {value, low, high}.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.intervals import estimate, levels, observed, resampled
from core.evaluation.metrics import RANKING

Reading = Callable[[NDArray, NDArray, float], dict[str, float | None]]
DRAWS = 1000


@dataclass(frozen=True)
class Misreading:
    """sentence: what the published code does.  metric: in whose place it stands.  read: computes it."""

    sentence: str
    metric: str
    read: Reading


def flipped(scores: NDArray, novel: NDArray, threshold: float) -> dict[str, float | None]:
    """max(AUROC, 1 - AUROC): a detector that ranks the wrong way round counts as a good one.  CLAD's code."""
    level, novel = levels(scores)[1], novel.astype(bool)
    areas = [RANKING["auroc"](each) for each in resampled(level, novel, DRAWS, 0)]
    area = RANKING["auroc"](observed(level, novel))[0]
    drawn = np.concatenate(areas)
    return estimate(float(max(area, 1 - area)), np.maximum(drawn, 1 - drawn))


def balanced_accuracy(scores: NDArray, novel: NDArray, threshold: float) -> dict[str, float | None]:
    """The AUROC of the hard decision, (share of novel caught + share of normal kept) / 2.  CLAD's code for SVDD."""
    caught, kept = _drawn(scores[novel == 1] > threshold), _drawn(scores[novel == 0] <= threshold)
    drawn = (caught + kept) / 2
    return estimate(float(drawn[0]), drawn[1:])


def inverted_precision(scores: NDArray, novel: NDArray, threshold: float) -> dict[str, float | None]:
    """Of the images rejected the share that is normal: rejection read as acceptance.  The VAE's code for its SVM."""
    return _inverted(scores, novel, threshold, 0)


def inverted_recall(scores: NDArray, novel: NDArray, threshold: float) -> dict[str, float | None]:
    """The share of normal images that is rejected, read as recall."""
    return _inverted(scores, novel, threshold, 1)


def inverted_f1(scores: NDArray, novel: NDArray, threshold: float) -> dict[str, float | None]:
    """F1 of these two."""
    return _inverted(scores, novel, threshold, 2)


def _inverted(scores: NDArray, novel: NDArray, threshold: float, which: int) -> dict[str, float | None]:
    normal_out, novel_out = _drawn(scores[novel == 0] > threshold), _drawn(scores[novel == 1] > threshold)
    rejected = normal_out * (novel == 0).sum(), novel_out * (novel == 1).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = rejected[0] / (rejected[0] + rejected[1])
        f1 = 2 * precision * normal_out / (precision + normal_out)
    drawn = (precision, normal_out, f1)[which]
    return estimate(float(drawn[0]), drawn[1:])


def _drawn(true: NDArray) -> NDArray:
    """The share that is true, then that of `DRAWS` resamples with replacement: [1 + DRAWS]."""
    share, count = float(np.mean(true)), len(true)
    return np.concatenate([[share], np.random.default_rng(0).binomial(count, share, DRAWS) / count])


READINGS = {
    "flipped": Misreading("an AUROC below 0.5 counts as 1 minus it", "auroc", flipped),
    "balanced-accuracy": Misreading(
        "the AUROC is taken of the hard decision, which makes it a balanced accuracy", "auroc", balanced_accuracy
    ),
    "inverted-precision": Misreading("rejected images are read as accepted", "normal_precision", inverted_precision),
    "inverted-recall": Misreading("rejected images are read as accepted", "normal_recall", inverted_recall),
    "inverted-f1": Misreading("rejected images are read as accepted", "normal_f1", inverted_f1),
}
