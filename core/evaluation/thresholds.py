"""What a threshold does: confusion counts, its uncertainty, every threshold at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.errors import WrongRequest
from core.evaluation.intervals import Estimate, estimate
from core.evaluation.scores import labelled

Count = int | np.ndarray
Share = float | np.ndarray


@dataclass(frozen=True)
class Confusion:
    """Four counts at one threshold, or four arrays of counts at many, and the rates that follow from them.

    precision, recall, f1 take novel as the positive class, normal_* take normal; an undefined rate is nan.
    """

    caught: Count  # novel, called novel
    missed: Count  # novel, accepted as normal
    false_alarms: Count  # normal, called novel
    accepted: Count  # normal, accepted as normal

    @property
    def precision(self) -> Share:
        return _ratio(self.caught, self.caught + self.false_alarms)

    @property
    def recall(self) -> Share:
        return _ratio(self.caught, self.caught + self.missed)

    @property
    def f1(self) -> Share:
        """2 PR / (P + R) written in counts, so it is 0, not undefined, where novel images exist and none is flagged."""
        return _ratio(2 * self.caught, 2 * self.caught + self.missed + self.false_alarms)

    @property
    def normal_precision(self) -> Share:
        return _ratio(self.accepted, self.accepted + self.missed)

    @property
    def normal_recall(self) -> Share:
        return _ratio(self.accepted, self.accepted + self.false_alarms)

    @property
    def normal_f1(self) -> Share:
        return _ratio(2 * self.accepted, 2 * self.accepted + self.missed + self.false_alarms)

    @property
    def false_alarm_rate(self) -> Share:
        """Share of normal images that are called novel."""
        return _ratio(self.false_alarms, self.false_alarms + self.accepted)


def _ratio(part: Count, whole: Count) -> Share:
    part, whole = np.asarray(part), np.asarray(whole)
    ratio = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return ratio if ratio.ndim else float(ratio)


def confusion(scores: ArrayLike, novel: ArrayLike, threshold: float | ArrayLike) -> Confusion:
    """Counts where images strictly above the threshold are called novel; an array of thresholds gives arrays of counts.

    Raises WrongRequest as `labelled` does, and where a threshold is nan.
    """
    scores, novel = labelled(scores, novel)
    threshold = np.asarray(threshold, dtype=np.float64)
    if np.isnan(threshold).any():
        raise WrongRequest("The threshold is not a number (NaN). Choose one on the scale of the scores.")
    normals, novels = np.sort(scores[~novel]), np.sort(scores[novel])
    accepted = np.searchsorted(normals, threshold, side="right")
    missed = np.searchsorted(novels, threshold, side="right")
    counts = (len(novels) - missed, missed, len(normals) - accepted, accepted)
    return Confusion(*counts) if threshold.ndim else Confusion(*map(int, counts))


def accept_everything(novel: ArrayLike) -> Confusion:
    """The control for F1 with normal as the positive class: no image is ever called novel."""
    novel = np.asarray(novel)
    return confusion(np.zeros(novel.shape), novel, threshold=np.inf)


def decisive_thresholds(scores: np.ndarray) -> np.ndarray:
    """Thresholds that differ in their verdicts, ascending: -inf, which flags everything, then each distinct score."""
    return np.concatenate([[-np.inf], np.unique(scores)])


def threshold_curve(scores: ArrayLike, novel: ArrayLike) -> dict[str, np.ndarray]:
    """Every rate of `Confusion` at every threshold that changes a verdict, ascending.

    Returns "threshold" and one key per rate, each [T].  Undefined precision is nan, never 1.
    Raises WrongRequest as `labelled` does.
    """
    scores, novel = labelled(scores, novel)
    thresholds = decisive_thresholds(scores)
    counts = confusion(scores, novel, thresholds)
    rates = ("precision", "recall", "f1", "normal_precision", "normal_recall", "normal_f1", "false_alarm_rate")
    return {"threshold": thresholds} | {rate: getattr(counts, rate) for rate in rates}


def alarms_per_thousand(counts: Confusion, novelty_rate: float) -> dict[str, Share]:
    """False alarms and misses to expect among 1,000 images of which the share `novelty_rate` (0..1) is novel.

    Carries the error rates of a test set over to the user's own mixture; nan where the test set lacks a class.
    Raises WrongRequest where the rate is no share.
    """
    if not 0 <= novelty_rate <= 1:
        raise WrongRequest(f"The novelty rate is a share between 0 and 1, not {novelty_rate}.")
    return {
        "false_alarms": 1000 * (1 - novelty_rate) * counts.false_alarm_rate,
        "misses": 1000 * novelty_rate * (1 - counts.recall),
    }


def order_statistic(ascending: np.ndarray, rank: int, draws: int = 1000, seed: int = 0) -> Estimate:
    """The score at a rank (from 0) of N ascending scores as {value, low, high}, with its 95 % bootstrap interval.

    Resampling N scores and taking the k-th smallest is drawing that order statistic directly: of N uniform numbers the
    k-th smallest is Beta(k, N + 1 - k), and a resampled image is the floor of N times a uniform number.
    """
    count = len(ascending)
    uniform = np.random.default_rng(seed).beta(rank + 1, count - rank, size=draws)
    image = np.minimum((count * uniform).astype(int), count - 1)
    return estimate(ascending[rank], ascending[image])
