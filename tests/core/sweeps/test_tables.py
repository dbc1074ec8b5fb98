"""Tables of rows against sums by hand."""

import csv
import io

import numpy as np
import pytest

from core.errors import WrongRequest
from core.evaluation import METRICS
from core.runs.spec import request
from core.sweeps import tables
from core.sweeps.rows import Row, Validation

AUROC = {(2, 0.0): [0.8, 0.9], (2, 0.5): [0.7, 0.7], (8, 0.0): [0.95, 0.85], (8, 0.5): [0.6, None]}


def row(latent, dropout, seed, value, loss=None, **more) -> Row:
    spec = request("digits", "unimodal", "3", "gaussian")
    settings = {"method": "gaussian", "knobs.latent": latent, "knobs.dropout": dropout, "seed": seed}
    metrics = {"distance": {"auroc": {"value": value, "low": 0.1, "high": 0.9}}}
    known = {"headline": "distance", "metrics": metrics, "seconds": 2.0, "validation": Validation(loss, 0.9, 0.95)}
    return Row(settings, spec, "finished", **(known | more))


@pytest.fixture
def rows() -> list[Row]:
    return [row(*key, seed, value) for key, values in AUROC.items() for seed, value in enumerate(values)]


def test_axes_are_what_differs(rows):
    assert tables.axes(rows) == {"knobs.latent": [2, 8], "knobs.dropout": [0.0, 0.5], "seed": [0, 1]}


def test_mean_and_spread_are_over_seeds(rows):
    groups = {tuple(each.settings.values())[1:]: each for each in tables.over_seeds(rows, tables.metric())}
    assert list(groups) == list(AUROC)
    first = groups[2, 0.0]
    assert first.values == (0.8, 0.9) and first.mean == pytest.approx(0.85)
    assert first.spread == pytest.approx(np.std([0.8, 0.9], ddof=1))
    lone = groups[8, 0.5]
    assert lone.mean == 0.6 and lone.spread is None and len(lone.rows) == 2


def test_a_run_that_has_not_finished_counts_for_nothing(rows):
    waiting = [Row(row.settings | {"seed": 2}, row.spec, "waiting") for row in rows[:2]]
    assert tables.over_seeds([*rows[:2], *waiting], tables.metric())[0].mean == pytest.approx(0.85)
    assert tables.over_seeds(waiting, tables.metric())[0].mean is None


def test_a_heat_map_over_two_axes(rows):
    found = tables.heat_map(rows, "knobs.latent", "knobs.dropout", tables.metric())
    assert (found.x, found.y, found.others) == ([2, 8], [0.0, 0.5], {})
    np.testing.assert_allclose(found.mean, [[0.85, 0.9], [0.7, 0.6]])
    np.testing.assert_allclose(found.spread, [[np.std([0.8, 0.9], ddof=1)] * 2, [0.0, np.nan]])
    np.testing.assert_array_equal(found.count, [[2, 2], [2, 1]])


def test_a_heat_map_says_what_it_averages_over(rows):
    found = tables.heat_map(rows, "knobs.latent", "method", tables.metric())
    assert found.others == {"knobs.dropout": [0.0, 0.5]}
    np.testing.assert_allclose(found.mean, [[(0.85 + 0.7) / 2, (0.9 + 0.6) / 2]])
    # (0.05^2 + 0.05^2 + 0 + 0) over 2 degrees of freedom: what dropout changes is no spread over seeds
    assert found.spread[0, 0] == pytest.approx(np.sqrt(0.005 / 2))
    by_seed = tables.heat_map(rows, "seed", "knobs.latent", tables.metric())
    np.testing.assert_allclose(by_seed.mean, [[0.75, 0.8], [(0.95 + 0.6) / 2, 0.85]])


def test_axes_that_are_none_are_said(rows):
    with pytest.raises(WrongRequest, match="no axis 'depth'"):
        tables.heat_map(rows, "depth", "seed", tables.metric())
    with pytest.raises(WrongRequest, match="can't be both"):
        tables.heat_map(rows, "seed", "seed", tables.metric())


def test_validation_chooses_by_the_loss_and_never_sees_a_test_image():
    rows = [row(2, 0.0, 0, 0.99, 5.0), row(8, 0.0, 0, 0.5, 3.0), row(8, 0.0, 1, 0.5, 4.0), row(4, 0.0, 0, 0.7, 3.5)]
    found = tables.ranking(rows)
    assert [each.settings["knobs.latent"] for each in found.groups] == [8, 4, 2]
    assert found.criterion == "loss" and found.values == [3.5, 3.5, 5.0] and "held-out" in found.sentence
    assert [each.settings["knobs.latent"] for each in found.best] == [8, 4]
    assert [each.settings["knobs.latent"] for each in found.worst] == [2]
    flipped = [Row(**{**vars(each), "metrics": {}}) for each in rows]
    assert tables.ranking(flipped).values == found.values


def test_without_a_loss_validation_chooses_what_is_not_learned_by_heart():
    shares = {2: 0.5, 4: 0.94, 8: 0.97}
    rows = [row(latent, 0.0, 0, 0.9, validation=Validation(None, share, 0.95)) for latent, share in shares.items()]
    found = tables.ranking(rows)
    assert found.criterion == "accepted"
    assert [each.settings["knobs.latent"] for each in found.groups] == [8, 4, 2]
    assert found.values == pytest.approx([0.0, 0.01, 0.45])
    collapsed = row(16, 0.0, 0, 0.5, validation=Validation(None, 1.0, 0.95), alarm="All scores are equal.")
    assert len(tables.ranking([*rows, collapsed]).groups) == 3


def test_where_validation_cannot_choose_it_says_so():
    none = row(2, 0.0, 0, 0.9, validation=Validation())
    assert tables.ranking([none]).groups == [] and "nothing" in tables.ranking([none]).sentence
    spec = request("digits", "unimodal", "4", "gaussian")
    two_tasks = tables.ranking([row(2, 0.0, 0, 0.9, 1.0), Row(**{**vars(row(2, 0.0, 0, 0.9, 1.0)), "spec": spec})])
    assert two_tasks.groups == [] and "methods or tasks" in two_tasks.sentence
    assert "No run has finished" in tables.ranking([]).sentence
    with pytest.raises(WrongRequest, match="no rule 'luck'"):
        tables.ranking([], "luck")


def test_the_answers_are_looked_at_only_when_asked(rows):
    found = tables.ranking(rows, "answers")
    assert [(each.settings["knobs.latent"], each.settings["knobs.dropout"]) for each in found.groups] == [
        (8, 0.0),
        (2, 0.0),
        (2, 0.5),
        (8, 0.5),
    ]
    assert "look at the answers" in found.sentence


def test_csv_has_a_line_for_each_run(rows):
    refused = Row({"method": "clad", "seed": 0}, None, "refused", sentence="It wants more classes.")
    lines = list(csv.DictReader(io.StringIO(tables.to_csv([*rows, refused]))))
    assert len(lines) == 9
    assert lines[0]["knobs.latent"] == "2" and lines[0]["distance.auroc"] == "0.8"
    assert lines[0]["distance.auroc.low"] == "0.1" and lines[0]["validation.accepted"] == "0.9"
    assert set(METRICS) <= {name.removeprefix("distance.") for name in lines[0]}
    assert (lines[-1]["state"], lines[-1]["sentence"]) == ("refused", "It wants more classes.")
    assert lines[-1]["knobs.latent"] == lines[-1]["distance.auroc"] == ""


def test_a_reading_is_a_metric_or_what_else_a_run_says():
    one = row(2, 0.0, 0, 0.8, loss=3.0)
    told = [tables.reading(name)(one) for name in ("auroc", "loss", "accepted", "seconds")]
    assert told == [0.8, 3.0, 0.9, 2.0]
    assert {"loss", "seconds", "fpr95_normal"} <= tables.LOWER and not {"auroc", "accepted"} & tables.LOWER
    assert tables.measured([one, row(2, 0.0, 1, None)], tables.reading("auroc")) == [one]
    assert tables.measured([Row(one.settings, one.spec, "running")], tables.reading("auroc")) == []


def test_rows_are_filtered_by_axis(rows):
    kept = tables.only(rows, {"knobs.latent": [8], "knobs.dropout": [], "seed": [1]})
    assert [each.value() for each in kept] == [0.85, None]
    assert tables.only(rows, {}) == rows


def test_sources_of_novel_images_are_named_once():
    parts = {"distance": {"auroc": {"value": 0.9}, "by_source": {"noise": {"auroc": {"value": 0.7}}}}}
    of_two = [row(2, 0.0, seed, 0.9, metrics=parts) for seed in (0, 1)]
    assert tables.sources(of_two) == ["noise"] and tables.sources([row(2, 0.0, 0, 0.8)]) == []
    assert tables.reading("auroc", source="noise")(of_two[0]) == 0.7


def test_a_first_look_takes_what_differs_before_seeds(rows):
    assert tables.opening_axes(rows) == ("knobs.latent", "knobs.dropout")
    assert tables.opening_axes(rows[:2]) == ("seed", "method")
    assert tables.opening_axes([each for each in rows if each.settings["knobs.dropout"] == 0]) == (
        "knobs.latent",
        "seed",
    )
