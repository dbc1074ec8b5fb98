"""Scores that a setting on the page has moved: threshold, percentiles and metrics anew, without the network."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core import evaluation
from core.evaluation import ThresholdRule

MANY, DRAWS, FEW_DRAWS = 5_000, 1_000, 200  # from so many test images on a moved interval has fewer draws


@dataclass(frozen=True, eq=False)
class Moved:
    """Scores under a setting that was moved on the page, of test and of validation images, and what follows for one.

    tested, normal: {score: float64 [T] and [V]}.  shown: the name of one.  rule: sets its threshold.
    """

    tested: Mapping[str, NDArray[np.float64]]
    normal: Mapping[str, NDArray[np.float64]]
    shown: str
    rule: ThresholdRule

    @property
    def scores(self) -> NDArray[np.float64]:
        """Of the test images, [T]."""
        return self.tested[self.shown]

    @cached_property
    def threshold(self) -> float:
        """An image is called novel strictly above it."""
        return self.rule.threshold(None, self.normal[self.shown])

    @cached_property
    def percentiles(self) -> NDArray[np.float64]:
        """Where each test image lies among the normal validation images, [T] in 0..100."""
        return evaluation.percentile(self.scores, self.normal[self.shown])

    def aurocs(self, novel: ArrayLike) -> dict[str, dict[str, dict[str, float]]]:
        """The AUROC of every score, without intervals: {score: {"auroc": {"value": ...}}}.  novel: [T]."""
        return {name: {"auroc": {"value": evaluation.auroc(each, novel)}} for name, each in self.tested.items()}

    def metrics(self, novel: ArrayLike, source: ArrayLike | None = None) -> dict[str, Any]:
        """All metrics of the shown score, with intervals from as many draws as there is time for.

        novel: [T].  source: [T] of str, for metrics by source.
        """
        return evaluation.metrics(self.scores, novel, self.threshold, source, draws=draws(len(self.scores)))


def draws(count: int) -> int:
    """Bootstrap draws for a window that is moved by hand, on so many test images."""
    return DRAWS if count < MANY else FEW_DRAWS


def draws_in_words(count: int) -> str:
    """Said beside an interval on so many test images, where it has fewer draws than the stored ones."""
    return "" if draws(count) == DRAWS else f"(from {draws(count)} draws)"
