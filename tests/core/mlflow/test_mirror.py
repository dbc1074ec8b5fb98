"""The MLflow mirror on a real database: everything arrives, nothing twice, and nothing is lost."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from core.mlflow import mirror
from core.runs import files, locks, store
from core.runs.process import jobs, worker
from core.runs.spec import request
from core.runs.store import Run

pytest.importorskip("mlflow", reason="mlflow isn't installed: there is nothing to mirror into.")

EPOCHS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one small trained run and an empty MLflow database: made once, copied by each test."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOVELTY_CHECKPOINTS", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        run = worker.execute(store.create(request("digits", "multimodal", "3", "rapp-ae", changes={"epochs": EPOCHS})))
        assert run.state == store.FINISHED, run.log()
        mirror.Mirror()
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The trained run in a store of this test's own."""
    folder = tmp_path / "store"
    shutil.copytree(made, folder)
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(folder))
    monkeypatch.setenv("NOVELTY_MIRROR", "on")
    monkeypatch.setattr(mirror.machine, "step_back", lambda steps: None)  # the tests keep their priority
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return mirror.own()[0]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror without patience."""
    for name, seconds in {"PAUSE": 0.02, "LINGER": 0.1, "SLOWEST": 0.05}.items():
        monkeypatch.setattr(mirror, name, seconds)


def logged():
    """All MLflow runs, newest first."""
    client = mirror.Mirror().client
    experiments = [each.experiment_id for each in client.search_experiments()]
    return list(client.search_runs(experiments, order_by=["attributes.start_time DESC"]))


def history(metric: str) -> list[tuple[int, float]]:
    """(step, value) of one metric of the only MLflow run."""
    (only,) = logged()
    return [(each.step, each.value) for each in mirror.Mirror().client.get_metric_history(only.info.run_id, metric)]


def lines(run: Run) -> list[dict]:
    return [json.loads(line) for line in (run.folder / "progress.jsonl").read_text().splitlines()]


def rewrite(run: Run, **changes) -> None:
    """Change run.json, and let its time of change say so."""
    files.write_json(run.folder / "run.json", run.about | changes)


# --- what arrives -----------------------------------------------------------------------------------------------------


def test_parameters_are_everything_that_decides_the_result(run):
    mirror.Mirror().send(run)
    (only,) = logged()
    params = only.data.params
    assert {name: params[f"knobs.{name}"] for name in run.spec.knobs} == {k: str(v) for k, v in run.spec.knobs.items()}
    names = ("dataset", "scenario", "target", "method", "split_seed", "seed", "device", "options.novelty_share")
    assert [params[name] for name in names] == ["digits", "multimodal", "3", "rapp-ae", "0", "0", "auto", "0.0"]
    environment = run.about["environment"]
    assert params["environment.threads"] == str(environment["threads"])
    assert params["environment.versions.torch"] == environment["versions"]["torch"]


def test_epoch_curves_are_those_of_the_progress(run):
    mirror.Mirror().send(run)
    train = [line for line in lines(run) if line["stage"] == "train"]
    assert len(train) == EPOCHS
    for curve in train[0]["curves"]:
        assert history(f"train/{curve}") == [(line["epoch"], line["curves"][curve]) for line in train]
    assert history("train/images per second") == [(line["epoch"], line["rate"]) for line in train]


def test_final_metrics_carry_intervals_and_controls(run):
    mirror.Mirror().send(run)
    (only,) = logged()
    metrics = only.data.metrics
    for name, expected in run.metrics("nap").items():
        assert metrics[f"nap.{name}"] == expected["value"]
        assert (metrics[f"nap.{name}.low"], metrics[f"nap.{name}.high"]) == (expected["low"], expected["high"])
    assert metrics["nap.threshold"] == run.threshold("nap")
    assert metrics["control.untrained.auroc"] == run.controls["untrained"]["auroc"]["value"]
    assert metrics["seconds.training"] == run.about["timings"]["training"]


def test_name_status_times_and_tags(run):
    store.rename(run, "The first one")
    mirror.Mirror().send(run)
    (only,) = logged()
    assert (only.info.run_name, only.info.status) == ("The first one", "FINISHED")
    assert only.info.start_time == int(1000 * run.about["created"])
    assert only.info.end_time == int(1000 * run.mark["since"])
    expected = {"run": run.id, "task": run.spec.task.hash, "state": "finished", "headline": "nap"}
    assert expected.items() <= {name.removeprefix("novelty."): text for name, text in only.data.tags.items()}.items()
    experiment = mirror.Mirror().client.get_experiment(only.info.experiment_id)
    assert experiment.name == "Novelty Explorer: digits, multimodal"


def test_report_is_an_artifact_in_the_store(run):
    mirror.Mirror().send(run)
    (only,) = logged()
    html = (mirror.database().parent / "artifacts" / only.info.run_id / "artifacts" / "report.html").read_text()
    assert run.id in html
    assert f"{run.metrics()['auroc']['value']:.3f}" in html
    assert "The same network, untrained" in html
    assert {path.name for path in store.root().iterdir() if not path.name.startswith(".")} == {run.id}


def test_runs_of_a_sweep_have_no_report(run):
    rewrite(run, sweep="grid.toml")
    mirror.Mirror().send(run)
    (only,) = logged()
    assert mirror.Mirror().client.list_artifacts(only.info.run_id) == []
    assert "nap.auroc" in only.data.metrics


def test_a_run_whose_report_cannot_be_drawn_is_mirrored_without(run, capsys):
    (run.folder / "scores.npz").write_bytes(b"torn")
    mirror.Mirror().send(run)
    assert "has no report" in capsys.readouterr().out
    assert logged()[0].data.metrics["nap.auroc"] == run.metrics("nap")["auroc"]["value"]
    assert mirror.unsent() == []


# --- nothing twice ----------------------------------------------------------------------------------------------------


def test_a_second_pass_sends_nothing_twice(run):
    mirror.Mirror().send(run)
    assert mirror.unsent() == []
    before = history("train/reconstruction"), history("nap.auroc")
    store.rename(run, "Renamed")
    assert mirror.unsent() == [run]
    mirror.Mirror().send(run)
    assert (history("train/reconstruction"), history("nap.auroc")) == before
    assert logged()[0].info.run_name == "Renamed"


def test_a_mirror_killed_before_its_note_repeats_without_harm(run):
    mirror.Mirror().send(run)
    before = history("train/reconstruction"), history("nap.auroc")
    (store.root() / ".mirror" / f"{run.id}.json").unlink()
    mirror.Mirror().send(run)
    assert (history("train/reconstruction"), history("nap.auroc")) == before


def test_a_line_that_is_still_being_written_waits(run):
    path = run.folder / "progress.jsonl"
    whole = path.read_bytes()
    second = whole.index(b"\n") + 20
    path.write_bytes(whole[:second])
    mirror.Mirror().send(run)
    assert [step for step, _ in history("train/reconstruction")] == [1]
    path.write_bytes(whole)
    assert mirror.unsent() == [run]
    mirror.Mirror().send(run)
    assert [step for step, _ in history("train/reconstruction")] == [1, 2, 3]


def test_epochs_that_a_resume_repeats_are_sent_once(run):
    path = run.folder / "progress.jsonl"
    whole = path.read_bytes()
    mirror.Mirror().send(run)
    again = [line | {"time": line["time"] + 60} for line in lines(run)[1:]]
    path.write_bytes(whole + b'{"stage": "tor\n' + b"".join(json.dumps(line).encode() + b"\n" for line in again))
    mirror.Mirror().send(run)
    assert [step for step, _ in history("train/reconstruction")] == [1, 2, 3]
    assert mirror.unsent() == []


def test_a_name_trained_again_after_a_deletion_is_another_run(run, made):
    mirror.Mirror().send(run)
    store.delete(run)
    shutil.copytree(made / run.id, run.folder)
    rewrite(run, created=run.about["created"] + 100)
    mirror.Mirror().send(run)
    assert [each.info.start_time for each in logged()] == [
        int(1000 * run.about["created"]),
        int(1000 * (run.about["created"] - 100)),
    ]


# --- states -----------------------------------------------------------------------------------------------------------


def test_a_killed_run_becomes_killed_and_a_resumed_one_running_again(run):
    mine = {"pid": os.getpid(), "host": socket.gethostname()}
    with locks.taken(run.folder):
        store.mark(run, store.RUNNING, **mine)
        mirror.Mirror().send(run)
        assert logged()[0].info.status == "RUNNING"
        assert mirror.unsent() == []
    assert run.state == store.INTERRUPTED
    assert mirror.unsent() == [run]
    mirror.Mirror().send(run)
    assert logged()[0].info.status == "KILLED"
    jobs.ready(run)
    mirror.Mirror().send(run)
    assert logged()[0].info.status == "SCHEDULED"
    with locks.taken(run.folder):
        store.mark(run, store.RUNNING, **mine)
        mirror.Mirror().send(run)
        assert logged()[0].info.status == "RUNNING"
    store.mark(run, store.FINISHED)
    mirror.Mirror().send(run)
    assert logged()[0].info.status == "FINISHED"


def test_a_failed_run_says_why_until_it_is_resumed(run):
    store.mark(run, store.FAILED, sentence="The disk is full.")
    mirror.Mirror().send(run)
    assert (logged()[0].info.status, logged()[0].data.tags["novelty.sentence"]) == ("FAILED", "The disk is full.")
    jobs.ready(run)
    mirror.Mirror().send(run)
    assert "novelty.sentence" not in logged()[0].data.tags


def test_a_cancelled_run_is_killed(run):
    store.mark(run, store.CANCELLED)
    mirror.Mirror().send(run)
    assert logged()[0].info.status == "KILLED"


def test_a_deleted_run_keeps_its_record_in_mlflow(run, quick):
    mirror.Mirror().send(run)
    store.delete(run)
    mirror.main()
    assert [each.info.status for each in logged()] == ["FINISHED"]
    assert mirror.deleted() == []


def test_a_run_deleted_before_its_end_was_sent_does_not_stay_running(run, quick):
    with locks.taken(run.folder):
        store.mark(run, store.RUNNING, pid=os.getpid(), host=socket.gethostname())
        mirror.Mirror().send(run)
    store.delete(run)
    mirror.main()
    assert [each.info.status for each in logged()] == ["KILLED"]


def test_what_a_person_deleted_in_mlflow_is_not_brought_back(run):
    mirror.Mirror().send(run)
    mirror.Mirror().client.delete_run(logged()[0].info.run_id)
    store.rename(run, "Renamed")
    mirror.Mirror().send(run)
    assert logged() == []
    assert mirror.unsent() == []


# --- what fails -------------------------------------------------------------------------------------------------------


def test_a_locked_database_delays_and_loses_nothing(run, quick):
    locked = sqlite3.connect(mirror.database(), isolation_level=None, check_same_thread=False)
    locked.execute("BEGIN EXCLUSIVE")
    opened = threading.Timer(1.0, locked.execute, ["ROLLBACK"])
    opened.start()
    began = time.monotonic()
    mirror.main()
    opened.join()
    locked.close()
    assert time.monotonic() - began > 1
    assert [step for step, _ in history("train/reconstruction")] == [1, 2, 3]
    assert logged()[0].info.status == "FINISHED"


def test_what_fails_is_repeated_until_it_has_arrived(run, quick, monkeypatch, capsys):
    from mlflow import MlflowClient

    real, calls = MlflowClient.log_batch, []

    def flaky(*arguments, **named):
        calls.append(named)
        if len(calls) in (1, 3, 6):  # the curves; at the second attempt the parameters; at the third the results
            raise OSError("database is locked")
        return real(*arguments, **named)

    monkeypatch.setattr(MlflowClient, "log_batch", flaky)
    mirror.main()
    assert capsys.readouterr().out.count("database is locked") == 3
    assert [step for step, _ in history("train/reconstruction")] == [1, 2, 3]
    assert len(history("nap.auroc")) == 1
    assert mirror.unsent() == []


def test_a_run_that_always_fails_holds_up_no_other(run, made, quick, monkeypatch, capsys):
    bad = Run(run.folder.with_name("bad"))
    shutil.copytree(made / run.id, bad.folder)
    real = mirror.Mirror.send

    def send(self: mirror.Mirror, each: Run) -> None:
        if each.id == "bad":
            raise ValueError("a stranger's run")
        real(self, each)

    monkeypatch.setattr(mirror.Mirror, "send", send)
    monkeypatch.setattr(mirror, "PATIENCE", 0.05)
    mirror.main()
    assert "bad: ValueError: a stranger's run" in capsys.readouterr().out
    assert mirror.unsent() == [bad]
    assert logged()[0].data.tags["novelty.run"] == run.id


def test_a_lost_database_is_made_anew(run):
    mirror.Mirror().send(run)
    with sqlite3.connect(mirror.database()) as connection:
        for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
            connection.execute(f"DELETE FROM {table}")
    store.rename(run, "Renamed")
    mirror.Mirror().send(run)
    assert [step for step, _ in history("train/reconstruction")] == [1, 2, 3]


def test_a_replaced_database_is_opened_anew(run, quick, tmp_path):
    mirror.Mirror().send(run)
    shutil.copy(mirror.database(), tmp_path / "copy")
    (tmp_path / "copy").replace(mirror.database())  # what is open is now a file without a name, which takes no more
    store.rename(run, "Renamed")
    mirror.main()
    assert mirror.unsent() == []
    assert logged()[0].info.run_name == "Renamed"


def test_an_unreadable_note_is_written_again(run):
    mirror.Mirror().send(run)
    (store.root() / ".mirror" / f"{run.id}.json").write_text('{"identity": "torn')
    assert mirror.unsent() == [run]
    mirror.Mirror().send(run)
    assert mirror.unsent() == []
    assert len(logged()) == 1


# --- the process ------------------------------------------------------------------------------------------------------


def test_main_ends_at_once_where_another_mirror_runs(run, monkeypatch):
    monkeypatch.setattr(mirror, "_watch", lambda lock: pytest.fail("two mirrors"))
    with FileLock(store.root() / ".mirror.lock", is_singleton=False):
        mirror.main()


def test_main_stays_while_a_run_lives(run, quick):
    lock = FileLock(run.folder / "lock", is_singleton=False)
    lock.acquire()
    store.mark(run, store.RUNNING, pid=os.getpid(), host=socket.gethostname())
    ending = threading.Thread(target=mirror.main)
    ending.start()
    time.sleep(1)
    assert ending.is_alive()
    store.mark(run, store.FINISHED)
    lock.release()
    ending.join(timeout=20)
    assert not ending.is_alive()
    assert logged()[0].info.status == "FINISHED"


def test_main_leaves_a_store_that_was_deleted_to_the_next_mirror(run, quick, monkeypatch):
    monkeypatch.setattr(mirror, "LINGER", 3600.0)
    ending = threading.Thread(target=mirror.main)
    ending.start()
    lock = store.root() / ".mirror.lock"
    while not store.held(lock) or mirror.unsent():
        time.sleep(0.02)
    lock.unlink()
    with FileLock(lock, is_singleton=False):  # the mirror of the store that came after it
        ending.join(timeout=20)
    assert not ending.is_alive()


def test_main_looks_again_after_it_let_the_lock_go(run, monkeypatch):
    """A run submitted between the last look and the fall of the lock."""
    looks = []

    def watch(lock: int) -> set[str]:
        looks.append(mirror.unsent())
        if len(looks) == 2:
            mirror.Mirror().send(run)
        return set()

    monkeypatch.setattr(mirror, "_watch", watch)
    mirror.main()
    assert looks == [[run], [run]]


def test_start_spawns_one_detached_process(run, monkeypatch):
    spawned = []

    class Process:
        def __init__(self, command: list[str], **options) -> None:
            spawned.append((command[1:], options["env"]["NOVELTY_CHECKPOINTS"], options["start_new_session"]))

        def wait(self) -> None:
            pass

    monkeypatch.setattr(mirror.subprocess, "Popen", Process)
    mirror.start()
    assert spawned == [(["-m", "core", "mirror"], str(store.root()), True)]
    with FileLock(store.root() / ".mirror.lock", is_singleton=False):
        mirror.start()
    monkeypatch.setenv("NOVELTY_MIRROR", "off")
    mirror.start()
    monkeypatch.setenv("NOVELTY_MIRROR", "on")
    monkeypatch.setattr(mirror.importlib.util, "find_spec", lambda name: None)
    mirror.start()
    assert len(spawned) == 1


def test_behind_counts_what_has_waited(run, monkeypatch):
    rewrite(run, created=time.time())
    assert mirror.behind() == 0
    rewrite(run, created=time.time() - mirror.LATE - 1)
    assert mirror.behind() == 1
    mirror.Mirror().send(run)
    assert mirror.behind() == 0
    monkeypatch.setenv("NOVELTY_MIRROR", "off")
    assert mirror.behind() is None


def test_neither_submitting_nor_counting_loads_mlflow(run):
    program = (
        "import sys; from core.mlflow import mirror; from core.runs import store; from core.runs.process import jobs; "
        "mirror.behind(); mirror.unsent(); "
        "print({'mlflow', 'plotly', 'torch', 'sklearn', 'pandas'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=store.PROJECT, check=True
    )
    assert answer.stdout.strip() == "set()"


def test_telemetry_is_off_before_mlflow_is_loaded(run, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    program = (
        "import os; from core.mlflow import mirror; mirror.Mirror(); print(os.environ['MLFLOW_DISABLE_TELEMETRY'])"
    )
    # pytest's and a build machine's own variables would switch it off as well
    kept = {name: text for name, text in os.environ.items() if name in ("PATH", "NOVELTY_CHECKPOINTS")}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=store.PROJECT,
        env=kept | {"HOME": str(home)},
    )
    assert answer.stdout.strip() == "true", answer.stderr
    assert [path for path in home.rglob("*") if path.is_file()] == []
