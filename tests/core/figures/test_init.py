import csv
import io
import tomllib
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from core import figures
from core.figures import Curve, Picture

THEME = Path(__file__).parents[3] / ".streamlit" / "config.toml"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        shares = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_theme_repeats_the_colours():
    theme = tomllib.loads(THEME.read_text())["theme"]
    named = (figures.NORMAL, figures.NOVEL, figures.ANOMALY, *figures.SERIES, figures.CONTROL)
    assert tuple(theme["chartCategoricalColors"]) == named
    assert tuple(theme["chartSequentialColors"]) == figures.AMOUNTS
    assert tuple(theme["chartDivergingColors"]) == figures.DIFFERENCES


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_meanings_and_text_stand_out_from_both_backgrounds(mode):
    theme = tomllib.loads(THEME.read_text())["theme"][mode]
    for colour in (figures.NORMAL, figures.NOVEL, figures.CONTROL):
        assert contrast(colour, theme["backgroundColor"]) > 3  # WCAG 1.4.11, graphical objects
    for surface in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        assert contrast(theme["textColor"], surface) > 7
        assert contrast(theme["linkColor"], surface) > 4.5


def test_csv_reads_back_as_the_table():
    table = {"image": np.array([3, 5]), "score": np.array([0.1, 2.5]), "class": ["T-shirt, top", 'a "sign"']}
    picture = Picture(go.Figure(), table, "Look.", "scores")
    rows = list(csv.DictReader(io.StringIO(figures.csv(picture))))
    assert rows == [
        {"image": "3", "score": "0.1", "class": "T-shirt, top"},
        {"image": "5", "score": "2.5", "class": 'a "sign"'},
    ]


def test_csv_refuses_columns_of_different_lengths():
    with pytest.raises(ValueError):
        figures.csv(Picture(go.Figure(), {"a": [1, 2], "b": [1]}, "Look.", "scores"))


def test_html_stands_alone_and_shows_the_sentence_as_text():
    page = figures.html(Picture(go.Figure(go.Bar(y=[1])), {}, "More <novel> images.", "bars"))
    assert "More &lt;novel&gt; images." in page
    assert "<script src=" not in page
    assert "Plotly.newPlot" in page


@pytest.mark.parametrize(
    ("share", "words"), [(0.95, "95 %"), (0.1234, "12.3 %"), (1, "100 %"), (0, "0 %"), (float("nan"), "unknown")]
)
def test_percent(share, words):
    assert figures.percent(share) == words


@pytest.mark.parametrize(("value", "words"), [(0.012345, "0.0123"), (22.06, "22.1"), (12345.6, "12,346")])
def test_number(value, words):
    assert figures.number(value) == words


def test_three_digits():
    assert figures.three_digits({"value": 0.9721, "low": 0.968, "high": 0.9751}) == "0.972 (0.968 to 0.975)"
    assert figures.three_digits({"value": 0.9721, "low": None, "high": None}) == "0.972"
    assert figures.three_digits({"value": 0.9721}) == "0.972"


def test_magnified_leaves_the_original_alone():
    figure = figures.style(go.Figure(go.Bar(y=[1])), "Bars", "x", "y", height=300)
    large = figures.magnified(figure, 1.5)
    assert (large.layout.height, large.layout.xaxis.tickfont.size) == (450, 18)
    assert (figure.layout.height, figure.layout.xaxis.tickfont.size) == (300, None)


@pytest.mark.parametrize(("points", "kind"), [(1_000, "scatter"), (1_001, "scattergl")])
def test_many_points_are_drawn_by_webgl_in_single_precision(points, kind):
    trace = figures.scatter(np.arange(points), np.arange(points))
    assert trace.type == kind
    assert trace.x.dtype == np.float32


def test_enlarge_repeats_each_pixel(rng):
    images = rng.integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    large = figures.enlarge(images, 3)
    assert large.shape == (2, 12, 15, 3)
    for offset in range(3):
        np.testing.assert_array_equal(large[:, offset::3, offset::3], images.transpose(0, 2, 3, 1))


def test_enlarge_makes_three_equal_channels_of_one(rng):
    image = rng.integers(0, 256, (1, 4, 4), dtype=np.uint8)
    large = figures.enlarge(image, 2)
    assert large.shape == (8, 8, 3)
    np.testing.assert_array_equal(large[::2, ::2, 2], image[0])


def test_strip_places_images_row_by_row_with_transparent_gaps(rng):
    images = rng.integers(0, 256, (3, 1, 4, 4), dtype=np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(figures.strip(images, columns=2, factor=2, gap=3))))
    assert sheet.shape == (2 * 8 + 3, 2 * 8 + 3, 4)
    np.testing.assert_array_equal(sheet[:8, 11:, :3], figures.enlarge(images[1], 2))
    np.testing.assert_array_equal(sheet[11:, :8, :3], figures.enlarge(images[2], 2))
    assert sheet[:8, :8, 3].min() == 255
    assert sheet[8:11].max() == 0
    assert sheet[11:, 8:].max() == 0  # the place of the fourth image


def histogram(rng: np.random.Generator, tail: float = 0.0) -> tuple[np.ndarray, np.ndarray, Picture]:
    novel = np.arange(500) % 5 == 0
    scores = np.exp(tail * rng.normal(size=500)) + novel
    return scores, novel, figures.score_histogram(scores, novel, 1.5, "Scores")


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
    picture = figures.score_histogram(scores, [0, 1], 2.0, "Scores")
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
