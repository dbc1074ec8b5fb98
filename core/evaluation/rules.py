"""Rules that set a threshold: named by a card, carried by a run, moved after training.

A rule sees the scores of training and validation images and nothing else: no label that only the evaluation may know,
and never the test set.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from core.errors import WrongRequest
from core.evaluation.intervals import Estimate
from core.evaluation.scores import finite
from core.evaluation.thresholds import order_statistic


@dataclass(frozen=True)
class ThresholdRule(ABC):
    """How a threshold follows from scores; an image is novel where its score lies strictly above.

    share: in 0..1, of what `name` says.  title: what a person chooses.  asks: the label of the share.
    """

    share: float
    name: ClassVar[str]
    title: ClassVar[str]
    asks: ClassVar[str]
    needs_training: ClassVar[bool] = False

    @abstractmethod
    def pool(self, train: ArrayLike | None, valid: ArrayLike) -> np.ndarray:
        """The scores that the rule looks at, ascending.  Raises WrongRequest where some are missing or not finite."""

    @abstractmethod
    def rank(self, count: int) -> int:
        """Position, from 0, of the threshold among `count` ascending scores.  Raises WrongRequest for no share."""

    def threshold(self, train: ArrayLike | None, valid: ArrayLike) -> float:
        """One of the scores themselves, never a value between two.

        train: [n], scores of the training images, None where a rule doesn't need them.  valid: [V].
        """
        scores = self.pool(train, valid)
        return float(scores[self.rank(len(scores))])

    def interval(self, train: ArrayLike | None, valid: ArrayLike, draws: int = 1000, seed: int = 0) -> Estimate:
        """The threshold as {value, low, high}, with its 95 % bootstrap interval; raises as `threshold` does."""
        scores = self.pool(train, valid)
        return order_statistic(scores, self.rank(len(scores)), draws, seed)

    def held_out(self) -> "ThresholdRule":
        """The same share by validation scores alone, for scores that say nothing of the images they were fitted on."""
        return self

    def to_json(self) -> dict[str, Any]:
        return {"rule": self.name, "share": self.share}


@dataclass(frozen=True)
class Quantile(ThresholdRule):
    """At least the share of the validation images is accepted: numpy's quantile of method "higher"."""

    share: float = 0.95
    name: ClassVar[str] = "quantile"
    title: ClassVar[str] = "Accept a share of validation images"
    asks: ClassVar[str] = "Normal validation images that are accepted"

    def pool(self, train: ArrayLike | None, valid: ArrayLike) -> np.ndarray:
        return np.sort(finite(valid, "validation scores"))

    def rank(self, count: int) -> int:
        if not 0 <= self.share <= 1:
            raise WrongRequest(f"The share of normal images to accept is between 0 and 1, not {self.share}.")
        return int(np.quantile(np.arange(count), self.share, method="higher"))


@dataclass(frozen=True)
class Impurities(ThresholdRule):
    """The k-th largest score of training and validation images together, k = int(share * n): as many as are impure.

    Of n distinct scores k - 1 lie strictly above it.  Where k would be 0 it is the largest score, which flags none.
    """

    share: float = 0.03
    name: ClassVar[str] = "impurities"
    title: ClassVar[str] = "Assume a share of impurities"
    asks: ClassVar[str] = "Training and validation images that are impure"
    needs_training: ClassVar[bool] = True

    def pool(self, train: ArrayLike | None, valid: ArrayLike) -> np.ndarray:
        if train is None:
            raise WrongRequest("This run keeps no training scores, which the rule needs. Train it again to use it.")
        parts = (finite(train, "training scores"), finite(valid, "validation scores"))
        return np.sort(np.concatenate(parts))

    def held_out(self) -> ThresholdRule:
        return Quantile(1 - self.share)

    def rank(self, count: int) -> int:
        if not 0 <= self.share < 1:
            raise WrongRequest(f"The assumed share of impurities is at least 0 and below 1, not {self.share}.")
        return count - max(1, int(round(self.share * count, 6)))  # 0.29 * 100 isn't 29 in binary


RULES: dict[str, type[ThresholdRule]] = {rule.name: rule for rule in (Quantile, Impurities)}


def rule_from_json(content: Any) -> ThresholdRule:
    """The rule that `to_json` wrote.  Raises WrongRequest for anything else."""
    try:
        return RULES[content["rule"]](float(content["share"]))
    except (KeyError, TypeError, ValueError):
        raise WrongRequest(f"{content!r} is no threshold rule. Choose from {', '.join(RULES)}, with a share.") from None
