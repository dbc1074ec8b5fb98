import numpy as np
import pytest

from core.figures import CONTROL, SERIES
from core.figures.families import baselines_runs
from core.figures.families.baselines_runs import Entry


def entry(name: str, group: str, value: float, shown: bool = False) -> Entry:
    return Entry(name, group, {"value": value, "low": value - 0.02, "high": value + 0.01}, shown)


@pytest.fixture
def entries() -> list[Entry]:
    return [
        entry("forest", "without", 0.6, shown=True),
        entry("neighbours", "without", 0.95),
        entry("RaPP", "with", 0.93),
        entry("OC-NN", "with", 0.3),
        entry("PCA", "control", 0.4),
    ]


def test_entries_are_ordered_and_told_apart_by_colour_and_symbol(entries):
    picture = baselines_runs.side_by_side(entries)
    assert picture.table["name"] == ["OC-NN", "PCA", "forest", "RaPP", "neighbours"]
    without, deep, control = picture.figure.data
    assert (without.name, deep.name, control.name) == ("no network (2)", "a network (2)", "control lines (1)")
    assert [trace.marker.color for trace in picture.figure.data] == [SERIES[0], SERIES[1], CONTROL]
    assert len({trace.marker.symbol for trace in picture.figure.data}) == 3
    np.testing.assert_allclose(without.x, [0.6, 0.95])
    np.testing.assert_allclose(without.error_x.array, 0.01)
    np.testing.assert_allclose(without.error_x.arrayminus, 0.02)
    assert picture.figure.layout.yaxis.ticktext[2] == "<b>forest</b>"
    assert picture.figure.layout.xaxis.range[0] < 0.28  # nothing is cut off


def test_the_answer_is_told_with_the_paired_difference(entries):
    sentence = baselines_runs.side_by_side(entries, {"value": -0.02, "low": -0.05, "high": 0.01}).sentence
    assert sentence.startswith(
        "Without a network, neighbours reaches 0.950 (0.930 to 0.960). The best of 2 with one, RaPP, "
    )
    assert (
        "0.020 less on the same images (95 % interval -0.050 to +0.010; these images can't tell them apart)" in sentence
    )
    told = baselines_runs.side_by_side(entries, {"value": 0.03, "low": 0.01, "high": 0.05}).sentence
    assert "0.030 more" in told and "apart" not in told


def test_inverted_runs_are_named_and_control_lines_are_not(entries):
    assert baselines_runs.side_by_side(entries).sentence.endswith("look the more normal ones: OC-NN.")


def test_a_task_without_a_network_and_one_without_anything_else(entries):
    alone = baselines_runs.side_by_side(entries[:2]).sentence
    assert alone.endswith("No run with a network has been trained on this task yet.")
    deep = baselines_runs.side_by_side(entries[2:3]).sentence
    assert deep == "RaPP reaches 0.930 (0.910 to 0.940) with one."


def test_long_names_take_two_lines(entries):
    many = 3 * entries
    longer = [*many, entry("one " * 12, "without", 0.8)]
    few, one, two = (baselines_runs.side_by_side(each).figure for each in (entries, many, longer))
    assert few.layout.height == baselines_runs.LOWEST < one.layout.height == two.layout.height - 36
    assert np.diff(two.layout.yaxis.tickvals).max() == 1.5


def test_the_best_of_a_group(entries):
    assert baselines_runs.best(entries, "without") == 1
    assert baselines_runs.best(entries, "with") == 2
    assert baselines_runs.best(entries[:2], "with") is None


def test_a_control_line_that_a_run_without_a_network_is_is_left_out(entries):
    lines = [entry("five nearest", "control", 0.95), entry("PCA", "control", 0.93)]
    assert [each.name for each in baselines_runs.beyond_runs(lines, entries)] == ["PCA"]
    assert baselines_runs.beyond_runs(lines, []) == lines
