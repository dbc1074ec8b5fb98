import numpy as np
import pytest

from core import figures
from core.figures import Kinds
from core.figures.families import clad_map
from core.figures.families.clad_map import Points

AXES = ("first", "second")


def points(count, rng):
    clusters = np.arange(count) % 3
    at = np.array([[0.0, 0], [10, 0], [0, 10]])[clusters] + rng.normal(size=(count, 2)) * 0.1
    return Points(at, clusters, np.array(["one", "two", "two"])[clusters])


@pytest.fixture
def picture(rng):
    test = points(6, rng)
    kinds = Kinds.of_test([0, 0, 0, 1, 1, 0])
    return clad_map.kinds_map(points(30, rng), test, kinds, np.arange(6) + 40, AXES, "title", picked=42)


def traces(picture, axis):
    return [trace for trace in picture.figure.data if (trace.xaxis or "x") == axis and len(trace.x) > 0]


def test_both_panels_show_the_same_points_and_zoom_together(picture):
    left, right = ([trace for trace in traces(picture, axis) if trace.customdata is not None] for axis in ("x", "x2"))
    assert (
        [list(trace.customdata) for trace in left]
        == [list(trace.customdata) for trace in right]
        == [
            [43, 44],
            [40, 41, 42, 45],
        ]
    )
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one.x, other.x)
    assert picture.figure.layout.xaxis2.matches == "x" and picture.figure.layout.yaxis2.matches == "y"


def test_points_are_coloured_by_kind_on_the_left_and_by_class_on_the_right(picture):
    left, right = (traces(picture, axis)[2].marker.color for axis in ("x", "x2"))
    assert len(set(left[:3])) == 3
    assert right[1] == right[2] != right[0]
    assert not {*left, *right} & {figures.NORMAL, figures.NOVEL}


def test_novel_images_are_orange_below_the_normal_ones(picture):
    novel = traces(picture, "x")[0]
    assert (novel.marker.color, list(novel.customdata)) == (figures.NOVEL, [43, 44])


def test_the_picked_image_is_ringed_on_both_panels(picture):
    rings = [trace for trace in picture.figure.data if trace.name == "test image 42"]
    assert [trace.xaxis for trace in rings] == ["x", "x2"]
    assert rings[0].x == rings[1].x


def test_kinds_are_named_at_their_middle_by_letter_and_main_class(picture):
    texts = [each.text for each in picture.figure.layout.annotations if each.text.startswith("<b>")]
    assert texts == ["<b>A</b>", "<b>one</b>", "<b>B</b>", "<b>two</b>", "<b>C</b>", "<b>two</b>"]
    b = next(each for each in picture.figure.layout.annotations if each.text == "<b>B</b>")
    assert b.x == pytest.approx(10, abs=0.2)


def test_the_sentence_says_which_classes_fall_into_which_kinds():
    clusters, classes = np.array([0, 0, 0, 0, 1, 2]), np.array(["a", "a", "a", "c", "a", "b"])
    sentence = clad_map.kinds_in_words(clusters, classes)
    assert sentence == (
        "3 kinds were found among 3 hidden classes: class a makes up most of A, B; class b makes up most of C; "
        "class c has no kind of its own. The most mixed, A, is 75 % class a."
    )
    assert "most mixed" not in clad_map.kinds_in_words(clusters[4:], classes[4:])
    assert "class a makes up most of 8 kinds" in clad_map.kinds_in_words(np.arange(8), np.full(8, "a"))
    many = np.arange(9)
    assert "and 3 more" in clad_map.kinds_in_words(many, many.astype(str))


def test_many_kinds_are_drawn_without_names(rng):
    count = clad_map.MOST_NAMED + 1
    every = Points(rng.normal(size=(count, 2)), np.arange(count), np.full(count, "a"))
    picture = clad_map.kinds_map(every, every, Kinds.of_test(np.zeros(count)), np.arange(count), AXES, "")
    assert not [each for each in picture.figure.layout.annotations if each.text.startswith("<b>")]


def test_names_of_strangers_are_no_markup(rng):
    every = Points(rng.normal(size=(4, 2)), np.zeros(4, int), np.full(4, "<i>x"))
    picture = clad_map.kinds_map(every, every, Kinds.of_test([0, 0, 0, 1]), np.arange(4), AXES, "")
    assert "<i>" not in str([each.text for each in picture.figure.layout.annotations])
    assert "<i>" not in str([trace.text for trace in picture.figure.data])


def test_replay_projects_onto_the_final_axes_and_leaves_out_what_is_not_of_the_test_set(rng):
    axes = np.linalg.qr(rng.normal(size=(4, 2)))[0].T
    snapshots = {
        epoch: {"embedding": rng.normal(size=(20, 4)) * size, "assignments": rng.random((20, 3))}
        for epoch, size in ((1, 3.0), (5, 1.0))
    }
    places = np.where(np.arange(20) < 15, np.arange(20), -1)
    kinds = Kinds.of_test(np.arange(15) % 2).of_probe(places, np.zeros(20))
    classes = np.where(np.arange(15) % 2, "novel", "normal")
    given = (snapshots, {"pca/axes": axes, "pca/mean": np.ones(4)}, np.array([0, 1, 1]), kinds, classes, places)
    early, late = (clad_map.replayed_map(epoch, *given) for epoch in (1, 5))
    np.testing.assert_allclose(late.table["x"], ((snapshots[5]["embedding"] - 1) @ axes[0])[:15])
    assert early.figure.layout.xaxis.range == late.figure.layout.xaxis.range
    assert set(late.table["kind"]) == {"A", "B"}  # the third cluster has become the second
    assert "15 probe images after epoch 5" in late.figure.layout.title.text
