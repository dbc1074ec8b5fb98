import base64
import csv
import io
import re

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from core import figures
from core.figures import ANOMALY, NORMAL, NOVEL, Kinds
from core.figures.pages import score as pictures
from core.figures.pages.score import Said

OVER = "score over threshold"
NORMAL_ONE = Said("RaPP <b>", 1.0, 4.0, 20.0, 95.0, 322)
NOVEL_ONE = Said("SVDD", 8.0, 4.0, 99.4, 94.0, 322)


def _markers(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.marker.symbol: trace for trace in figure.data if trace.type.startswith("scatter")}


def test_percentile_strips_places_image_and_threshold_and_tells_verdicts_by_symbol():
    picture = pictures.percentile_strips([NORMAL_ONE, NOVEL_ONE])
    markers = _markers(picture.figure)
    assert (markers["circle"].x, markers["circle"].y, markers["circle"].marker.color) == ((20.0,), (0,), NORMAL)
    assert (markers["diamond"].x, markers["diamond"].y, markers["diamond"].marker.color) == ((99.4,), (1,), NOVEL)
    assert [(line.x0, line.x1) for line in picture.figure.layout.shapes] == [(95.0, 95.0), (94.0, 94.0)]
    normal, novel = (bar for bar in picture.figure.data if bar.type == "bar")
    base, length = np.asarray(novel.base, float), np.asarray(novel.x, float)
    np.testing.assert_allclose(base + length, 100)
    np.testing.assert_allclose(base, np.asarray(normal.x, float))
    words = [(note.y, re.sub("<[^>]+>", "", note.text)) for note in picture.figure.layout.annotations]
    assert words == [
        (0, "● normal, 20"),
        (0, "0.25 × its threshold"),
        (1, "◆ novel, 99.4"),
        (1, "2 × its threshold"),
    ]
    assert not any("<br>" in note.text for note in picture.figure.layout.annotations)  # it leaves no space in the DOM


def test_verdicts_in_words_say_of_each_detector_what_its_strip_shows():
    below_zero = Said("SVDD, a", -3.0, -1.5, 10.04, 95.0, 10)
    assert pictures.verdicts_in_words([NORMAL_ONE, NOVEL_ONE, below_zero]) == (
        "RaPP <b>: normal, percentile 20, 0.25 × its threshold; SVDD: novel, percentile 99.4, 2 × its threshold; "
        "SVDD, a: normal, percentile 10, score -3."
    )


def test_percentile_strips_speaks_with_numbers_and_disarms_names():
    picture = pictures.percentile_strips([NORMAL_ONE, NOVEL_ONE])
    assert picture.sentence == (
        "1 of 2 detectors call it novel. The most surprised is SVDD: 99.4 % of its 322 held-out normal images are less "
        "novel; its threshold lies at 94 %."
    )
    assert picture.figure.layout.yaxis.ticktext == ("RaPP &lt;b&gt;", "SVDD")
    rows = list(csv.DictReader(io.StringIO(figures.csv(picture))))
    assert [row["verdict"] for row in rows] == ["normal", "novel"]
    alone = pictures.percentile_strips([NOVEL_ONE]).sentence
    assert alone.startswith("It is called novel. SVDD: 99.4 %")


def test_a_score_at_the_threshold_is_normal():
    assert Said("a", 4.0, 4.0, 95.0, 95.0, 10).verdict == "normal"
    assert Said("a", np.nextafter(4.0, 5.0), 4.0, 95.0, 95.0, 10).verdict == "novel"


def test_a_threshold_below_zero_gives_the_score_instead_of_a_ratio():
    picture = pictures.percentile_strips([Said("a", -3.0, -1.5, 10.0, 95.0, 10)])
    assert picture.figure.layout.annotations[1].text == "score -3"


def test_batch_shows_each_file_once_per_detector():
    low, high = (1.0, 4.0, 20.0, 95.0, 322), (8.0, 4.0, 99.4, 95.0, 322)
    said = [[Said("a", *each) for each in (low, high, high)], [Said("b", *each) for each in (low, low, high)]]
    picture = pictures.batch(["x.png", "y.png", "z.png"], said)
    markers = _markers(picture.figure)
    assert (len(markers["circle"].x), len(markers["diamond"].x)) == (3, 3)
    assert list(markers["diamond"].text) == ["y.png", "z.png", "z.png"]
    np.testing.assert_array_equal(np.rint(markers["diamond"].y), [0, 0, 1])
    assert picture.sentence == "2 of 3 files are novel to at least one detector, 1 to all of them."
    overview = pictures.batch_overview(picture)
    assert list(overview) == ["file", pictures.NOVEL_TO, "a", f"a, {OVER}", "b", f"b, {OVER}"]
    assert list(overview[f"a, {OVER}"]) == [0.25, 2.0, 2.0]
    assert list(overview[pictures.NOVEL_TO]) == [0, 1, 2]
    rows = list(csv.DictReader(io.StringIO(figures.csv(picture))))
    assert rows[1] == {
        "file": "y.png", pictures.NOVEL_TO: "1",
        "a": "99.4", f"a, {OVER}": "2.0", "a, score": "8.0", "a, verdict": "novel",
        "b": "20.0", f"b, {OVER}": "0.25", "b, score": "1.0", "b, verdict": "normal",
    }  # fmt: skip


def test_a_file_that_cannot_be_read_costs_its_row_alone():
    picture = pictures.batch(["x.png"], [[NOVEL_ONE]], {"bad.png": "bad.png is damaged."})
    rows = list(csv.DictReader(io.StringIO(figures.csv(picture))))
    assert [row["file"] for row in rows] == ["x.png", "bad.png"]
    assert (rows[0]["SVDD"], rows[0][pictures.PROBLEM]) == ("99.4", "")
    assert set(rows[1].values()) == {"bad.png", "bad.png is damaged.", ""}
    assert picture.sentence == "1 of 1 files are novel to at least one detector. 1 can't be read."


def test_a_threshold_that_is_not_positive_orders_by_the_difference():
    low, high = (Said("a", score, -1.5, 100.0, 95.0, 10) for score in (-1.0, 3.0))
    assert (low.over, high.over) == (0.5, 4.5)
    assert "a, score less threshold" in pictures.batch(["x", "y"], [[low, high]]).table


def test_the_verdict_is_said_in_colours_and_symbols():
    words = [re.sub("<[^>]+>", "", pictures.verdict(said)) for said in ([NOVEL_ONE], [NORMAL_ONE] * 2, [NOVEL_ONE] * 3)]
    assert words == ["◆ Novel", "● Normal to both detectors", "◆ Novel to all 3 detectors"]
    mixed = pictures.verdict([NORMAL_ONE, NOVEL_ONE, NOVEL_ONE])
    assert re.sub("<[^>]+>", "", mixed) == "◆ Novel to 2, ● normal to 1"
    assert NOVEL in mixed and NORMAL in mixed


def test_scores_of_one_detector_that_disagree_are_named():
    assert pictures.contradictions("RaPP", {"NAP": True, "SAP": True, "Reconstruction": False}) == (
        "RaPP contradicts itself: novel by NAP and SAP, normal by Reconstruction."
    )
    assert pictures.contradictions("RaPP", {"NAP": True, "SAP": True}) == ""


def test_thumbnails_are_small_pngs_with_hard_pixels(rng):
    for shape, size in (((1, 8, 8), (56, 56)), ((3, 224, 112), (28, 56))):
        image = rng.integers(0, 256, shape, np.uint8)
        png = base64.b64decode(pictures.thumbnail_url(image).partition(",")[2])
        assert Image.open(io.BytesIO(png)).size == size


@pytest.mark.parametrize(
    ("strengths", "novel", "flip"),
    [
        ([-2, -1, 0, 1, 2], [1, 1, 0, 1, 1], 3),  # of two equal strengths the positive one
        ([-2, -1, 0, 1, 2], [0, 1, 0, 0, 1], 1),
        ([-2, -1, 0, 1, 2], [1, 1, 1, 1, 0], 4),  # novel without a bend: the first that is normal
        ([-2, -1, 0, 1, 2], [1, 1, 1, 1, 1], None),
        ([0, 1, 2], [0, 0, 1], 2),
    ],
)
def test_first_flip_is_the_weakest_bend_with_another_verdict(strengths, novel, flip):
    assert pictures.first_flip(np.array(strengths, float), np.array(novel, bool)) == flip


def _walk(name: str, percentiles: list[float], mark: float = 95.0) -> list[Said]:
    return [Said(name, value, mark, value, mark, 100) for value in percentiles]


def test_bend_paths_marks_who_flips_first():
    strengths = np.array([0.0, 1.0, 2.0, 3.0])
    walks = [_walk("early", [10, 96, 99, 100]), _walk("late", [20, 30, 40, 100]), _walk("never", [1, 2, 3, 4])]
    picture = pictures.bend_paths("blur", strengths, walks, now=2.0)
    marked = [note for note in picture.figure.layout.annotations if "flips first" in note.text]
    assert [(note.x, note.y) for note in marked] == [(1.0, 96.0)]
    assert [trace.name for trace in picture.figure.data] == ["early, <b>flips first</b>", "late", "never"]
    assert picture.sentence == "The first to change the verdict is early, which says novel at 1. never never does."
    assert list(picture.figure.data[1].marker.symbol) == ["circle", "circle", "circle", "diamond"]
    assert picture.figure.layout.shapes[0].x0 == 2.0
    assert len(set(zip(*[(t.line.color, t.line.dash) for t in picture.figure.data], strict=True))) == 2
    np.testing.assert_array_equal(picture.table["percentile"], [10, 96, 99, 100, 20, 30, 40, 100, 1, 2, 3, 4])


def test_bend_paths_has_one_arrow_where_several_flip_together():
    strengths = np.array([-1.0, 0.0, 1.0])
    walks = [_walk("A", [10, 10, 97]), _walk("B", [10, 10, 99]), _walk("C", [96, 97, 98]), _walk("D", [9, 9, 9])]
    picture = pictures.bend_paths("rotate", strengths, walks, now=0.0)
    assert [(note.x, note.y) for note in picture.figure.layout.annotations] == [(1.0, 97.0)]
    assert picture.sentence == "The first to change the verdict are A and B, which say novel at 1. C and D never do."
    mirrored = pictures.bend_paths("rotate", strengths, [walks[0], _walk("E", [99, 98, 10])], now=0.0)
    assert mirrored.sentence == "The first to change the verdict are A and E, which change at a strength of 1."


def test_bend_paths_says_where_nobody_flips():
    strengths = np.array([0.0, 0.5, 1.0])
    one = pictures.bend_paths("noise", strengths, [_walk("A", [99, 99, 99])], 0.0)
    assert one.sentence == "A says novel all the way from 0 to 1."
    two = pictures.bend_paths("noise", strengths, [_walk("A", [99, 99, 99]), _walk("B", [9, 9, 9])], 0.0)
    assert two.sentence == "Every detector keeps its verdict all the way from 0 to 1."
    assert not two.figure.layout.annotations


def test_every_bend_has_words_for_its_axis():
    from core.data import BEND_RANGES

    assert pictures.BEND_TITLES.keys() == BEND_RANGES.keys() - {"invert"}


def test_nearest_in_words_says_what_was_searched():
    assert "among the 968 training images of digits" in pictures.nearest_in_words("digits", 968, 968)
    assert "among 5,000 of the 60,000 training images" in pictures.nearest_in_words("mnist", 5_000, 60_000)
    said = pictures.nearest_embedded_in_words("CLAD", 3_000, 60_000)
    assert said.startswith("The nearest in the embedding that CLAD makes, among 3,000 of the 60,000 training images;")


def test_sample_sheet_has_a_point_in_the_middle_of_each_image(rng):
    images = rng.integers(0, 256, (3, 1, 8, 4), np.uint8)
    figure = pictures.sample_sheet(images, Kinds.of_test([0, 1, 1]), [5, 9, 2], ["a", "<i>", "c"], picked=9).figure
    placed = figure.layout.images[0]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(placed.source.split(",")[1]))))
    (points,) = figure.data
    assert list(points.customdata) == [5, 9, 2]
    for place, image in enumerate(images):  # the colour under each point is that of the image's middle
        column = int(points.x[place] / placed.sizex * sheet.shape[1])
        row = int((1 - points.y[place]) * sheet.shape[0])
        assert sheet[row, column, 0] == image[0, 4, 2]
    (frame,) = figure.layout.shapes
    assert frame.x0 < points.x[1] < frame.x1 < points.x[2]
    assert [note.text for note in figure.layout.annotations] == ["a", "<b>&lt;i&gt;</b>", "c"]


def test_mixture_is_half_novel_and_repeats_with_its_seed():
    novel = np.repeat([0, 1], [40, 60]).astype(np.uint8)
    places = pictures.mixture(Kinds.of_test(novel), 12, seed=3)
    assert novel[places].sum() == 6
    assert len(set(places.tolist())) == 12
    np.testing.assert_array_equal(places, pictures.mixture(Kinds.of_test(novel), 12, seed=3))
    assert set(places.tolist()) != set(pictures.mixture(Kinds.of_test(novel), 12, seed=4).tolist())


def test_mixture_takes_what_there_is():
    assert sorted(pictures.mixture(Kinds.of_test([0, 0, 1]), 12, 0)) == [0, 1, 2]


def test_the_mixture_lets_kinds_of_novel_images_take_turns():
    source = np.array(["normal"] * 50 + ["novel"] * 5 + ["noise"] * 45)
    kinds = Kinds.of_test(source != "normal", source)
    assert kinds[pictures.mixture(kinds, 12, 0)].counts == {"normal": 6, "novelty": 3, "noise": 3}


def test_sample_labels_take_the_colours_of_several_kinds(rng):
    images = rng.integers(0, 256, (3, 1, 4, 6), dtype=np.uint8)
    kinds = Kinds.of_test([0, 1, 1], ["normal", "novel", "gaussian-noise"])
    sheet = pictures.sample_sheet(images, kinds, [5, 9, 2], ["0", "3", "gaussian-noise"], picked=9).figure
    labels = [note.text for note in sheet.layout.annotations]
    for label, colour in zip(labels, (NORMAL, NOVEL, ANOMALY), strict=True):
        assert colour in label
    assert "gaussian-<br>noise" in labels[2] and labels[1].startswith("<b>")
