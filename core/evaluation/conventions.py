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
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.few import wilson
from core.evaluation.intervals import Estimate, Histograms, estimate, levels, observed, resampled
from core.evaluation.metrics import RANKING
from core.evaluation.scores import labelled

Computed = Callable[[Histograms, "Scale"], np.ndarray]  # D resamples of scores on a scale in, [D] out
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
    scale = Scale(distinct)
    both = novel.any() and not novel.all()
    blocks = list(resampled(level, novel, draws, seed)) if both else []
    found: dict[str, Estimate] = {}
    for key in keys:
        value = COMPUTED[key](observed(level, novel), scale)[0] if both else np.nan
        drawn = [COMPUTED[key](block, scale) for block in blocks]
        found[key] = estimate(value, np.concatenate([np.zeros(0), *drawn]))
    return found


def _single(key: str, scores: ArrayLike, novel: ArrayLike) -> float:
    scores, novel = labelled(scores, novel)
    if novel.all() or not novel.any():
        return float("nan")
    distinct, level = levels(scores)
    return float(COMPUTED[key](observed(level, novel), Scale(distinct))[0])


@dataclass(frozen=True, eq=False)
class Scale:
    """The L distinct scores, ascending, and how many thresholds of an even grid accept up to each of them."""

    distinct: np.ndarray
    counted: dict[int, np.ndarray] = field(default_factory=dict)

    def thresholds(self, steps: int) -> np.ndarray | None:
        """[L], of `steps` evenly spaced ones from the highest score down; None where the scores have no finite span."""
        span = self.distinct[-1] - self.distinct[0]
        if not 0 < span < np.inf:
            return None
        if steps not in self.counted:
            grid = self.distinct[-1] - np.arange(steps) * (span / steps)
            highest = np.maximum(np.searchsorted(self.distinct, grid, side="right") - 1, 0)
            self.counted[steps] = np.bincount(highest, minlength=len(self.distinct))
        return self.counted[steps]


def _grid(steps: int, low: float, high: float) -> Computed:
    """Mean FPR over `steps` evenly spaced thresholds whose TPR is in [low, high]."""

    def mean(histograms: Histograms, scale: Scale) -> np.ndarray:
        weight = scale.thresholds(steps)
        if weight is None:
            return np.full(len(histograms.normal), np.nan)
        least, most = np.ceil(low * histograms.normals - 1e-9), np.floor(high * histograms.normals + 1e-9)
        meant = weight * ((histograms.normal_at_most >= least) & (histograms.normal_at_most <= most))  # [D, L]
        total = meant.sum(1)
        accepted = np.einsum("dl,dl->d", meant, histograms.novel_at_most) / histograms.novels
        return np.divide(accepted, total, out=np.full(len(total), np.nan), where=total > 0)

    return mean


def _error_95(histograms: Histograms, scale: Scale) -> np.ndarray:
    return 0.5 * (1 - 0.95) + 0.5 * RANKING["fpr95_normal"](histograms)


def _called(histograms: Histograms, positive: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of the positive class on each level, and those of it and of the other that are called so from there on.

    Each [D, L]; normal is called from the lowest score up, novel from the highest down.
    """
    if positive == "normal":
        return histograms.normal, histograms.normal_at_most, histograms.novel_at_most
    caught = histograms.novels - histograms.novel_at_most + histograms.novel
    return histograms.novel, caught, histograms.normals - histograms.normal_at_most + histograms.normal


def _rates(positive: str) -> Computed:
    def area(histograms: Histograms, scale: Scale) -> np.ndarray:
        here, true, false = _called(histograms, positive)
        weight = histograms.normals / histograms.novels
        weight = weight if positive == "normal" else 1 / weight  # of a false one, in units of a true one
        precision = true / np.maximum(true + weight * false, 1e-300)  # 0 / 0 only where nothing is called yet
        return np.einsum("dl,dl->d", here, precision) / here[0].sum()

    return area


def _trapezoid(positive: str) -> Computed:
    def area(histograms: Histograms, scale: Scale) -> np.ndarray:
        here, true, false = _called(histograms, positive)
        called = true + false
        precision = np.where(called > 0, true / np.maximum(called, 1), 1.0)  # 1 before the first, as usual
        step = precision if positive == "normal" else precision[:, ::-1]
        before = np.concatenate([np.ones((len(step), 1)), step[:, :-1]], axis=1)
        here = here if positive == "normal" else here[:, ::-1]
        return np.einsum("dl,dl->d", here, before + step) / (2 * here[0].sum())

    return area


def _from_ranking(key: str) -> Computed:
    return lambda histograms, scale: RANKING[key](histograms)


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


def accuracy(named: ArrayLike, classes: ArrayLike) -> Estimate:
    """Share of images [N] that a detector which names classes calls by their class, as {value, low, high} by Wilson."""
    right = np.asarray(named) == np.asarray(classes)
    if not len(right):
        return {"value": None, "low": None, "high": None}
    low, high = wilson(right.mean(), len(right))
    return {"value": float(right.mean()), "low": low, "high": high}
