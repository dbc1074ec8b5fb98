"""Other detectors of a task beside the VAE threshold, in the measures that accept-everything makes look good."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation import Confusion, confusion
from core.figures import Kinds, three_digits


@dataclass(frozen=True)
class Detector:
    """scores: [T], of the test images.  auroc: {value, low, high}."""

    scores: NDArray
    threshold: float
    auroc: Mapping[str, float]


def table(detectors: Mapping[str, Detector], kinds: Kinds) -> dict[str, list[str]]:
    """AUROC, F1 of either class and counts of each detector, then of accepting everything, as text.

    kinds: of the T test images.
    """
    told: dict[str, list[str]] = {
        name: [] for name in ("detector", "AUROC", "F1, normal positive", "F1, novel positive", "rejected", "caught")
    }
    novel = kinds.novel
    found = {name: (three_digits(each.auroc), confusion(each.scores, novel, each.threshold)) for name, each in
             detectors.items()}  # fmt: skip
    found["accepting everything"] = ("0.500", confusion(np.zeros(len(novel)), novel, np.inf))
    found["calling everything novel"] = ("0.500", confusion(np.zeros(len(novel)), novel, -np.inf))
    for name, (auroc, counts) in found.items():
        normal, foreign = int((~novel).sum()), int(novel.sum())
        shown = (name, auroc, _rate(counts.normal_f1), _rate(counts.f1))
        parts = (f"{counts.false_alarms:,} of {normal:,} normal", f"{counts.caught:,} of {foreign:,} novel")
        for column, text in zip(told, (*shown, *parts), strict=True):
            told[column].append(text)
    return told


def verdict(detectors: Mapping[str, Detector], kinds: Kinds) -> str:
    """What to see in the table, with its numbers."""
    novel = kinds.novel
    trivial = float(confusion(np.zeros(len(novel)), novel, np.inf).normal_f1)
    counts: dict[str, Confusion] = {
        name: confusion(each.scores, novel, each.threshold) for name, each in detectors.items()
    }
    beaten = [name for name, each in counts.items() if float(each.normal_f1) <= trivial]
    best = max(detectors, key=lambda name: detectors[name].auroc["value"])
    told = f"Highest AUROC: {best}. Accepting everything has an F1 of {trivial:.4f} with normal as the positive class"
    passed = [name for name in counts if name not in beaten]
    if not passed:
        told += ", which none of these passes"
    elif beaten:
        told += f", which only {', '.join(passed)} {'pass' if len(passed) > 1 else 'passes'}"
    else:
        told += ", which all of these pass"
    return f"{told}; with novel as the positive class it has none, since it finds nothing."


def _rate(value: object) -> str:
    rate = float(np.asarray(value))
    return f"{rate:.4f}" if np.isfinite(rate) else "undefined"
