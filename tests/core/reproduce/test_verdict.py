"""The rule is tested on simulated tables whose truth is known."""

import numpy as np
import pytest

from core.errors import WrongRequest
from core.reproduce.verdict import (
    NOT_DECIDABLE,
    NOT_REPRODUCED,
    REPRODUCED,
    Claim,
    freedom_of,
    judge,
    quantile,
    seeds_needed,
    smallest_margin,
    standard_error,
    undecidable,
)

TABLES = 1000
# spread between seeds, targets, error over test images, trainings behind the published figure, digits, same test images
NOISE = {
    "RaPP, mean of ten, splits drawn": (0.02, 10, 0.003, 5, 3, False),
    "Deep SVDD, one class": (0.01, 1, 0.003, 10, 3, True),
    "few test images": (0.012, 2, 0.006, 3, 2, False),
    "printed to a whole point, one training": (0.006, 1, 0.002, 1, 2, True),
}


def simulated(rng: np.random.Generator, noise: tuple, seeds: int, off: float) -> str:
    """The verdict on one cell: truth, what was published of it, and what we measure where the truth is off."""
    spread, targets, images, trainings, digits, same = noise
    truth = rng.uniform(0.6, 0.95, targets)
    shared = rng.normal(0, images)  # the test images, of all targets and seeds
    theirs = shared if same else rng.normal(0, images)
    trained = rng.normal(truth[:, None], spread, (targets, trainings)).mean() + theirs
    claim = Claim(round(trained, digits), 0.5 * 10**-digits, trainings, same)
    found = rng.normal(truth[:, None] + off, spread, (targets, seeds)) + shared
    return judge(found, np.full_like(found, images), claim, 0.05).word


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_a_true_figure_is_kept_and_one_off_by_five_points_rejected(noise):
    rng = np.random.default_rng(7)
    spread, targets, images, trainings, digits, same = noise
    seeds = seeds_needed(spread, 0.05, targets, images, Claim(0.8, 0.5 * 10**-digits, trainings, same))
    kept = [simulated(rng, noise, seeds, 0.0) == REPRODUCED for _ in range(TABLES)]
    rejected = [
        simulated(rng, noise, seeds, sign * 0.05) == NOT_REPRODUCED for sign in (-1, 1) for _ in range(TABLES // 2)
    ]
    assert np.mean(kept) >= 0.95
    assert np.mean(rejected) >= 0.95


def test_student_s_quantile_equals_the_printed_tables():
    assert quantile(0.95, 1) == pytest.approx(12.706, abs=1e-3)
    assert quantile(0.95, 10) == pytest.approx(2.228, abs=1e-3)
    assert quantile(0.95, np.inf) == pytest.approx(1.960, abs=1e-3)


def test_degrees_of_freedom_grow_with_what_is_known_exactly():
    assert freedom_of(1.0, 0.0, 4) == 4
    assert freedom_of(1.0, 1.0, 4) == 16  # Welch and Satterthwaite: (1 + 1)^2 / (1^2 / 4)
    assert freedom_of(0.0, 1.0, 4) == np.inf


def test_the_interval_of_one_cell_by_hand():
    values = np.array([[0.90, 0.92], [0.80, 0.84]])
    claim = Claim(0.86, 0.0005, trainings=4)
    found = judge(values, np.full((2, 2), 0.01), claim)
    s2 = (0.01**2 * 2 + 0.02**2 * 2) / 2  # residuals of both targets over 2 (2 - 1) degrees of freedom
    varying, known = s2 / 2 * (1 / 2 + 1 / 4), 0.01**2
    t = quantile(0.96, 2 * ((varying + known) / varying) ** 2)
    assert found.mean == pytest.approx(0.865) and found.difference == pytest.approx(0.005)
    assert found.spread == pytest.approx(np.sqrt(s2))
    assert found.half_width == pytest.approx(t * np.sqrt(varying + known) + 0.0005)
    assert found.word == REPRODUCED and found.seeds == 2
    assert found.low < found.mean < found.high


def test_rounding_belongs_to_the_rule():
    """A figure printed to a whole point says less: 0.94 may have been 0.945."""
    values, errors = [[0.9449]], [[0.0]]
    assert judge(values, errors, Claim(0.94, 0.005), seeded=False).word == REPRODUCED
    assert judge(values, errors, Claim(0.940, 0.0005), seeded=False).word == NOT_REPRODUCED


def test_what_is_not_decidable():
    claim = Claim(0.9, 0.0005, trainings=10)
    wide = judge([[0.7, 0.99]], [[0.0, 0.0]], claim)
    assert wide.word == NOT_DECIDABLE and "wider than the margin" in wide.reason
    single = judge([[0.7]], [[0.001]], claim)
    assert single.word == NOT_DECIDABLE and "one seed" in single.reason and single.mean == 0.7
    assert judge([[0.7]], [[0.001]], claim, seeded=False).word == NOT_REPRODUCED
    partly = judge([[0.7, 0.7], [np.nan, np.nan]], np.zeros((2, 2)), claim)
    assert partly.reason == "1 of 2 targets have no finished run" and np.isnan(partly.mean)
    assert judge([[np.nan]], [[np.nan]], claim).reason == "no run is finished"
    assert judge([[0.7, 0.71]], np.zeros((1, 2)), None).reason == "no figure is published"
    assert undecidable("training shortened", wide).difference == wide.difference
    with pytest.raises(WrongRequest, match="for each target and seed"):
        judge([0.7], [0.0], claim)


def test_a_missing_run_leaves_the_others():
    found = judge([[0.90, 0.91, np.nan], [0.80, 0.81, 0.82]], np.zeros((2, 3)), Claim(0.86, 0.0005, 5))
    assert found.seeds == 2 and found.mean == pytest.approx((0.905 + 0.81) / 2)


def test_seeds_that_a_margin_needs():
    ten = Claim(0.9, 0.0005, trainings=10)
    needed = [seeds_needed(0.02, margin, claim=ten) for margin in (0.1, 0.05, 0.04)]
    assert needed == sorted(needed) and needed[0] < needed[2]
    assert seeds_needed(0.02, 0.05, targets=10, claim=ten) <= needed[1]
    assert seeds_needed(0.0, 0.05, images=0.003) == 1
    # A published figure that is one training hides five points where seeds differ by two: no number of ours helps.
    assert seeds_needed(0.02, 0.05, claim=Claim(0.9, 0.0005, 1)) is None
    assert seeds_needed(0.0, 0.05, images=0.05) is None


def test_the_smallest_margin_is_that_which_needs_no_more_seeds():
    claim = Claim(0.9, 0.0005, trainings=10)
    margin = smallest_margin(4, 0.02, claim=claim)
    assert seeds_needed(0.02, margin, claim=claim) <= 4
    tighter = seeds_needed(0.02, margin - 0.005, claim=claim)
    assert tighter is None or tighter > 4


def test_standard_error_from_an_interval():
    assert standard_error({"value": 0.9, "low": 0.8804, "high": 0.9196}) == pytest.approx(0.01, abs=1e-4)
    assert np.isnan(standard_error({"value": 0.9, "low": None, "high": None}))
