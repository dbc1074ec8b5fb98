"""Numbers that code bases compute differently under one name, each exact with ties and with its convention named.

Accepted are images up to a threshold of the score; TPR is the accepted share of normal images, FPR of novel ones.

| measure | conventions |
| --- | --- |
| FPR at 95 % TPR | normal positive, exact; novel positive (OpenOOD, pytorch-ood); mean over a grid of thresholds |
| detection error | smallest mean of the two error rates; that mean where TPR is taken as 95 % |
| AUPR | from counts, in steps; from rates, as if both kinds were equally many; from counts, in trapezoids (OpenOOD) |

Sources: S. Liang, Y. Li, R. Srikant (ODIN), ICLR 2018, and its calMetric.py; K. Lee et al., ICLR 2018, whose
calculate_log.py the code of M. Masana et al., BMVC 2018, calls; J. Davis, M. Goadrich, ICML 2006, on interpolation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.intervals import Estimate, Histograms, estimate, levels, observed, resampled
from core.evaluation.metrics import RANKING
from core.evaluation.scores import labelled

Computed = Callable[[Histograms, np.ndarray], np.ndarray]  # D resamples and the L distinct scores in, [D] out
DRAWS = 200  # of an interval that is computed when somebody asks for it


@dataclass(frozen=True)
class Convention:
    """One way to compute a measure.

    key: its name, that of core.evaluation's METRICS where it is one of them.  title: of the choice.  words: what a
    column says of it.  sentence: what exactly it is, and who computes it so.
    """

    key: str
    title: str
    words: str
    sentence: str


@dataclass(frozen=True)
class Measure:
    """A number of a detector, with the ways in which it is computed, the usual one here first."""

    name: str
    title: str
    lower_is_better: bool
    conventions: tuple[Convention, ...]


_FPR = (
    Convention(
        "fpr95_normal",
        "Normal positive",
        "normal positive",
        "Share of novel images accepted at the lowest threshold that accepts 95 % of the normal ones, exact.",
    ),
    Convention(
        "fpr95_novel",
        "Novel positive",
        "novel positive",
        "Share of normal images rejected at the highest threshold that catches 95 % of the novel ones, as OpenOOD and "
        "pytorch-ood compute it: another number.",
    ),
    Convention(
        "fpr95_odin",
        "Grid mean, ODIN",
        "grid mean of ODIN",
        "Mean share of novel images accepted over those of 100,000 evenly spaced thresholds that accept 94.95 to 95.05 "
        "% of the normal ones, as ODIN's code computes it; undefined where none does.",
    ),
    Convention(
        "fpr95_lee",
        "Grid mean, Lee",
        "grid mean of Lee et al.",
        "Mean share of novel images accepted over those of 200,000 evenly spaced thresholds that accept 94 to 96 % of "
        "the normal ones, as the code of Lee et al. computes it, which that of Masana et al. calls; undefined where "
        "none does.",
    ),
)
_ERROR = (
    Convention(
        "detection_error",
        "Minimal",
        "minimal",
        "Smallest mean of the two error rates over all thresholds, equal priors.",
    ),
    Convention(
        "detection_error_95",
        "At 95 %",
        "at 95 % TPR",
        "Half of the 5 % of normal images rejected plus half of the FPR at 95 % TPR, normal positive.",
    ),
)


def _aupr(positive: str) -> tuple[Convention, ...]:
    return (
        Convention(
            f"aupr_{positive}",
            "Counts, steps",
            "counts, steps",
            f"Average precision from counts, {positive} positive: it depends on how many of each kind there are.",
        ),
        Convention(
            f"aupr_{positive}_rates",
            "Rates, steps",
            "rates, steps",
            f"Average precision from rates, {positive} positive, as if both kinds were equally many: ODIN's code and "
            "that of Lee et al. take precision so.",
        ),
        Convention(
            f"aupr_{positive}_trapezoid",
            "Counts, trapezoids",
            "counts, trapezoids",
            f"Area under straight lines between the points from counts, {positive} positive, as OpenOOD and "
            "pytorch-ood compute it: too friendly where points are far apart.",
        ),
    )


MEASURES = {
    each.name: each
    for each in (
        Measure("fpr95", "FPR at 95 % TPR", True, _FPR),
        Measure("detection_error", "Detection error", True, _ERROR),
        Measure(
            "auroc",
            "AUROC",
            False,
            (Convention("auroc", "Exact", "exact", "P(novel above normal) + P(equal) / 2; every code base agrees."),),
        ),
        Measure("aupr_in", "AUPR-in", False, _aupr("normal")),
        Measure("aupr_out", "AUPR-out", False, _aupr("novel")),
    )
}
CONVENTIONS = {convention.key: convention for measure in MEASURES.values() for convention in measure.conventions}


def fpr95_odin(scores: ArrayLike, novel: ArrayLike) -> float:
    """Mean FPR over ODIN's grid; lower is better; nan where no threshold of the grid accepts about 95 %, or as all."""
    return _single("fpr95_odin", scores, novel)


def fpr95_lee(scores: ArrayLike, novel: ArrayLike) -> float:
    """Mean FPR over the grid of Lee et al.; otherwise as `fpr95_odin`."""
    return _single("fpr95_lee", scores, novel)


def detection_error_95(scores: ArrayLike, novel: ArrayLike) -> float:
    """Half of 5 % plus half of the FPR at 95 % TPR, normal positive; lower is better."""
    return _single("detection_error_95", scores, novel)


def aupr_rates(scores: ArrayLike, novel: ArrayLike, positive: str = "novel") -> float:
    """Average precision where precision is TPR / (TPR + FPR).  positive: "novel" or "normal"."""
    return _single(f"aupr_{positive}_rates", scores, novel)


def aupr_trapezoid(scores: ArrayLike, novel: ArrayLike, positive: str = "novel") -> float:
    """Area under straight lines between precision-recall points from counts.  positive: "novel" or "normal"."""
    return _single(f"aupr_{positive}_trapezoid", scores, novel)


def measured(
    scores: ArrayLike, novel: ArrayLike, keys: Sequence[str], draws: int = DRAWS, seed: int = 0
) -> dict[str, Estimate]:
    """Numbers by the keys of their conventions, as {value, low, high} with the 95 % bootstrap interval.

    None stands for what is undefined.  The resamples of one seed are those of `metrics`.  Raises WrongRequest as
    `labelled` does.
    """
    scores, novel = labelled(scores, novel)
    distinct, level = levels(scores)
    both = novel.any() and not novel.all()
    blocks = list(resampled(level, novel, draws, seed)) if both else []
    found: dict[str, Estimate] = {}
    for key in keys:
        value = COMPUTED[key](observed(level, novel), distinct)[0] if both else np.nan
        drawn = [COMPUTED[key](block, distinct) for block in blocks]
        found[key] = estimate(value, np.concatenate([np.zeros(0), *drawn]))
    return found


def _single(key: str, scores: ArrayLike, novel: ArrayLike) -> float:
    scores, novel = labelled(scores, novel)
    if novel.all() or not novel.any():
        return float("nan")
    distinct, level = levels(scores)
    return float(COMPUTED[key](observed(level, novel), distinct)[0])


def _grid(steps: int, low: float, high: float) -> Computed:
    """Mean FPR over `steps` evenly spaced thresholds, from the highest score down, whose TPR is in [low, high]."""

    def mean(histograms: Histograms, distinct: np.ndarray) -> np.ndarray:
        span = distinct[-1] - distinct[0]
        if not 0 < span < np.inf:
            return np.full(len(histograms.normal), np.nan)
        thresholds = distinct[-1] - np.arange(steps) * (span / steps)
        at = np.searchsorted(distinct, thresholds, side="right") - 1  # the highest score accepted by each
        weight = np.bincount(np.maximum(at, 0), minlength=len(distinct))
        tpr = histograms.normal_at_most / histograms.normals
        meant = weight * ((tpr >= low) & (tpr <= high))  # [D, L]
        total = meant.sum(1)
        accepted = (meant * histograms.novel_at_most).sum(1) / histograms.novels
        return np.divide(accepted, total, out=np.full(len(total), np.nan), where=total > 0)

    return mean


def _error_95(histograms: Histograms, distinct: np.ndarray) -> np.ndarray:
    return 0.5 * (1 - 0.95) + 0.5 * RANKING["fpr95_normal"](histograms)


@dataclass(frozen=True)
class _Curve:
    """Counts of one class above, and of the other, where images are called positive level by level, [D, L] each."""

    true: np.ndarray
    false: np.ndarray

    @classmethod
    def of(cls, histograms: Histograms, positive: str) -> "_Curve":
        if positive == "normal":  # from the lowest score up
            return cls(histograms.normal_at_most, histograms.novel_at_most)
        caught = histograms.novel[:, ::-1].cumsum(1)
        return cls(caught, histograms.normal[:, ::-1].cumsum(1))


def _rates(positive: str) -> Computed:
    def area(histograms: Histograms, distinct: np.ndarray) -> np.ndarray:
        curve = _Curve.of(histograms, positive)
        tpr, fpr = (counts / counts[:, -1:] for counts in (curve.true, curve.false))
        precision = tpr / np.maximum(tpr + fpr, 1e-300)  # 0 / 0 only where nothing is called positive yet
        return (np.diff(tpr, axis=1, prepend=0) * precision).sum(1)

    return area


def _trapezoid(positive: str) -> Computed:
    def area(histograms: Histograms, distinct: np.ndarray) -> np.ndarray:
        curve = _Curve.of(histograms, positive)
        called = curve.true + curve.false
        precision = np.where(called > 0, curve.true / np.maximum(called, 1), 1.0)  # 1 before the first, as usual
        before = np.concatenate([np.ones((len(precision), 1)), precision[:, :-1]], axis=1)
        recall = curve.true / curve.true[:, -1:]
        return (np.diff(recall, axis=1, prepend=0) * (before + precision) / 2).sum(1)

    return area


def _from_ranking(key: str) -> Computed:
    return lambda histograms, distinct: RANKING[key](histograms)


COMPUTED: dict[str, Computed] = {key: _from_ranking(key) for key in RANKING}
COMPUTED |= {
    "fpr95_odin": _grid(100_000, 0.9495, 0.9505),
    "fpr95_lee": _grid(200_000, 0.94, 0.96),
    "detection_error_95": _error_95,
}
COMPUTED |= {f"aupr_{positive}_rates": _rates(positive) for positive in ("normal", "novel")}
COMPUTED |= {f"aupr_{positive}_trapezoid": _trapezoid(positive) for positive in ("normal", "novel")}


@dataclass(frozen=True)
class Choice:
    """The convention of each measure that a person has chosen, by key."""

    fpr95: str = "fpr95_normal"
    detection_error: str = "detection_error"
    aupr: str = "counts"

    @property
    def keys(self) -> dict[str, str]:
        """The key of each measure, by the measure's name."""
        ending = "" if self.aupr == "counts" else f"_{self.aupr}"
        return {
            "fpr95": self.fpr95,
            "detection_error": self.detection_error,
            "auroc": "auroc",
            "aupr_in": f"aupr_normal{ending}",
            "aupr_out": f"aupr_novel{ending}",
        }


def accuracy(named: ArrayLike, classes: ArrayLike, draws: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Share of images [N] that a detector which names classes calls by their class, as {value, low, high}."""
    right = np.asarray(named) == np.asarray(classes)
    if not len(right):
        return estimate(np.nan, np.zeros(0))
    drawn = np.random.default_rng(seed).binomial(len(right), right.mean(), draws) / len(right)
    return estimate(right.mean(), drawn)
