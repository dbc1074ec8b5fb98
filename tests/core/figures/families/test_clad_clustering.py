import numpy as np
import pytest

from core.algorithms import dec
from core.figures.families import clad_clustering


def entry(epoch, **curves):
    return {"epoch": epoch, "curves": {"largest share": 0.4, "smallest share": 0.1, **curves}}


@pytest.fixture
def progress():
    """The target is made anew every second epoch."""
    return [
        entry(1, sureness=0.4),
        entry(2, sureness=0.6, changed=0.2),
        entry(3, sureness=0.7),
        entry(4, sureness=0.9, changed=0.0005),
    ]


def test_shares_are_those_of_the_method():
    assert (clad_clustering.STARVED, clad_clustering.COLLAPSED) == (dec.STARVED, dec.COLLAPSE)


def test_changes_are_drawn_where_they_were_measured(progress):
    picture = clad_clustering.learning(progress, 3, 0.001)
    changed, sureness, largest, smallest = picture.figure.data
    assert (list(changed.x), list(changed.y)) == ([2, 4], pytest.approx([20, 0.05]))
    assert list(sureness.y) == pytest.approx([0.4, 0.6, 0.7, 0.9])
    assert (list(largest.y), list(smallest.y)) == ([40] * 4, [10] * 4)
    assert picture.table["changed"] == [None, 0.2, None, 0.0005]
    assert "from 0.40 to 0.90" in picture.sentence and "it ended there" in picture.sentence
    assert "the last epoch came first" in clad_clustering.learning(progress[:3], 3, 0.001).sentence
    assert "changed their kind at first" not in clad_clustering.learning(progress[:1], 1, 0.001).sentence
    assert {shape.x0 for shape in picture.figure.layout.shapes if shape.x0 == shape.x1} == {3}


def test_starving_and_collapse_are_counted_and_named():
    even = clad_clustering.sizes(np.array([40, 60]), np.array([0, 1]), 7)
    assert "The largest kind, B, has 60 %" in even.sentence and "0 starved, not collapsed" in even.sentence
    assert list(even.figure.data[0].text) == ["40", "60"]
    starving = clad_clustering.sizes(np.array([960, 36, 4, 0]), np.array([0, 1, 0, 1]), 7)
    assert "2 starved (1 empty), collapsed" in starving.sentence
    assert list(starving.figure.layout.xaxis.ticktext) == ["A", "B", "A", "B"]
    np.testing.assert_allclose(starving.figure.data[0].y, [96, 3.6, 0.4, 0])


def test_letters_of_many_kinds_keep_apart():
    figure = clad_clustering.sizes(np.arange(40) + 1, np.arange(40), 1).figure
    assert list(figure.layout.xaxis.ticktext)[:3] == ["A", "D", "G"]
    assert figure.data[0].text is None


def test_sharpening_counts_the_images_before_and_after():
    before, after = np.array([0.2, 0.3, 0.95, 0.5]), np.array([0.95, 0.99, 1.0, 0.5])
    picture = clad_clustering.sharpening(before, after)
    assert [sum(trace.y) for trace in picture.figure.data] == [4, 4]
    assert "Before clustering 25 %" in picture.sentence and "after it 75 %" in picture.sentence


def test_the_classifier_is_measured_on_held_out_images_too():
    progress = [
        {"epoch": epoch, "curves": {"cross-entropy": 1 / epoch, "accuracy": 0.9, "held-out accuracy": 0.8}}
        for epoch in (1, 2)
    ]
    picture = clad_clustering.classifier_curves(progress)
    assert "After 2 epochs 90 % of the training and 80 % of the held-out images" in picture.sentence
    assert [list(trace.y) for trace in picture.figure.data] == [
        [1, 0.5],
        pytest.approx([0.9] * 2),
        pytest.approx([0.8] * 2),
    ]
