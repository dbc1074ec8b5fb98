"""Measures by kind: as stored, or computed where no run has stored them."""

import numpy as np
import pytest

from core import evaluation
from core.evaluation import Choice, conventions
from core.figures import Kinds, three_digits
from core.figures.pages import kind_numbers
from core.figures.pages.compare_lines import Entrant

SOURCE = np.repeat(["normal", "novel", "noise", "letters"], [60, 30, 30, 20])
NOVELTY = (SOURCE != "normal").astype(np.uint8)
ROLE = np.repeat(["normal", "novelty", "anomaly", "seen"], [60, 30, 30, 20])
KINDS = Kinds.of_test(NOVELTY, SOURCE, ROLE)
RATES = Choice("fpr95_novel", "detection_error_95", "rates")


@pytest.fixture
def values(rng) -> np.ndarray:
    return rng.normal(size=140) + NOVELTY + (SOURCE == "noise")


@pytest.fixture
def metrics(values) -> dict:
    return evaluation.metrics(values, NOVELTY, 1.0, SOURCE, draws=30)


def test_each_kind_stands_against_all_normal_images(values, metrics):
    told = kind_numbers.numbers(metrics, values, KINDS, list(RATES.keys.values()))
    assert set(told) == {"novel", "noise", "letters"}
    for source, found in told.items():
        of = np.isin(SOURCE, ["normal", source])
        assert found["aupr_normal_rates"]["value"] == conventions.aupr_rates(values[of], NOVELTY[of], "normal")
        assert found["detection_error_95"]["value"] == conventions.detection_error_95(values[of], NOVELTY[of])
        assert found["auroc"] == metrics["by_source"][source]["auroc"]  # as stored, with its interval


def test_what_an_older_run_has_not_stored_is_computed(values):
    plain = evaluation.metrics(values, NOVELTY, 1.0, draws=30)  # without its sources
    told = kind_numbers.numbers(plain, values, KINDS, ["auroc"])
    of = np.isin(SOURCE, ["normal", "noise"])
    assert told["noise"]["auroc"]["value"] == pytest.approx(evaluation.auroc(values[of], NOVELTY[of]))
    assert told["noise"]["auroc"]["low"] < told["noise"]["auroc"]["high"]
    moved = {"by_source": {"noise": {"auroc": {"value": 0.5}}}}  # without an interval
    assert kind_numbers.numbers(moved, values, KINDS, ["auroc"])["noise"] == told["noise"]


def test_one_kind_alone_has_the_metrics_of_the_run(values):
    whole = Kinds.of_test(NOVELTY)
    plain = evaluation.metrics(values, NOVELTY, 1.0, draws=30)
    told = kind_numbers.numbers(plain, values, whole, ["fpr95_normal", "fpr95_lee"])
    assert told["novel"]["fpr95_normal"] == plain["fpr95_normal"]
    table = kind_numbers.table(
        kind_numbers.numbers(plain, values, whole, list(Choice().keys.values())), whole, Choice()
    )
    assert table["Kind"] == ["novel (80)"]


def test_the_table_names_the_convention_beside_each_number(values, metrics):
    told = kind_numbers.numbers(metrics, values, KINDS, list(RATES.keys.values()))
    table = kind_numbers.table(told, KINDS, RATES)
    assert list(table) == [
        *("Kind", "FPR at 95 % TPR (novel positive)", "Detection error (at 95 % TPR)", "AUROC"),
        *("AUPR-in (rates, steps)", "AUPR-out (rates, steps)"),
    ]
    assert table["Kind"] == ["novelty (30)", "seen letters (20)", "noise (30)"]
    assert table["AUROC"][1].replace(kind_numbers.NO_BREAK, " ") == three_digits(
        metrics["by_source"]["letters"]["auroc"]
    )
    exact = kind_numbers.unrounded(told, KINDS, RATES)
    assert exact["role"] == ["novelty", "seen", "anomaly"] and exact["normal images"] == [60] * 3
    assert exact["fpr95_novel high"][2] == metrics["by_source"]["noise"]["fpr95_novel"]["high"]
    said = kind_numbers.conventions_in_words(RATES)
    assert said[0].startswith("FPR at 95 % TPR: Share of normal images rejected") and len(said) == 4


def test_what_is_undefined_says_so(values):
    few = Kinds.of_test(NOVELTY[:100], SOURCE[:100])[np.r_[0:50, 60:100]]
    cells = kind_numbers.numbers({}, values[np.r_[0:50, 60:100]], few, ["fpr95_odin"])
    assert cells["novel"]["fpr95_odin"]["value"] is None  # 47 and 48 of 50 are 94 and 96 %
    grid = Choice(fpr95="fpr95_odin")
    told = kind_numbers.numbers({}, values[np.r_[0:50, 60:100]], few, list(grid.keys.values()))
    assert kind_numbers.table(told, few, grid)["FPR at 95 % TPR (grid mean of ODIN)"][0] == "undefined"


def test_an_entrant_is_completed_by_a_convention_of_every_kind(values, metrics):
    entrant = Entrant("A", "NAP", values, values[:60], 1.0, metrics, {})
    whole = kind_numbers.completed(entrant, KINDS, "aupr_novel_rates")
    of = np.isin(SOURCE, ["normal", "letters"])
    expected = conventions.aupr_rates(values[of], NOVELTY[of])
    assert whole.by_source["letters"]["aupr_novel_rates"]["value"] == pytest.approx(expected)
    assert whole.by_source["letters"]["auroc"] == metrics["by_source"]["letters"]["auroc"]
