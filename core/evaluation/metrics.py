"""The metrics of novelty detection, each exact with ties, and all of them with bootstrap intervals.

| key | is | better |
| --- | --- | --- |
| auroc | P(novel scores above normal) + P(equal) / 2 | higher |
| aupr_novel, aupr_normal | average precision (the step-wise sum, from counts), that class positive | higher |
| fpr95_normal | share of novel images accepted where 95 % of the normal ones are: the usual FPR at 95 % TPR | lower |
| fpr95_novel | share of normal images rejected where 95 % of the novel ones are caught | lower |
| detection_error | smallest mean of the two error rates over all thresholds, equal priors | lower |
| f1, precision, recall | at the given threshold, novel positive | higher |
| normal_f1, normal_precision, normal_recall | the same with normal positive | higher |

Code bases differ in the positive class, in threshold grids and in precision from rates or from counts, and so in their
figures: these are exact at every distinct score, and precision is from counts, so it depends on the mixture tested.
Sources: Hendrycks and Gimpel, ICLR 2017 (AUROC, AUPR); Liang, Li and Srikant (ODIN), ICLR 2018 (FPR at 95 % TPR,
detection error).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.errors import WrongRequest
from core.evaluation.few import auroc_interval, difference_interval, f1_interval, rare, wilson
from core.evaluation.intervals import Estimate, Histograms, estimate, levels, observed, resampled
from core.evaluation.scores import labelled
from core.evaluation.thresholds import Confusion

Metric = Callable[[Histograms], np.ndarray]  # D resamples in, [D] out


def auroc(scores: ArrayLike, novel: ArrayLike) -> float:
    """Area under the ROC curve, 0..1; nan where a class is missing.  Raises WrongRequest as `labelled` does."""
    return _single(_auroc, scores, novel)


def aupr_novel(scores: ArrayLike, novel: ArrayLike) -> float:
    """Average precision with novel as the positive class; otherwise as `auroc`."""
    return _single(_aupr_novel, scores, novel)


def aupr_normal(scores: ArrayLike, novel: ArrayLike) -> float:
    """Average precision with normal as the positive class; otherwise as `auroc`."""
    return _single(_aupr_normal, scores, novel)


def fpr95_normal(scores: ArrayLike, novel: ArrayLike) -> float:
    """Share of novel images accepted at the lowest threshold that accepts 95 % of the normal ones; lower is better."""
    return _single(_fpr95_normal, scores, novel)


def fpr95_novel(scores: ArrayLike, novel: ArrayLike) -> float:
    """Share of normal images rejected at the highest threshold that catches 95 % of the novel ones; lower is better."""
    return _single(_fpr95_novel, scores, novel)


def detection_error(scores: ArrayLike, novel: ArrayLike) -> float:
    """Smallest mean of false alarm rate and miss rate over all thresholds, 0..0.5; lower is better."""
    return _single(_detection_error, scores, novel)


def _single(metric: Metric, scores: ArrayLike, novel: ArrayLike) -> float:
    scores, novel = labelled(scores, novel)
    return float(_where_defined(metric, observed(levels(scores)[1], novel))[0])


def _where_defined(metric: Metric, histograms: Histograms) -> np.ndarray:
    """The metric, or nan where a class is missing: [D]."""
    if histograms.normals and histograms.novels:
        return metric(histograms)
    return np.full(len(histograms.normal), np.nan)


def _auroc(histograms: Histograms) -> np.ndarray:
    normal_below = 2 * histograms.normal_at_most - histograms.normal  # doubled, so that half a tie is an integer
    pairs = np.einsum("dl,dl->d", histograms.novel, normal_below)
    return pairs / (2 * histograms.normals * histograms.novels)


def _aupr_novel(histograms: Histograms) -> np.ndarray:
    caught = histograms.novels - histograms.novel_at_most + histograms.novel  # at this score or above  [D, L]
    false_alarms = histograms.normals - histograms.normal_at_most + histograms.normal
    return _average_precision(histograms.novel, caught, false_alarms)


def _aupr_normal(histograms: Histograms) -> np.ndarray:
    return _average_precision(histograms.normal, histograms.normal_at_most, histograms.novel_at_most)


def _average_precision(positives: np.ndarray, true: np.ndarray, false: np.ndarray) -> np.ndarray:
    """Mean over the positives [D, L] of the precision true / (true + false) at their level: [D]."""
    precision = true / np.maximum(true + false, 1)  # 0 / 0 only where a level and all beyond it are empty
    return np.einsum("dl,dl->d", positives, precision) / positives[0].sum()


def _fpr95_normal(histograms: Histograms) -> np.ndarray:
    enough = -(-19 * histograms.normals // 20)  # 95 % rounded up in integers, since 0.95 * N isn't exact
    threshold = (histograms.normal_at_most >= enough).argmax(axis=1)  # lowest level that accepts them  [D]
    return np.take_along_axis(histograms.novel_at_most, threshold[:, None], axis=1)[:, 0] / histograms.novels


def _fpr95_novel(histograms: Histograms) -> np.ndarray:
    spared = histograms.novels // 20
    threshold = (histograms.novel_at_most > spared).argmax(axis=1)  # highest level with 95 % on it or above  [D]
    rejected = histograms.normals - histograms.normal_at_most + histograms.normal  # at this score or above  [D, L]
    return np.take_along_axis(rejected, threshold[:, None], axis=1)[:, 0] / histograms.normals


def _detection_error(histograms: Histograms) -> np.ndarray:
    miss_rate = histograms.novel_at_most / histograms.novels
    acceptance_rate = histograms.normal_at_most / histograms.normals
    return (1 + (miss_rate - acceptance_rate).min(axis=1)) / 2


RANKING: dict[str, Metric] = {
    "auroc": _auroc,
    "aupr_novel": _aupr_novel,
    "aupr_normal": _aupr_normal,
    "fpr95_normal": _fpr95_normal,
    "fpr95_novel": _fpr95_novel,
    "detection_error": _detection_error,
}
AT_THRESHOLD = ("f1", "precision", "recall", "normal_f1", "normal_precision", "normal_recall")
METRICS = (*RANKING, *AT_THRESHOLD)
TITLES = {  # as tables and sentences name them
    "auroc": "AUROC",
    "aupr_novel": "AUPR, novel",
    "aupr_normal": "AUPR, normal",
    "fpr95_normal": "FPR at 95 % TPR",
    "fpr95_novel": "FPR at 95 % of novel caught",
    "detection_error": "Detection error",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "normal_f1": "F1, normal positive",
    "normal_precision": "Precision, normal positive",
    "normal_recall": "Recall, normal positive",
}
LOWER_IS_BETTER = frozenset({"fpr95_normal", "fpr95_novel", "detection_error"})


def metrics(
    scores: ArrayLike,
    novel: ArrayLike,
    threshold: float,
    source: ArrayLike | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Every metric as {value, low, high}: plain floats with the 95 % bootstrap interval, None where undefined.

    Where few images or rare errors decide a metric, its interval is at least the one that few.py gives.

    source: [N] str, "normal", "novel" or the name of an anomaly set. Where the novel images have more than one source,
    the further key "by_source" holds {source: the same keys}, each source against all normal images.
    Raises WrongRequest as `labelled` does, where the threshold is nan, and where sources contradict the labels.
    """
    scores, novel = labelled(scores, novel)
    if np.isnan(threshold):
        raise WrongRequest("The threshold is not a number (NaN). Choose one on the scale of the scores.")
    answer: dict[str, Any] = _measured(scores, novel, threshold, draws, seed)
    if source is None:
        return answer
    source = np.asarray(source)
    if not np.array_equal(source == "normal", ~novel):
        raise WrongRequest(
            'The source of an image is "normal" exactly where its label is 0. Pass one source per image.'
        )
    names = np.unique(source[novel])
    if len(names) > 1:
        against = {str(name): ~novel | (source == name) for name in names}
        answer["by_source"] = {
            name: _measured(scores[of], novel[of], threshold, draws, seed) for name, of in against.items()
        }
    return answer


def of_normal_images(measured: dict[str, Any]) -> dict[str, Any]:
    """The metrics of a test set without novel images: the share of normal ones accepted, all else undefined."""
    return {name: measured[name] if name == "normal_recall" else dict.fromkeys(measured[name]) for name in measured}


def _measured(scores: np.ndarray, novel: np.ndarray, threshold: float, draws: int, seed: int) -> dict[str, Estimate]:
    distinct, level = levels(scores)
    accepted = int(np.searchsorted(distinct, threshold, side="right"))
    values = _all_metrics(observed(level, novel), accepted)
    blocks = [_all_metrics(histograms, accepted) for histograms in resampled(level, novel, draws, seed)]
    least = _least(values, level, novel, accepted)
    draws_of = {name: np.concatenate([block[name] for block in blocks]) for name in METRICS}
    return {name: estimate(values[name][0], draws_of[name], least.get(name)) for name in METRICS}


def _least(
    values: dict[str, np.ndarray], level: np.ndarray, novel: np.ndarray, accepted: int
) -> dict[str, tuple[float, float]]:
    """What the interval of a metric must hold at least: of those that few images or rare errors decide.

    A share of N images is told by Wilson's interval; so are an average precision, by its positives, and what takes its
    threshold from one class and is measured on the other, by the smaller one.
    """
    normals, novels = int((~novel).sum()), int(novel.sum())
    alarms, caught = int((level >= accepted).sum()), int((novel & (level >= accepted)).sum())
    passed, kept = len(level) - alarms, int((~novel & (level < accepted)).sum())
    fewer = min(normals, novels)
    trials = {
        "aupr_novel": novels,
        "aupr_normal": normals,
        "fpr95_normal": fewer,
        "fpr95_novel": fewer,
        "detection_error": fewer,
        "precision": alarms,
        "recall": novels,
        "normal_precision": passed,
        "normal_recall": normals,
    }
    least = {
        name: wilson(float(values[name][0]), count)
        for name, count in trials.items()
        if count and rare(float(values[name][0]), count)
    }
    area = float(values["auroc"][0])
    if fewer and rare(area, fewer):
        least["auroc"] = auroc_interval(area, normals, novels)
    for name, images in (("f1", novels + alarms - caught), ("normal_f1", normals + passed - kept)):
        value = float(values[name][0])
        if images and rare(value / (2 - value), images):
            least[name] = f1_interval(value, images)
    return least


def _all_metrics(histograms: Histograms, accepted: int) -> dict[str, np.ndarray]:
    """Every metric, each [D], where the lowest `accepted` levels are called normal."""
    ranking = {name: _where_defined(metric, histograms) for name, metric in RANKING.items()}
    counts = Confusion(
        caught=histograms.novel[:, accepted:].sum(axis=1),
        missed=histograms.novel[:, :accepted].sum(axis=1),
        false_alarms=histograms.normal[:, accepted:].sum(axis=1),
        accepted=histograms.normal[:, :accepted].sum(axis=1),
    )
    return ranking | {name: getattr(counts, name) for name in AT_THRESHOLD}


def paired_difference(
    scores_a: ArrayLike, scores_b: ArrayLike, novel: ArrayLike, draws: int = 1000, seed: int = 0
) -> Estimate:
    """AUROC of score A minus AUROC of score B on the same images, as {value, low, high}; None where a class is missing.

    Both meet the same resamples, so what makes the test set easy or hard for both cancels out; an interval without 0
    speaks for a difference.  Raises WrongRequest as `labelled` does.
    """
    values, draws_of, alone = [], [], []
    for scores in (scores_a, scores_b):
        scores, is_novel = labelled(scores, novel)
        level = levels(scores)[1]
        values.append(_where_defined(_auroc, observed(level, is_novel))[0])
        blocks = [_where_defined(_auroc, histograms) for histograms in resampled(level, is_novel, draws, seed)]
        draws_of.append(np.concatenate(blocks))
        fewer = int(min(is_novel.sum(), (~is_novel).sum()))
        least = auroc_interval(values[-1], int((~is_novel).sum()), int(is_novel.sum())) if fewer else None
        if least is not None and not rare(values[-1], fewer):
            least = None
        alone.append((estimate(values[-1], draws_of[-1], least), least))
    careful = difference_interval(alone[0][0], alone[1][0]) if any(least for _, least in alone) else None
    return estimate(values[0] - values[1], draws_of[0] - draws_of[1], careful)
