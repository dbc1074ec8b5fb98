"""A run's report as html: what it says, in which order, and that names from strangers stay text."""

import re

import numpy as np
import pytest
from plotly.offline import get_plotlyjs

from core.figures import Kinds
from core.figures.pages.report import STRANGEST, report, training_curves, verdict

EVIL = "<script>alert('3')</script>"


def metric(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.01}


def contents(rng: np.random.Generator, images: int = 30, **changes) -> dict:
    scores = rng.permutation(np.arange(1.0, images + 1))
    diagonal = np.array([0.0, 1.0])
    given = {
        "metrics": {
            "NAP": {"auroc": metric(0.951), "f1": metric(0.7)},
            "SAP": {"auroc": metric(0.9), "f1": metric(0.6)},
        },
        "controls": {"Untrained": {"auroc": metric(0.812)}},
        "progress": [{"stage": "train", "epoch": n, "curves": {"loss": 1 / n}} for n in (1, 2, 3)],
        "scores": scores,
        "kinds": Kinds.of_test(scores > images / 2),
        "threshold": images / 2,
        "reference": np.arange(1.0, 11.0),
        "roc": {"NAP": (diagonal, diagonal), "Untrained": (diagonal, diagonal)},
        "images": rng.integers(0, 256, (images, 1, 4, 4), dtype=np.uint8),
        "classes": [f"class {score:.0f}" for score in scores],
        "facts": {"knobs.epochs": 3},
    }
    return given | changes


def captions(html: str) -> list[str]:
    return re.findall(r"<figcaption>(.*?)</figcaption>", html)


def test_shows_metrics_with_intervals_headline_first(rng):
    html = report("A run", **contents(rng))
    rows = re.findall(r'<tr class="(\w+)"><td>(.*?)</td><td>(.*?)</td>', html)
    assert rows == [
        ("headline", "NAP", "0.951<br><small>(0.931 to 0.961)</small>"),
        ("score", "SAP", "0.900<br><small>(0.880 to 0.910)</small>"),
        ("control", "control: Untrained", "0.812<br><small>(0.792 to 0.822)</small>"),
    ]
    assert "<td>knobs.epochs</td><td>3</td>" in html


def test_shows_most_and_least_novel_images_in_order(rng):
    labels = captions(report("A run", **contents(rng)))
    expected = [*range(30, 30 - STRANGEST, -1), *range(1, STRANGEST + 1)]
    assert [label.split("<br>")[:2] for label in labels] == [[f"class {n}", f"{n}"] for n in expected]
    assert [label.split("<br>")[2] for label in labels[-2:]] == ["percentile 85", "percentile 95"]


def test_marks_novel_images(rng):
    html = report("A run", **contents(rng))
    assert re.findall(r'<figure class="(\w+)">', html) == ["novelty"] * STRANGEST + ["normal"] * STRANGEST


def test_draws_fewer_images_than_it_has_room_for(rng):
    assert len(captions(report("A run", **contents(rng, images=4)))) == 8


def test_holds_plotly_once_and_asks_nothing_of_a_network(rng):
    html = report("A run", **contents(rng))
    own = html.replace(get_plotlyjs(), "", 1)
    assert len(html) - len(own) == len(get_plotlyjs())
    assert get_plotlyjs()[:1000] not in own
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)|url\(|@import|<link""", own)


def test_names_from_strangers_stay_text(rng):
    given = contents(rng, images=4, classes=[EVIL] * 4, facts={EVIL: EVIL})
    given |= {"metrics": {EVIL: {"auroc": metric(0.9)}}, "controls": {EVIL + "2": {"auroc": metric(0.8)}}}
    given |= {"roc": {EVIL: (np.array([0.0, 1.0]),) * 2}}
    given |= {"progress": [{"stage": EVIL, "epoch": 1, "curves": {EVIL: 1.0}}]}
    html = report(EVIL, **given).replace(get_plotlyjs(), "")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_a_run_without_controls_or_curves_has_a_report(rng):
    given = contents(rng, controls={}, progress=[{"stage": "fit", "epoch": 1, "curves": {}}])
    given |= {"roc": {"NAP": (np.array([0.0, 1.0]),) * 2}}
    html = report("A run", **given)
    assert "control lines are not computed yet" in html
    assert html.count("Plotly.newPlot(") - get_plotlyjs().count("Plotly.newPlot(") == 2


@pytest.mark.parametrize(("own", "says"), [(0.95, "it beats"), (0.85, "it does not beat"), (0.9, "it does not beat")])
def test_verdict_names_the_best_control(own, says):
    controls = {"Nearest": {"auroc": metric(0.9)}, "Untrained": {"auroc": metric(0.6)}}
    sentence = verdict({"NAP": {"auroc": metric(own)}, "SAP": {"auroc": metric(0.99)}}, controls)
    assert sentence.startswith(f"NAP reaches an AUROC of {own:.3f}")
    assert f"{says} the best control line, Nearest, at 0.900" in sentence


def test_training_curves_have_a_panel_for_each_stage():
    progress = [{"stage": "first", "epoch": n, "curves": {"loss": 2.0 / n, "penalty": 0.5}} for n in (1, 2)]
    progress += [{"stage": "idle", "epoch": 1, "curves": {}}, {"stage": "second", "epoch": 1, "curves": {"loss": 7.0}}]
    picture = training_curves(progress)
    drawn = {trace.name: (trace.yaxis, list(trace.x), list(trace.y)) for trace in picture.figure.data}
    assert drawn == {
        "first: loss": ("y", [1, 2], [2.0, 1.0]),
        "first: penalty": ("y", [1, 2], [0.5, 0.5]),
        "second: loss": ("y2", [1], [7.0]),
    }
    assert list(picture.table["value"]) == [2.0, 1.0, 0.5, 0.5, 7.0]
    assert "After epoch 1 of second, loss is 7" in picture.sentence


def test_several_kinds_are_told_by_line_name_and_auroc(rng):
    given = contents(rng)
    source = np.where(given["kinds"].novel, np.where(given["scores"] > 25, "noise", "novel"), "normal")
    given["kinds"] = Kinds.of_test(source != "normal", source)
    given["metrics"]["NAP"]["by_source"] = {name: {"auroc": metric(0.8)} for name in ("novel", "noise")}
    html = report("A run", **given)
    assert re.findall(r'<figure class="(\w+)">', html)[:10] == ["anomaly"] * 5 + ["novelty"] * 5
    assert "Solid line: normal, dashed: novelty, dotted: noise." in html
    assert "AUROC by kind: novelty 0.800 (0.780 to 0.810) · noise 0.800" in html


def test_one_kind_is_told_as_ever(rng):
    html = report("A run", **contents(rng))
    assert "Solid line: normal, dashed: novel. Below it class" in html
    assert "by kind" not in html
