"""What a row says of a run, and what validation alone says."""

import json

import numpy as np
import pytest

from core.errors import DamagedRun
from core.runs import files, store
from core.runs.spec import request
from core.sweeps import cells, rows, sweep
from core.sweeps.rows import Row, Validation
from tests.core.sweeps.small import kept, small


def finished(spec, train=(1.0, 2.0, 3.0, 4.0), valid=(1.0, 5.0), **more):
    """A run as its process leaves it, without having trained."""
    run = store.create(spec)
    metrics = {"anomaly": {"auroc": {"value": 0.9, "low": 0.8, "high": 0.95}, "by_source": {"odd": {}}}}
    metrics["anomaly"]["by_source"]["odd"] = {"auroc": {"value": 0.7, "low": 0.6, "high": 0.8}}
    rule = {"rule": "quantile", "share": 0.75}
    about = {"metrics": metrics, "timings": {"total": 3.0, "training": 2.0}, "rule": rule, "alarms": {}}
    files.write_json(run.folder / "run.json", run.about | about | more)
    scores = {"valid/anomaly": np.array(valid)} | ({"train/anomaly": np.array(train)} if train else {})
    files.write_arrays(run.folder / "scores.npz", scores)
    store.mark(run, store.FINISHED)
    return run


@pytest.fixture
def specs(empty):
    return [cell.spec for cell in cells.expand(small())]


def test_a_row_for_each_cell_by_the_runs_of_the_store(empty, specs):
    one = kept(small(scenario=["unimodal", "several-normal"], target=[[0, 1], 3], seeds=[0, 1]))
    run = finished(specs[0])
    states = {(row.settings["scenario"], row.settings["target"], row.seed): row for row in rows.rows(one)}
    assert len(states) == 8
    done = states["unimodal", "3", 0]
    assert (done.state, done.run, done.headline, done.seconds) == ("finished", run.id, "anomaly", 3.0)
    assert done.value() == 0.9 and done.value(source="odd") == 0.7
    assert done.value("f1") is None and done.value(score="nap") is None
    assert states["unimodal", "3", 1].state == rows.WAITING and states["unimodal", "3", 1].value() is None
    refused = states["unimodal", "0,1", 0]
    assert refused.state == rows.REFUSED and "exactly one class" in refused.sentence and refused.spec is None


def test_the_run_that_says_most_stands_for_a_request(specs):
    failed, done, again = store.create(specs[0]), finished(specs[0]), store.create(specs[0])
    store.mark(failed, store.FAILED, sentence="No.")
    store.mark(again, store.CANCELLED)
    assert rows.runs_of(specs) == {specs[0].hash: done}
    store.delete(done)
    assert rows.runs_of(specs[:1])[specs[0].hash] == again


def test_a_live_run_tells_how_far_it_is(specs):
    run = store.create(specs[0])
    live = {"stage": "fit", "epoch": 1, "epochs": 4, "share": 0.25, "rate": 9.0, "eta": None}
    files.write_json(run.folder / "live.json", live)
    row = rows.of_run({"seed": 0}, run)
    assert (row.state, row.share, row.finished) == (store.QUEUED, 0.25, False)


@pytest.mark.parametrize(
    ("stage", "share", "expected"),
    [("autoencoder", 0.5, 11 / 81), ("cluster", 0.0, 22 / 81), ("cluster", 0.5, 42 / 81), ("evaluate", 0.1, 1.0)],
)
def test_the_share_of_a_run_never_falls_when_a_stage_begins(empty, stage, share, expected):
    changes = {"pretrain_epochs": 20, "cluster_epochs": 40, "epochs": 18}  # and three stages of one
    run = store.create(request("digits", "latent-super-category", "CUR", "clad", changes=changes))
    assert rows.trained_share(run) is None
    live = {"stage": stage, "epoch": 1, "epochs": 1, "share": share, "rate": 9.0, "eta": None}
    files.write_json(run.folder / "live.json", live)
    assert rows.trained_share(run) == pytest.approx(expected)


def test_a_damaged_run_counts_as_failed(specs):
    run = finished(specs[0])
    (run.folder / "scores.npz").write_bytes(b"torn")
    row = rows.of_run({"seed": 0}, run)
    assert row.state == store.FAILED and "scores.npz" in row.sentence


def test_rows_survive_json(empty, specs):
    one = kept(small(target=[3, 4]))
    finished(specs[0])
    for row in rows.rows(one):
        assert Row.from_json(json.loads(json.dumps(row.to_json()))) == row
    with pytest.raises(DamagedRun, match=r"rows\.json"):
        Row.from_json({"spec": None})


def test_shipped_rows_stand_in_for_runs_that_do_not_ship(empty, specs, tmp_path):
    one = kept(small())
    run = finished(specs[0])
    rows.keep_rows(one)
    shipped = tmp_path / "shipped" / ".sweeps"
    shipped.mkdir(parents=True)
    one.folder.rename(shipped / "small")
    store.delete(run)
    first, second = rows.rows(sweep.find("small"))
    assert (first.state, first.value(), first.run) == ("finished", 0.9, "")
    assert second.state == rows.WAITING


# --- what validation alone says ---------------------------------------------------------------------------------------


def test_held_out_images_are_accepted_at_a_line_that_training_images_draw(specs):
    """Of 1, 2, 3, 4 the quantile 0.75 of method `higher` is 4, which accepts 1 of the held-out 1, 5."""
    assert rows.validation(finished(specs[0])) == Validation(None, 0.5, 0.75)
    assert rows.validation(finished(specs[1], valid=(4.0, 0.0))).accepted == 1.0
    assert rows.accepted_share(finished(specs[1], train=())) == (None, None)


@pytest.mark.parametrize(("weights", "expected"), [("best", 2.0), ("last", 3.0)])
def test_the_loss_is_that_of_the_weights_that_were_kept(empty, weights, expected):
    (cell,) = cells.expand(small(method="rapp-ae", seeds=0, knobs={"weights": weights}))
    run = store.create(cell.spec)
    told = {"stage": "train", "number": 0, "seconds": 1.0, "rate": 9.0}
    lines = [told | {"epoch": e + 1, "curves": {"validation": v}} for e, v in enumerate((5.0, 2.0, 3.0))]
    (run.folder / "progress.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert rows.held_out_loss(run) == expected


def test_a_method_without_a_held_out_loss_has_none(specs):
    assert rows.held_out_loss(store.create(specs[0])) is None


def test_why_a_run_could_not_begin_is_kept(empty):
    one = kept(small())
    rows.note_failures(one, {one.cells[0].spec.hash: "The disk is full."})
    first, second = rows.rows(one)
    assert (first.state, first.sentence, second.state) == ("failed", "The disk is full.", rows.WAITING)
