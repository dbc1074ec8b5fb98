import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core import evaluation
from core.evaluation import CONVENTIONS, MEASURES
from core.figures import ANOMALY, NOVEL, Kinds
from core.figures.pages import by_kind
from core.figures.pages.compare_lines import Entrant

SOURCE = np.repeat(["normal", "novel", "noise"], [60, 30, 30])
NOVELTY = (SOURCE != "normal").astype(np.uint8)
KINDS = Kinds.of_test(NOVELTY, SOURCE)


def entrant(rng: np.random.Generator, name: str, noise: float, control: bool = False) -> Entrant:
    values = rng.normal(size=120) + NOVELTY + noise * (SOURCE == "noise")
    metrics = evaluation.metrics(values, NOVELTY, 1.0, SOURCE, draws=50)
    return Entrant(name, "NAP", values, values[:60], 1.0, metrics, {}, control=control)


@pytest.fixture
def entrants(rng) -> list[Entrant]:
    return [entrant(rng, "A", 5), entrant(rng, "B", 0), entrant(rng, "nearest", 5, control=True)]


def test_the_map_has_the_metric_of_each_kind_against_all_normal_images(entrants):
    picture = by_kind.by_kind(entrants, KINDS)
    for row, each in enumerate(entrants):
        for column, (name, source) in enumerate((("novelty", "novel"), ("noise", "noise"))):
            of = np.isin(SOURCE, ["normal", source])
            expected = roc_auc_score(NOVELTY[of], each.values[of])
            assert picture.table[name][row] == pytest.approx(expected)
            assert picture.figure.data[0].z[row][column] == pytest.approx(expected)
    assert "<br>(" in picture.figure.data[0].text[0][0]  # the interval
    assert picture.table["noise low"][0] <= picture.table["noise"][0] <= picture.table["noise high"][0]
    heads = picture.figure.data[0].x
    assert NOVEL in heads[0] and "30 images" in heads[0] and ANOMALY in heads[1]


def test_the_sentence_names_the_kind_that_the_runs_see_worst_and_the_control_there(entrants):
    auroc = by_kind.by_kind(entrants, KINDS)
    best = max(auroc.table["novelty"][:2])
    name = "AB"[int(np.argmax(auroc.table["novelty"][:2]))]
    assert auroc.sentence.startswith(f"Hardest to see: novelty, where {name} is best with {best:.3f}.")
    assert auroc.sentence.endswith(f"nearest, {auroc.table['novelty'][2]:.3f}.")
    missed = by_kind.by_kind(entrants[:2], KINDS, "fpr95_normal")
    assert f"is best with {min(missed.table['novelty']):.3f}." in missed.sentence  # lower is better
    assert "control" not in missed.sentence
    assert missed.figure.layout.title.text.startswith("FPR at 95 % TPR (normal positive) of each kind")
    assert missed.figure.data[0].colorscale[0][1] == auroc.figure.data[0].colorscale[-1][1]  # bright is good in both


def test_every_convention_belongs_to_a_measure():
    assert {by_kind.measure_of(key).title for key in CONVENTIONS} == {each.title for each in MEASURES.values()}
    assert by_kind.measure_of("aupr_normal_rates").title == "AUPR-in"


def test_entrants_that_were_not_measured_by_kind_are_no_rows(entrants, rng):
    values = rng.normal(size=120)
    plain = Entrant("old", "NAP", values, values, 1.0, evaluation.metrics(values, NOVELTY, 1.0, draws=20), {})
    part = Entrant("part", "NAP", values, values, 1.0, {"by_source": {"novel": entrants[0].by_source["novel"]}}, {})
    assert by_kind.measured([*entrants, plain, part], KINDS, "auroc") == entrants


def test_the_line_below_the_numbers_names_every_kind_or_says_nothing(entrants):
    metrics = entrants[0].metrics
    told = by_kind.in_words(metrics, KINDS)
    low, high = (metrics["by_source"]["novel"]["auroc"][end] for end in ("low", "high"))
    assert told.startswith(
        f"novelty {metrics['by_source']['novel']['auroc']['value']:.3f} ({low:.3f} to {high:.3f}) · noise "
    )
    assert by_kind.in_words({"auroc": metrics["auroc"]}, Kinds.of_test(NOVELTY)) == ""
