import numpy as np
import pytest

from core import evaluation
from core.figures import Kinds
from core.figures.families import svdd_runs
from core.figures.families.svdd_runs import Entry


def progress(objectives, **curves):
    return [
        {"epoch": epoch, "curves": {"objective": value, **{name: each[epoch - 1] for name, each in curves.items()}}}
        for epoch, value in enumerate(objectives, start=1)
    ]


def test_the_jump_after_the_warm_up_is_named_as_bookkeeping(rng):
    novel = np.arange(20) % 2
    snapshots = {
        1: {"distances": rng.uniform(size=(20, 2)), "radii": np.zeros(2)},
        4: {"distances": rng.uniform(size=(20, 2)) + novel[:, None], "radii": np.array([0.5, 0.1])},
    }
    radii = {"radius 0": [2, 1.5, 1.2, 1], "radius 1": [1, 1, 1, 0.5], "share outside": [1, 1, 0.1, 0.1]}
    picture = svdd_runs.training(progress([9, 8, 2, 1.5], **radii), 2, snapshots, Kinds.of_test(novel))
    assert "The objective falls from 8 to 2 as the warm-up ends" in picture.sentence
    assert "bookkeeping, not learning" in picture.sentence
    scores = (snapshots[4]["distances"] ** 2 - snapshots[4]["radii"] ** 2).min(1)
    values = np.array(picture.table["value"])[np.array(picture.table["curve"]) == "auroc"]
    assert values[1] == pytest.approx(evaluation.auroc(scores, novel))
    assert {trace.name for trace in picture.figure.data if trace.showlegend} == {"ball A", "ball B"}
    assert {shape.x1 for shape in picture.figure.layout.shapes} == {2.5}


def test_the_one_class_objective_has_no_warm_up_to_shade():
    snapshots = {1: {"distances": np.ones((4, 1)), "radii": np.zeros(1)}}
    picture = svdd_runs.training(progress([3, 2, 1]), 0, snapshots, Kinds.of_test([0, 0, 1, 1]))
    assert not picture.figure.layout.shapes
    assert picture.sentence.startswith("AUROC goes from 0.500")
    assert picture.figure.layout.title.text == "Training"


def test_a_peak_before_the_end_is_told():
    novel = np.array([0, 0, 1, 1])
    good, bad = np.array([[0.0], [1], [2], [3]]), np.array([[3.0], [2], [1], [0]])
    snapshots = {at: {"distances": each, "radii": np.zeros(1)} for at, each in ((1, bad), (2, good), (3, bad))}
    assert (
        "highest, 1.000, after epoch 2"
        in svdd_runs.training(progress([3, 2, 1]), 0, snapshots, Kinds.of_test(novel)).sentence
    )


def entry(name, value, **more):
    return Entry(name, {"value": value, "low": value - 0.02, "high": value + 0.01}, **more)


def test_runs_and_control_lines_are_ordered_by_auroc_with_their_intervals():
    entries = [entry("several", 0.9, balls=3, shown=True), entry("one", 0.8, balls=1), entry("pixels", 0.95)]
    picture = svdd_runs.versus(entries, {"value": 0.1, "low": 0.05, "high": 0.15}, "one")
    assert picture.table["name"] == ["one", "several", "pixels"]
    assert picture.figure.layout.yaxis.ticktext[1] == "<b>several</b>"
    controls, runs = picture.figure.data
    assert list(controls.x) == [0.95]
    np.testing.assert_allclose(runs.error_x.array, 0.01)
    np.testing.assert_allclose(runs.error_x.arrayminus, 0.02)
    assert picture.sentence.startswith("With 3 balls: 0.900 (0.880 to 0.910). That is 0.100 more than one")
    assert "+0.050 to +0.150)" in picture.sentence


def test_a_difference_whose_interval_holds_zero_is_none():
    entries = [entry("several", 0.8, balls=3, shown=True), entry("one", 0.81, balls=1)]
    sentence = svdd_runs.versus(entries, {"value": -0.01, "low": -0.05, "high": 0.03}, "one").sentence
    assert "0.010 less than one" in sentence
    assert "these images can't tell them apart" in sentence


def test_without_a_rival_only_the_run_itself_is_told():
    assert (
        svdd_runs.versus([entry("one", 0.8, balls=1, shown=True)], None).sentence
        == "With 1 ball: 0.800 (0.780 to 0.810)."
    )


def test_a_run_without_snapshots_still_shows_its_curves():
    picture = svdd_runs.training(progress([9, 8, 2, 1.5]), 2, {}, np.zeros(0))
    assert "bookkeeping" in picture.sentence and "keeps no snapshots" in picture.sentence
    assert set(picture.table["curve"]) == {"objective"}
    assert not any("AUROC" in each.text for each in picture.figure.layout.annotations)


def test_the_auroc_of_a_snapshot_is_that_of_the_ball_that_decides():
    # Novel images lie on the far side of the other ball's centre: only the smallest of the two boundaries tells them.
    distances = np.array([[0.2, 3.0], [3.0, 0.2], [2.0, 2.0], [2.2, 2.0]])
    snapshots = {at: {"distances": distances, "radii": np.array([0.5, 0.5])} for at in (1, 2)}
    picture = svdd_runs.training(progress([3, 2]), 0, snapshots, Kinds.of_test([0, 0, 1, 1]))
    values = np.array(picture.table["value"])[np.array(picture.table["curve"]) == "auroc"]
    np.testing.assert_array_equal(values, 1.0)  # by the largest boundary it would be 0


def test_the_rival_has_another_number_of_balls_and_rather_another_method():
    shown = entry("shown", 0.9, balls=3, shown=True, method="multi")
    same, fewer, one = (
        entry(name, 0.8, balls=b, method=m) for name, b, m in (("s", 3, "multi"), ("f", 2, "multi"), ("o", 1, "deep"))
    )
    line = entry("pixels", 0.95)
    assert svdd_runs.rival([shown, same, line]) is None
    assert svdd_runs.rival([same, fewer, shown, line]) == 1
    assert svdd_runs.rival([fewer, one, shown]) == 1
    assert svdd_runs.rival([one, fewer, shown]) == 0


def test_questions_change_nu_and_where_there_are_clusters_their_number():
    assert svdd_runs.questions({"nu": 0.1}, 1) == {"What changes with nu 0.01 instead of 0.1?": {"nu": 0.01}}
    asked = svdd_runs.questions({"nu": 0.01, "clusters": 3}, 4)
    assert asked["What changes with nu 0.1 instead of 0.01?"] == {"nu": 0.1}
    more = {"labels": "finch", "partition": "clusters", "clusters": 5}
    assert asked["What changes with 5 clusters instead of 4?"] == more
