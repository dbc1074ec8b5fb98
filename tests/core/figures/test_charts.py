import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from core import figures
from core.figures import Curve, Kinds, Picture


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("points", "kind"), [(1_000, "scatter"), (1_001, "scattergl")])
def test_many_points_are_drawn_by_webgl_in_single_precision(points, kind):
    trace = figures.scatter(np.arange(points), np.arange(points))
    assert trace.type == kind
    assert trace.x.dtype == np.float32


def test_a_logarithmic_axis_has_powers_of_ten_alone_or_plotly_s_own_steps():
    wide, close = go.Figure(go.Scatter(y=[1])), go.Figure(go.Scatter(y=[1]))
    figures.log_axis(wide, 0.5, 2000)
    figures.log_axis(close, 2, 5)
    assert list(wide.layout.yaxis.ticktext) == ["1", "10", "100", "1,000"]
    assert close.layout.yaxis.tickvals is None and close.layout.yaxis.type == "log"
    figures.log_axis(between := go.Figure(), 0.15, 6)
    assert list(between.layout.yaxis.ticktext) == ["0.2", "0.5", "1", "2", "5"]
    figures.log_axis(close, 0, 1)  # an axis has no zero
    assert np.isfinite(close.layout.yaxis.range).all()


def test_wrapped_names_are_safe_and_break_between_words():
    assert figures.wrapped("<b> nearest images", 8) == "&lt;b&gt;<br>nearest<br>images"


def histogram(rng: np.random.Generator, tail: float = 0.0) -> tuple[np.ndarray, np.ndarray, Picture]:
    novel = np.arange(500) % 5 == 0
    scores = np.exp(tail * rng.normal(size=500)) + novel
    return scores, novel, figures.score_histogram(scores, Kinds.of_test(novel), 1.5, "Scores")


@pytest.mark.parametrize("tail", [0.1, 1.5])
def test_score_histogram_counts_every_image_on_its_side_of_the_threshold(rng, tail):
    scores, novel, picture = histogram(rng, tail)
    table = {name: np.asarray(column) for name, column in picture.table.items()}
    above = table["from"] >= 1.5 * (1 - 1e-12)
    for name, kind in (("normal", ~novel), ("novel", novel)):
        assert table[name].sum() == kind.sum()
        assert table[name][above].sum() == (scores[kind] > 1.5).sum()
    caught, rejected = (scores[novel] > 1.5).sum(), (scores[~novel] > 1.5).sum()
    assert f"catches {caught} of {novel.sum()} novel images" in picture.sentence
    assert f"rejects {rejected} of {(~novel).sum()} normal ones" in picture.sentence
    corners = " ".join(annotation.text for annotation in picture.figure.layout.annotations)
    for count in (caught, rejected, novel.sum() - caught, (~novel).sum() - rejected):
        assert f"<b>{count}</b>" in corners


def test_score_histogram_colours_mean_the_same_and_legends_count(rng):
    _, _, picture = histogram(rng, 0.1)
    assert [trace.marker.color for trace in picture.figure.data] == [figures.NORMAL, figures.NOVEL]
    assert [trace.name for trace in picture.figure.data] == ["normal (400)", "novel (100)"]
    assert picture.figure.layout.shapes[0].line.dash == "dash"
    assert picture.figure.layout.shapes[0].x0 == 1.5


def test_score_histogram_says_when_its_axis_is_logarithmic(rng):
    for tail, kind in ((0.1, None), (1.5, "log")):
        axis = histogram(rng, tail)[2].figure.layout.xaxis
        assert axis.type == kind
        assert ("log scale" in axis.title.text) == (kind == "log")


@pytest.mark.parametrize("scores", [[2.0, 2.0], [-1.0, 3.0], [0.0, 1e6], [5.0, 6.0]])
def test_score_histogram_of_few_equal_or_extreme_scores(scores):
    picture = figures.score_histogram(scores, Kinds.of_test([0, 1]), 2.0, "Scores")
    assert np.sum(picture.table["normal"]) == np.sum(picture.table["novel"]) == 1
    assert all(np.isfinite(trace.x).all() and (trace.width > 0).all() for trace in picture.figure.data)


def curves() -> list[Curve]:
    x = np.linspace(0, 1, 101)
    area = {"value": 0.9, "low": 0.8, "high": 0.95}
    named = [Curve(name, x, x**power, area) for name, power in (("a", 0.1), ("b", 0.2), ("c", 0.3), ("d", 0.4))]
    return [*named, Curve("untrained", x, x**0.5, control=True)]


def test_roc_tells_curves_apart_by_colour_or_dash_and_controls_by_grey():
    traces = figures.roc(curves()).figure.data
    looks = [(trace.line.color, trace.line.dash) for trace in traces]
    assert len(set(looks)) == len(looks)
    assert [colour for colour, _ in looks[:4]] == [*figures.SERIES, figures.SERIES[0]]
    assert looks[4][0] == figures.CONTROL and looks[4][1] != "solid"
    assert traces[0].name == "a 0.900 (0.800 to 0.950)"


def test_roc_sentence_sets_the_best_detector_against_the_best_control():
    sentence = figures.roc(curves()).sentence
    assert f"a catches {figures.percent(0.05**0.1)}" in sentence
    assert f"untrained {figures.percent(0.05**0.5)}" in sentence


def test_pr_reads_precision_at_ninety_percent_recall_and_names_the_guess():
    x = np.linspace(0, 1, 101)
    picture = figures.pr([Curve("a", x, 1 - x / 2)], novel_share=0.25)
    assert "a is right in 55 % of its alarms" in picture.sentence
    assert "25 %" in picture.sentence
    assert picture.figure.layout.shapes[0].y0 == picture.figure.layout.shapes[0].y1 == 0.25


def test_overlay_tables_hold_every_point_under_its_name():
    table = figures.roc(curves()).table
    assert [list(table["curve"]).count(name) for name in ("a", "untrained")] == [101, 101]
    assert len(table["normal rejected"]) == len(table["novel caught"]) == 505


def test_each_axis_keeps_a_title_of_its_own():
    figure = figures.style(make_subplots(rows=2, cols=2), "Title", "x", "y")
    figure.update_xaxes(title_text="last", row=2, col=2)
    figure.update_yaxes(title_font_color="red", col=1)
    assert [axis.title.text for axis in figure.select_xaxes()] == ["x", "x", "x", "last"]
    assert [axis.title.font.color for axis in figure.select_yaxes()] == ["red", figures.INK, "red", figures.INK]
