import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core import evaluation
from core.figures.pages import compare
from core.figures.pages.compare_lines import Entrant, Line

NOVEL = np.repeat([0, 1], [60, 40]).astype(np.uint8)
CLASSES = np.array([*"0" * 30, *"1" * 30, *"5" * 25, *"7" * 15])


def entrant(rng: np.random.Generator, name: str, shift: float = 1.0, seconds: float | None = 10.0) -> Entrant:
    values, normal = rng.normal(size=100) + shift * NOVEL, rng.normal(size=80)
    threshold = evaluation.default_threshold(normal)
    metrics = evaluation.metrics(values, NOVEL, threshold, draws=50)
    return Entrant(name, "NAP", values, normal, threshold, metrics, {}, seconds=seconds)


@pytest.fixture
def pair(rng) -> tuple[Entrant, Entrant]:
    return entrant(rng, "A"), entrant(rng, "B", 2.0)


def calling(one: Entrant, called: np.ndarray) -> Entrant:
    """The entrant with scores that call exactly these images novel."""
    return dataclasses.replace(one, values=np.where(called, one.threshold + 1, one.threshold - 1))


def test_ridges_count_every_image_and_share_one_threshold(pair):
    picture = compare.ridges([Line("A", pair[:1]), Line("both seeds", pair)], NOVEL)
    method = np.array(picture.table["method"])
    for name, members in (("A", 1), ("both seeds", 2)):
        assert np.sum(np.array(picture.table["normal"])[method == name]) == 60 * members
        assert np.sum(np.array(picture.table["novel"])[method == name]) == 40 * members
    assert [shape.x0 for shape in picture.figure.layout.shapes] == [1]
    shown = [trace.name for trace in picture.figure.data if trace.showlegend]
    assert shown == ["normal (60)", "novel (40)"]


def test_quadrants_part_the_test_set(pair):
    masks = compare.quadrants(*pair)
    assert np.sum([mask.astype(int) for mask in masks.values()], axis=0).tolist() == [1] * 100
    np.testing.assert_array_equal(masks["only a"], pair[0].called & ~pair[1].called)


def test_disagreement_says_who_alone_catches_how_many_and_of_which_class(pair):
    alone = np.zeros(100, bool)
    alone[[60, 61, 62, 90]] = True  # three of class 5, one of class 7
    a, b = calling(pair[0], alone), calling(pair[1], np.arange(100) == 99)
    picture = compare.disagreement(a, b, NOVEL, CLASSES)
    assert picture.sentence == "Only A catches 4 of 40 novel images; most are class 5. Only B catches 1."
    other_way = compare.disagreement(b, a, NOVEL, CLASSES)
    assert other_way.sentence == picture.sentence
    one_class = compare.disagreement(a, b, NOVEL, np.where(NOVEL, "3", "0"))
    assert one_class.sentence == "Only A catches 4 of 40 novel images. Only B catches 1."


def test_disagreement_draws_each_image_on_the_side_that_its_verdict_says(pair):
    picture = compare.disagreement(*pair, NOVEL, CLASSES, picked=70)
    normal, novel, ring = picture.figure.data
    assert sorted([*normal.customdata, *novel.customdata]) == list(range(100))
    across, up = picture.figure.layout.shapes
    for trace in (normal, novel):
        of = np.asarray(trace.customdata)
        np.testing.assert_array_equal(np.asarray(trace.x) > across.x0, pair[0].called[of])
        np.testing.assert_array_equal(np.asarray(trace.y) > up.y0, pair[1].called[of])
    place = list(novel.customdata).index(70)
    assert (ring.x[0], ring.y[0]) == pytest.approx((novel.x[place], novel.y[place]), abs=1e-6)


def test_disagreement_counts_its_quadrants(pair):
    masks = compare.quadrants(*pair)
    texts = [note.text for note in compare.disagreement(*pair, NOVEL, CLASSES).figure.layout.annotations]
    for title, name in (("only A", "only a"), ("only B", "only b"), ("both say novel", "both")):
        text = next(text for text in texts if title in text)
        assert f"{int(NOVEL[masks[name]].sum())} novel, {int((NOVEL[masks[name]] == 0).sum())} normal" in text


def test_by_class_is_the_auroc_of_each_class_against_the_other_kind(pair):
    picture = compare.by_class(pair, NOVEL, CLASSES)
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
    picture = compare.by_class(pair, NOVEL, CLASSES, "called")
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
    assert heat.text[1][0] == "−0.020<br>−0.050 to +0.010"
    assert heat.text[2][0] == "<b>+0.300</b><br>+0.200 to +0.400"
    assert heat.zmin == -heat.zmax
    assert picture.sentence.startswith("2 of 3 pairs differ beyond chance")
    assert picture.sentence.endswith("C is 0.320 above B.")
