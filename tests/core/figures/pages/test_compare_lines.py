import dataclasses

import numpy as np
import pytest

from core import evaluation
from core.figures.pages import compare_lines
from core.figures.pages.compare_lines import Entrant, Line


def entrant(rng: np.random.Generator, name: str = "A", shift: float = 1.0, **more) -> Entrant:
    """A detector whose novel images lie `shift` above its normal ones, on 60 test images."""
    novel = np.repeat([0, 1], [40, 20])
    values, normal = rng.normal(size=60) + shift * novel, rng.normal(size=50)
    threshold = evaluation.Quantile().threshold(None, normal)
    roc, pr = evaluation.roc_points(values, novel), evaluation.pr_points(values, novel)
    curves = {"fpr": roc["fpr"], "tpr": roc["tpr"], "recall": pr["recall"], "precision": pr["precision"]}
    metrics = evaluation.metrics(values, novel, threshold, draws=50)
    return Entrant(name, "NAP", values, normal, threshold, metrics, curves, **more)


def metric(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


def test_who_leads_is_said_with_the_control_line_that_lies_higher(rng):
    leader, control = (
        Line(name, (entrant(rng, name, shift),)) for name, shift in (("A", 1.0), ("nearest images", 3.0))
    )
    auroc, above = (f"{line.metric('auroc')['value']:.3f}" for line in (leader, control))
    assert compare_lines.leads(leader, None).startswith(f"The highest AUROC has A: {auroc} (")
    assert compare_lines.leads(control, leader).startswith(f"The highest AUROC has nearest images: {above} (")
    said = compare_lines.leads(leader, control)
    assert said.startswith(f"Of the trained methods the highest AUROC has A: {auroc} (")
    assert f"a control line, nearest images, lies higher: {above} (" in said


def test_standard_scores_put_the_median_normal_image_at_0_and_the_threshold_at_1(rng):
    one = entrant(rng)
    moved = dataclasses.replace(one, values=np.array([np.median(one.normal), one.threshold]))
    np.testing.assert_allclose(moved.standard, [0, 1], atol=1e-12)
    constant = dataclasses.replace(one, values=np.ones(3), normal=np.ones(5), threshold=1.0)
    np.testing.assert_array_equal(constant.standard, 0)


def test_called_is_strictly_above_the_threshold(rng):
    one = dataclasses.replace(entrant(rng), values=np.array([0.5, 1.0, 1.5]), threshold=1.0)
    assert one.called.tolist() == [False, False, True]


def test_a_line_of_several_seeds_is_their_mean_from_the_lowest_to_the_highest(rng):
    bare = (metric(0.5, 0.4, 0.6), None, metric(0.7, 0.6, 0.8))
    members = tuple(entrant(rng, seconds=s, untrained=u) for s, u in zip((1.0, 2.0, 6.0), bare, strict=True))
    values = [each.metrics["auroc"]["value"] for each in members]
    line = Line("A (3 seeds)", members)
    assert line.metric("auroc") == pytest.approx(metric(np.mean(values), min(values), max(values)))
    assert (line.seconds, line.untrained) == (3.0, pytest.approx(0.6))
    curve = line.curve("fpr", "tpr")
    heights = [np.interp(0.25, each.curves["fpr"], each.curves["tpr"]) for each in members]
    assert np.interp(0.25, curve.x, curve.y) == pytest.approx(np.mean(heights))


def test_a_line_of_one_run_keeps_its_interval_and_its_own_points(rng):
    one = entrant(rng)
    line = Line("A", (one,))
    assert line.metric("auroc") is one.metrics["auroc"]
    np.testing.assert_array_equal(line.curve("recall", "precision").y, one.curves["precision"])
    assert line.seconds is None


def test_columns_and_numbers_have_a_row_per_line(rng):
    method = Line("A", (entrant(rng, untrained=metric(0.5, 0.4, 0.6), seconds=41.6, published=("0.9 (X)",)),))
    control = Line("nearest", (entrant(rng, "nearest", control=True),))
    shown, exact = compare_lines.columns([method, control]), compare_lines.numbers([method, control])
    assert shown["Same network, untrained"] == ["0.500", ""]
    assert shown["Training"] == ["42 s", ""]
    assert shown["Published"] == ["0.9 (X)", ""]
    assert exact["control"] == [0, 1]
    assert exact["fpr95_normal low"][0] == method.first.metrics["fpr95_normal"]["low"]
    assert {len(cells) for cells in (*shown.values(), *exact.values())} == {2}


def test_latex_escapes_and_leaves_out_empty_columns():
    text = compare_lines.latex({"Method": ["a_b & c", "50 %"], "Published": ["", ""], "AUROC": ["0.9", "−0.1"]})
    assert text.splitlines() == [
        r"\begin{tabular}{ll}",
        r"\toprule",
        r"Method & AUROC \\",
        r"\midrule",
        r"a\_b \& c & 0.9 \\",
        r"50 \% & $-$0.1 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "under 1 s"), (41.6, "42 s"), (59.7, "1 min"), (200, "3 min 20 s"), (3600, "1 h"), (9000, "2 h 30 min")],
)
def test_duration(seconds, words):
    assert compare_lines.duration(seconds) == words


@pytest.mark.parametrize(("value", "words"), [(0.0123, "+0.012"), (-0.5, "−0.500"), (-0.0001, "+0.000")])
def test_signed(value, words):
    assert compare_lines.signed(value) == words


def test_against_names_those_that_do_not_beat_the_control(rng):
    control = Line("nearest", (entrant(rng, "nearest", control=True),))
    lost, even = metric(-0.1, -0.2, -0.05), metric(0.01, -0.01, 0.03)
    assert compare_lines.against(control, 2, {}).startswith("Every run beats the best control line, nearest (0.")
    assert compare_lines.against(control, 1, {}).startswith("It beats")
    some = compare_lines.against(control, 2, {"A": even})
    assert some.startswith("Not every run beats") and some.endswith("A +0.010 (−0.010 to +0.030).")
    assert compare_lines.against(control, 2, {"A": even, "B": lost}).startswith("No run beats")
    many = compare_lines.against(control, 4, {"A": even, "B": lost, "C": metric(-0.3, -0.4, -0.2), "D": lost})
    assert "closest A +0.010" in many and "farthest C −0.300" in many and "B" not in many


def test_clearly_above_needs_intervals_apart():
    assert compare_lines.clearly_above(metric(0.9, 0.85, 0.95), metric(0.8, 0.75, 0.84))
    assert not compare_lines.clearly_above(metric(0.9, 0.85, 0.95), metric(0.84, 0.8, 0.86))


def test_best_is_the_highest_auroc(rng):
    weak, strong = Line("weak", (entrant(rng, shift=0.1),)), Line("strong", (entrant(rng, shift=5.0),))
    assert compare_lines.best([weak, strong]) is strong


def test_entrants_of_one_key_stand_together_under_their_method(rng):
    entrants = [entrant(rng, name) for name in "ABCDE"]
    lines = compare_lines.joined(entrants, [1, 2, 1, 3, 3], ["X", "Y", "X", "Z", "Z"], [0, 0, 1, 4, 4])
    assert [line.name for line in lines] == ["X (2 seeds)", "B", "Z (2 runs)"]
    assert [[each.name for each in line.members] for line in lines] == [["A", "C"], ["B"], ["D", "E"]]


def test_control_lines_are_judged_by_validation_images(rng):
    names = {"nearest-pixels": "Nearest", "pca-error": "PCA", "later": "Not yet"}
    stored = {f"{split}/{name}": rng.uniform(size=20) for split in ("test", "valid") for name in names}
    points = {"roc/{}/fpr": 0.1, "roc/{}/tpr": 0.2, "pr/{}/recall": 0.3, "pr/{}/precision": 0.4}
    stored |= {key.format(name): np.array([value]) for name in names for key, value in points.items()}
    metrics = {name: {"auroc": metric(0.9, 0.8, 1.0)} for name in ("pca-error", "nearest-pixels")}
    nearest, error = compare_lines.control_entrants(names, stored, metrics, evaluation.Impurities(0.25))
    assert (nearest.name, nearest.score, error.name, error.score) == ("Nearest", "Distance", "PCA", "Error")
    assert nearest.control and nearest.metrics["auroc"]["value"] == 0.9
    assert nearest.threshold == np.quantile(stored["valid/nearest-pixels"], 0.75, method="higher")
    np.testing.assert_array_equal(error.values, stored["test/pca-error"])
    assert {axis: values.item() for axis, values in error.curves.items()} == {
        "fpr": 0.1, "tpr": 0.2, "recall": 0.3, "precision": 0.4
    }  # fmt: skip


def test_a_metric_that_an_older_run_has_not_measured_is_empty(rng):
    older = entrant(rng)
    older = dataclasses.replace(older, metrics={key: each for key, each in older.metrics.items() if key != "f1"})
    table = compare_lines.numbers([Line("old", (older,)), Line("both", (older, entrant(rng)))])
    assert table["f1"] == table["f1 low"] == [None, None]
    assert table["auroc"][0] == older.metrics["auroc"]["value"]


def test_keys_tell_scores_and_values_apart(rng):
    one = entrant(rng)
    others = [
        dataclasses.replace(one, **change) for change in ({"score": "SAP"}, {"values": one.values + 1}, {"name": "B"})
    ]
    assert len({each.key for each in (one, *others)}) == 4
    assert one.key == dataclasses.replace(one).key


def test_the_most_telling_images_lie_deepest_in_their_quadrant(rng):
    normal, values = np.arange(100.0), rng.permutation(100.0 * np.arange(8) / 8)
    a = dataclasses.replace(entrant(rng), normal=normal, values=values)
    b = dataclasses.replace(entrant(rng), normal=normal, values=values[::-1].copy())
    among = np.arange(8) != 5
    expected = {"only a": a.values - b.values, "only b": b.values - a.values}
    expected |= {"both": a.values + b.values, "neither": -a.values - b.values}
    for quadrant, depth in expected.items():
        order = compare_lines.most_telling(a, b, quadrant, among)
        assert sorted(order) == [0, 1, 2, 3, 4, 6, 7]
        assert (np.diff(depth[order]) <= 1.01).all()  # a percentile is a rank: it may differ from the value by a half
