"""A sweep in MLflow: one parent, its runs as nested children."""

from pathlib import Path

import numpy as np
import pytest

from core.mlflow import mirror, parents
from core.runs import files, store
from core.sweeps import cells, grid, rows, sweep

pytest.importorskip("mlflow", reason="mlflow isn't installed: there is nothing to mirror into.")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database: made once, copied by each test."""
    path = tmp_path_factory.mktemp("made") / "mlflow.db"
    mirror.create_database(path)
    return path


@pytest.fixture
def one(database, tmp_path, monkeypatch) -> sweep.Sweep:
    """A sweep of three runs in a store of its own: one finished, one failed, one that was made by hand."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    mirror.database().parent.mkdir()
    mirror.database().write_bytes(database.read_bytes())
    asked = {"name": "trees", "dataset": "digits", "scenario": "unimodal", "target": [[3]], "seeds": [0, 1, 2]}
    found = grid.read(asked | {"method": "isolation-forest", "knobs": {"trees": 3}})
    made = sweep.keep(found, cells.expand(found))
    specs = [cell.spec for cell in made.cells]
    results = {"metrics": {"anomaly": {"auroc": {"value": 0.9}}}, "thresholds": {"anomaly": 0.5}}
    results |= {"timings": {"total": 1.0, "training": 1.0}, "finished": 2.0}
    done, failed, by_hand = (store.create(specs[n], **({"sweep": "trees"} if n < 2 else {})) for n in range(3))
    for run in (done, by_hand):
        files.write_json(run.folder / "run.json", run.about | results)
        scores = {"train/anomaly": np.zeros(2), "valid/anomaly": np.zeros(2)}
        files.write_arrays(run.folder / "scores.npz", scores)
        store.mark(run, store.FINISHED)
    store.mark(failed, store.FAILED, sentence="The memory is full.")
    sweep.mark(made, sweep.FAILED)
    return made


def send_all() -> dict:
    """What MLflow has once everything is sent, by the name of the MLflow run's tag."""
    connection = mirror.Mirror()
    for job in mirror._look()[0]:
        job.act(connection, job.subject)
    experiments = [each.experiment_id for each in connection.client.search_experiments()]
    found = connection.client.search_runs(experiments)
    return {each.data.tags.get("novelty.run", each.data.tags.get("novelty.sweep")): each for each in found}


def test_one_parent_with_the_runs_that_were_trained_for_it(one, monkeypatch):
    monkeypatch.setattr(mirror, "report_page", lambda run: "<html>")
    told = send_all()
    assert len(told) == 4
    parent = told["trees"]
    children = {name: each.data.tags.get("mlflow.parentRunId") for name, each in told.items() if name != "trees"}
    trained_for_it = {run.id for run in store.runs() if "sweep" in run.about}
    assert len(trained_for_it) == 2
    assert {name for name, above in children.items() if above == parent.info.run_id} == trained_for_it
    assert [above for name, above in children.items() if name not in trained_for_it] == [None]
    assert len({each.info.experiment_id for each in told.values()}) == 1  # else MLflow shows them apart
    assert parent.info.status == "FAILED" and parent.info.run_name == "trees"
    assert parent.data.params["knobs.trees"] == "3" and parent.data.params["seeds"] == "0, 1, 2"
    assert parent.data.metrics == {"runs": 3.0, "finished": 2.0, "failed": 1.0}
    assert mirror._look() == ([], False)


def test_a_sweep_that_goes_on_keeps_its_parent(one):
    before = send_all()["trees"].info.run_id
    sweep.mark(one, sweep.FINISHED)
    assert [each.name for each in mirror.unsent_sweeps()] == ["trees"]
    after = send_all()["trees"]
    assert (after.info.run_id, after.info.status) == (before, "FINISHED")


def test_a_deleted_sweep_is_forgotten(one):
    send_all()
    sweep.delete(one)
    assert parents.deleted() == [parents.record_file(one)]
    assert len(send_all()) == 4 and parents.deleted() == []


def test_a_sweep_over_several_scenarios_has_an_experiment_of_its_own(one):
    assert parents.experiment(one) == "Novelty Explorer: digits, unimodal"
    asked = grid.read(one.grid.to_json() | {"name": "both", "scenario": ["unimodal", "multimodal"], "target": 3})
    both = sweep.keep(asked, cells.expand(asked))
    assert parents.experiment(both) == "Novelty Explorer: sweep both"
    assert parents.parameters(both)["scenario"] == "unimodal, multimodal"


def test_a_run_whose_sweep_is_gone_has_no_parent(one):
    run = next(run for run in store.runs() if "sweep" in run.about)
    assert parents.of_run(run) == one
    sweep.delete(one)
    assert parents.of_run(run) is None and rows.runs_of([run.spec])
