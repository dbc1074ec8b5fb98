import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.figures import Kinds
from core.figures.pages import compare
from core.figures.pages.compare_lines import Line
from tests.core.figures.pages.entrants import CLASSES, KINDS, NOVEL, entrant


def test_ridges_count_every_image_and_share_one_threshold(pair):
    picture = compare.ridges([Line("A", pair[:1]), Line("both seeds", pair)], KINDS)
    method = np.array(picture.table["method"])
    for name, members in (("A", 1), ("both seeds", 2)):
        assert np.sum(np.array(picture.table["normal"])[method == name]) == 60 * members
        assert np.sum(np.array(picture.table["novel"])[method == name]) == 40 * members
    assert [shape.x0 for shape in picture.figure.layout.shapes] == [1]
    shown = [trace.name for trace in picture.figure.data if trace.showlegend]
    assert shown == ["normal (60)", "novel (40)"]


def test_by_class_is_the_auroc_of_each_class_against_the_other_kind(pair):
    picture = compare.by_class(pair, KINDS, CLASSES)
    for row, each in enumerate(pair):
        for name in "57":
            of = np.isin(CLASSES, ["0", "1", name])
            found = picture.table[f"novel {name}"][row]
            assert found == pytest.approx(roc_auc_score(NOVEL[of], each.values[of]))
        for name in "01":
            of = np.isin(CLASSES, ["5", "7", name])
            found = picture.table[f"normal {name}"][row]
            assert found == pytest.approx(roc_auc_score(NOVEL[of], each.values[of]))


def test_by_class_is_the_share_called_novel(pair):
    picture = compare.by_class(pair, KINDS, CLASSES, "called")
    assert picture.table["novel 7"][1] == pytest.approx(pair[1].called[CLASSES == "7"].mean())
    assert picture.table["normal 0"][0] == pytest.approx(pair[0].called[CLASSES == "0"].mean())
    shares = {
        (name, kind): picture.table[kind][row] for row, name in enumerate("AB") for kind in ("novel 5", "novel 7")
    }
    name, kind = min(shares, key=shares.__getitem__)
    assert f"Hardest to see: {kind} for {name}" in picture.sentence


def test_cost_sets_auroc_against_time_and_names_what_the_control_does_without(rng):
    lines = [Line("quick", (entrant(rng, "quick", 0.2, 3.0),)), Line("slow", (entrant(rng, "slow", 3.0, 90.0),))]
    control = Line("nearest", (entrant(rng, "nearest", 1.0, None),))
    picture = compare.cost(lines, control)
    assert picture.table["seconds"] == [3.0, 90.0]
    assert "took 1 min 30 s" in picture.sentence
    assert "nearest needs none and lies" in picture.sentence and picture.sentence.endswith("below it.")
    assert [trace.y[0] for trace in picture.figure.data] == picture.table["auroc"]


def test_differences_are_antisymmetric_and_bold_where_the_interval_leaves_out_0():
    estimates = {
        (0, 1): {"value": 0.02, "low": -0.01, "high": 0.05},
        (0, 2): {"value": -0.30, "low": -0.40, "high": -0.20},
        (1, 2): {"value": -0.32, "low": -0.41, "high": -0.25},
    }
    picture = compare.differences(["A", "B", "C"], estimates)
    heat = picture.figure.data[0]
    np.testing.assert_allclose(heat.z[2][0], 0.30, rtol=1e-6)
    assert ">−0.020<br>−0.050 to +0.010<" in heat.text[1][0]
    assert "<b>+0.300</b><br>+0.200 to +0.400" in heat.text[2][0]
    assert heat.zmin == -heat.zmax
    assert picture.sentence.startswith("2 of 3 pairs differ beyond chance")
    assert picture.sentence.endswith("C is 0.320 above B.")


SOURCE = np.array([*["normal"] * 60, *["novel"] * 25, *["noise"] * 15])


def test_ridges_have_a_shape_for_each_kind_and_columns_that_add_up(pair):
    picture = compare.ridges([Line("A", pair[:1])], Kinds.of_test(NOVEL, SOURCE))
    assert [trace.name for trace in picture.figure.data] == ["normal (60)", "novelty (25)", "noise (15)"]
    bottom, top = picture.figure.data[1], picture.figure.data[2]
    np.testing.assert_allclose(top.y[62:], bottom.y[1:61][::-1])  # back along the shape that it stands on
    assert max(top.y) == pytest.approx(0.85)
    parts = np.array(picture.table["novelty"]) + np.array(picture.table["noise"])
    np.testing.assert_array_equal(parts, picture.table["novel"])


def test_by_class_goes_kind_by_kind_and_names_noise_once(pair):
    classes = np.where(SOURCE == "noise", "noise", CLASSES)
    names = list(compare.by_class(pair, Kinds.of_test(NOVEL, SOURCE), classes).table)
    assert names == ["method", "novelty 5", "noise", "normal 0", "normal 1"]
