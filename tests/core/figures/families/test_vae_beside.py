"""Detectors in the measures that accept-everything makes look good, against counts by hand."""

import numpy as np
import pytest

from core.figures import Kinds
from core.figures.families import vae_beside
from core.figures.families.vae_beside import Detector


@pytest.fixture
def kinds() -> Kinds:
    return Kinds.of_test([0] * 8 + [1] * 2)


def test_each_detector_has_the_f1_of_either_class_and_its_counts(kinds):
    scores = np.array([1, 1, 1, 1, 1, 1, 1, 3, 3, 1.0])  # one normal rejected, one novel caught
    table = vae_beside.table({"ours": Detector(scores, 2.0, {"value": 0.9, "low": 0.8, "high": 1.0})}, kinds)
    rows = list(zip(*table.values(), strict=True))
    assert rows[0] == (
        *("ours", "0.900 (0.800 to 1.000)", f"{14 / 16:.4f}", f"{2 / 4:.4f}"),
        *("1 of 8 normal", "1 of 2 novel"),
    )
    assert rows[1] == ("accepting everything", "0.500", f"{16 / 18:.4f}", "0.0000", "0 of 8 normal", "0 of 2 novel")
    assert rows[2][3] == f"{4 / 12:.4f}" and rows[2][4:] == ("8 of 8 normal", "2 of 2 novel")


def test_who_does_not_pass_accepting_everything_is_named(kinds):
    poor, good = np.array([3.0] + [1.0] * 9), np.array([1.0] * 8 + [3.0] * 2)
    both = {"poor": Detector(poor, 2.0, {"value": 0.4}), "good": Detector(good, 2.0, {"value": 1.0})}
    told = vae_beside.verdict(both, kinds)
    assert "Highest AUROC: good" in told and f"{16 / 18:.4f}" in told and "which only good passes" in told
    assert "which none of these passes" in vae_beside.verdict({"poor": both["poor"]}, kinds)
    assert "which all of these pass" in vae_beside.verdict({"good": both["good"]}, kinds)
