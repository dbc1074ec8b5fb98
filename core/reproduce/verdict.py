"""Is this published cell so?  The rule that says it, from seeds and test images together.

A published figure p is a mean over trainings, printed to a digit or three; ours, m, is the mean over T targets and n
seeds.  Their difference d = m - p has the variance

    s^2 / T (1 / n + 1 / n_p)  +  e^2 (1, or 2 where the published test images were drawn by another seed)

s is the spread between seeds, pooled over the targets with T (n - 1) degrees of freedom; n_p counts the trainings
behind the published figure; e is the standard error over test images.  Targets share test images, so e isn't divided
by their number, and an official test set, whose images are the same for both, is counted once: both err towards
keeping a figure.  With h, half a unit of the last printed digit, the interval of d is

    d -+ w,   w = t * standard error + h      (t: Student's, degrees of freedom by Welch and Satterthwaite)

not reproduced: the interval doesn't hold 0.  reproduced: it does, and w is at most the margin, so that a difference of
the margin would have shown.  not decidable: it does, because it is wider than the margin.

Sources: Welch, Biometrika 1947; Satterthwaite, Biometrics 1946; Schuirmann, J. Pharmacokinetics 1987, for the margin.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.errors import WrongRequest

REPRODUCED, NOT_REPRODUCED, NOT_DECIDABLE = "reproduced", "not reproduced", "not decidable"
LEVEL = 0.96  # of the interval of a difference: 95 % are promised, and Welch's degrees of freedom are approximate
POWER = 0.95  # with which a difference of the margin is to be found
NARROW = 0.995  # probability that the interval comes out no wider than the margin
MARGIN = 0.05  # five points of AUROC
MOST_SEEDS = 100
TWO_SIDED = 1.959964  # standard errors to either side of the middle 95 % of a normal distribution


@dataclass(frozen=True)
class Claim:
    """A published figure.

    half: half a unit of its last digit.  trainings: for each target, of which it is the mean; 1 where nobody says.
    same_images: whether its test images are ours, as of an official test set.
    """

    value: float
    half: float
    trainings: int = 1
    same_images: bool = True


@dataclass(frozen=True)
class Verdict:
    """What is found of a cell.

    word: one of the three.  reason: why it isn't decidable, else empty.  mean: ours, with low and high, its interval of
    the rule's level within 0..1; nan where nothing is known.  difference: ours minus the published figure; half_width:
    of its interval.  spread: between seeds; nan with one seed.  seeds: finished for each target, the fewest.
    """

    word: str
    reason: str = ""
    mean: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    difference: float = float("nan")
    half_width: float = float("nan")
    spread: float = float("nan")
    seeds: int = 0


def undecidable(reason: str, found: "Verdict | None" = None) -> Verdict:
    """No verdict, for a reason; with the numbers of what was found, if any was."""
    return Verdict(**{**vars(found or Verdict("")), "word": NOT_DECIDABLE, "reason": reason})


def standard_error(metric: Mapping[str, float | None]) -> float:
    """Over test images, from a metric {value, low, high} with its 95 % interval; nan where it has none."""
    low, high = metric.get("low"), metric.get("high")
    return float("nan") if low is None or high is None else (high - low) / (2 * TWO_SIDED)


def quantile(level: float, freedom: float) -> float:
    """Of Student's distribution: so many standard errors to either side hold `level` of it.  freedom: inf is normal."""
    from scipy.special import ndtri, stdtrit

    middle = (1 + level) / 2
    return float(stdtrit(freedom, middle) if np.isfinite(freedom) else ndtri(middle))


def freedom_of(seeds: float, images: float, freedom: float) -> float:
    """Degrees of freedom of a sum of two variances, of which that of the images is known exactly."""
    return freedom * ((seeds + images) / seeds) ** 2 if seeds > 0 else float("inf")


def judge(
    values: ArrayLike, errors: ArrayLike, claim: Claim | None, margin: float = MARGIN, seeded: bool = True
) -> Verdict:
    """The verdict on one cell.

    values: [T, n], a row for each target and a column for each seed, nan where a run is missing.  errors: the same, the
    standard error of each value over its test images.  claim: None where no figure is published.
    seeded: False where another seed changes nothing, so that one is enough.  Raises WrongRequest for other shapes.
    """
    found, error = np.asarray(values, np.float64), np.asarray(errors, np.float64)
    if found.ndim != 2 or found.shape != error.shape or not found.size:
        raise WrongRequest(f"A cell has a value and an error for each target and seed, not {found.shape}.")
    known = np.isfinite(found)
    counts = known.sum(axis=1)
    if not counts.all():
        missing = int((counts == 0).sum())
        part = f"{missing} of {len(counts)} targets have no finished run"
        return undecidable("no run is finished" if missing == len(counts) else part)
    targets, fewest = len(found), int(counts.min())
    mean = float(np.nanmean(found, axis=1).mean())
    images = float(np.nanmean(error, axis=1).mean() ** 2) if np.isfinite(error).any() else 0.0
    freedom = float((counts - 1).sum())
    if not seeded:
        spread, freedom = 0.0, float("inf")
    elif freedom == 0:
        return undecidable("one seed says nothing of the spread between seeds", Verdict("", mean=mean, seeds=fewest))
    else:
        residuals = found - np.nanmean(found, axis=1, keepdims=True)
        spread = float(np.sqrt(np.nansum(residuals**2) / freedom))
    ours = spread**2 * float((1 / counts).mean()) / targets
    own = quantile(LEVEL, freedom_of(ours, images, freedom)) * np.sqrt(ours + images)
    kept = Verdict("", "", mean, max(mean - own, 0.0), min(mean + own, 1.0), spread=spread, seeds=fewest)
    if claim is None:
        return undecidable("no figure is published", kept)
    theirs = spread**2 / claim.trainings / targets
    doubled = images if claim.same_images else 2 * images
    width = _half_width(ours + theirs, doubled, freedom, claim.half)
    difference = mean - claim.value
    word, reason = (REPRODUCED, "") if abs(difference) <= width else (NOT_REPRODUCED, "")
    if word == REPRODUCED and width > margin:
        word, reason = NOT_DECIDABLE, f"the interval of {width:.3f} to either side is wider than the margin"
    return Verdict(**{**vars(kept), "word": word, "reason": reason, "difference": difference, "half_width": width})


def _half_width(seeds: float, images: float, freedom: float, half: float) -> float:
    return float(quantile(LEVEL, freedom_of(seeds, images, freedom)) * np.sqrt(seeds + images) + half)


def seeds_needed(
    spread: float, margin: float = MARGIN, targets: int = 1, images: float = 0.0, claim: Claim | None = None
) -> int | None:
    """How many seeds find a difference of the margin with 95 % probability, and keep a true figure; None if none do.

    spread: between seeds.  images: standard error over test images.  claim: for its rounding and its trainings, which
    no seeds of ours make more: where it is a single training, no number may be enough.  At least 2 where seeds matter.
    Source: the non-central t distribution, as in any power analysis (Cohen, 1988).
    """
    from scipy.special import chdtr, nctdtr

    claim = claim or Claim(0.0, 0.0, 1)
    known = images**2 * (1 if claim.same_images else 2)
    for seeds in range(2 if spread > 0 else 1, MOST_SEEDS + 1):
        varying = spread**2 / targets * (1 / seeds + 1 / claim.trainings)
        error = np.sqrt(varying + known)
        if error == 0:
            return seeds
        freedom = min(freedom_of(varying, known, targets * (seeds - 1)), 1e6)
        t = quantile(LEVEL, freedom)
        power = 1 - nctdtr(freedom, (margin - 2 * claim.half) / error, t)
        narrow = chdtr(freedom, freedom * (max(margin - claim.half, 0.0) / (t * error)) ** 2)
        if power >= POWER and narrow >= NARROW:
            return seeds
    return None


def smallest_margin(
    seeds: int, spread: float, targets: int = 1, images: float = 0.0, claim: Claim | None = None
) -> float | None:
    """The smallest margin, in steps of 0.005 up to 0.5, that so many seeds can tell; None if none."""
    steps = np.arange(1, 101) * 0.005
    needed = (seeds_needed(spread, float(margin), targets, images, claim) for margin in steps)
    return next((float(m) for m, n in zip(steps, needed, strict=True) if n is not None and n <= seeds), None)
