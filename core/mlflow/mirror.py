"""The MLflow mirror: one process a store that repeats in MLflow what the run folders say.

The run folders are the truth; training and pages never import mlflow. The mirror reads them every few seconds, sends
what is new, repeats what failed, and ends when there is nothing left to do. All it sends is addressed by explicit ids,
steps and times, so sending it twice is harmless.

    .mirror.lock            held by the one mirror of the store
    .mirror/<run id>.json   which MLflow run it is, and how much of it has been sent;  log.txt: what failed
    .mirror/sweeps/         the same of sweeps, whose MLflow runs are the parents of those of their runs
    .mlflow/                mlflow.db and artifacts, unless MLFLOW_TRACKING_URI names a server
"""

import contextlib
import dataclasses
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from core.errors import DamagedRun, NoveltyError
from core.mlflow import content, parents
from core.runs import files, store
from core.runs.process import machine
from core.runs.store import Run
from core.sweeps.sweep import Sweep

PAUSE = 3.0  # seconds between two looks at the store
LINGER = 60.0  # seconds without work after which the mirror ends
PATIENCE = 3600.0  # seconds without success, and without a live run, after which it leaves the rest to the next mirror
SLOWEST = 60.0  # seconds between two attempts at a run that keeps failing
LATE = 15.0  # seconds after which what is unsent counts as behind
BATCH = 1000  # MLflow's limit of metrics in one request; of parameters and tags it takes 100
STATUS = {
    store.QUEUED: "SCHEDULED",
    store.RUNNING: "RUNNING",
    store.FINISHED: "FINISHED",
    store.FAILED: "FAILED",
    store.CANCELLED: "KILLED",
    store.INTERRUPTED: "KILLED",
}
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # repeating is the mirror's own business
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
Fingerprint = list[int | str]


class Job(NamedTuple):
    """Something to do about the run of this name: a method of the mirror, and what to call it with."""

    name: str
    act: Callable[["Mirror", Any], None]
    subject: Run | Sweep | Path


def start() -> None:
    """Start the mirror as a process of its own, unless one runs, mlflow is missing or NOVELTY_MIRROR is off."""
    folder = store.root()
    if not wanted() or store.held(_lock_file()):
        return
    try:
        (folder / ".mirror").mkdir(parents=True, exist_ok=True)
        with (folder / ".mirror" / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "core", "mirror"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=store.PROJECT,
                env=os.environ | {"NOVELTY_CHECKPOINTS": str(folder)},
                start_new_session=True,
            )
    except OSError:  # a store that can't take a log can't take a mirror either, and a run is worth more than its record
        return
    # A finished child must be reaped, or it stays a zombie while the server lives.
    threading.Thread(target=process.wait, daemon=True).start()


def wanted() -> bool:
    """Whether runs are to be mirrored: mlflow can be found, and NOVELTY_MIRROR isn't off.  Imports nothing."""
    return os.environ.get("NOVELTY_MIRROR", "").lower() != "off" and importlib.util.find_spec("mlflow") is not None


def behind() -> int | None:
    """How many runs wait to be sent for over 15 s; None where runs are not mirrored.  Reads small files only."""
    if not wanted():
        return None
    since = []
    for run in unsent():
        with contextlib.suppress(NoveltyError, OSError):  # deleted while we look
            since.append(_mtime(_record_file(run)) or run.about["created"])
    return sum(time.time() - each > LATE for each in since)


def main() -> None:
    """Mirror the store until 60 s after nothing is running or behind; ends at once where another process does so."""
    machine.step_back(10)
    lock = FileLock(_lock_file(), is_singleton=False)
    left: set[str] | None = None
    # Looks once more without the lock: a run submitted just before it fell had found it held and started no mirror.
    while left is None or {job.name for job in _look()[0]} - left:
        try:
            with lock.acquire(timeout=1):
                left = _watch(_inode(_lock_file()))
        except Timeout:
            return


def _lock_file() -> Path:
    return store.root() / ".mirror.lock"


def _inode(path: Path) -> int | None:
    """What tells a file from another one that has taken its name; None where there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _watch(lock: int | None) -> set[str]:
    """Send what is new every few seconds until there is nothing to do; returns the runs given up.

    lock: of the file whose lock this process holds. Where the store was deleted, it is no longer the store's, and
    another mirror may write.
    """
    mirror: Mirror | None = None
    delays: dict[str, float] = {}
    due: dict[str, float] = {}
    worked = succeeded = time.monotonic()
    while _inode(_lock_file()) == lock:
        for name, act, subject in _look()[0]:
            if time.monotonic() < due.get(name, 0):
                continue
            try:
                mirror = mirror or Mirror()
                act(mirror, subject)
                delays.pop(name, None)
                succeeded = time.monotonic()
            except Exception as error:  # whatever MLflow, its server or a stranger's run does, the mirror goes on
                print(f"{name}: {type(error).__name__}: {error}", flush=True)
                if mirror:
                    mirror.close()
                mirror = None
                delays[name] = min(2 * delays.get(name, PAUSE), SLOWEST)
                due[name] = time.monotonic() + delays[name]
                break  # a locked database would hold up each of the others for 20 s too
        (jobs, live), now = _look(), time.monotonic()
        worked = now if live or jobs else worked
        tried = all(job.name in delays for job in jobs)  # an attempt may itself outlast the patience
        if now - worked > LINGER or (not live and tried and now - succeeded > PATIENCE):
            return {job.name for job in jobs}
        time.sleep(PAUSE)
    return set()


def _look() -> tuple[list[Job], bool]:
    """What is to do, and whether a run lives."""
    try:
        gone = [Job(file.stem, Mirror.forget, file) for file in (*deleted(), *parents.deleted())]
        gone += [Job(f"sweep {each.name}", Mirror.send_sweep, each) for each in unsent_sweeps()]
        new = [Job(run.id, Mirror.send, run) for run in unsent()]
        live = any(run.state in store.LIVE for run in own()) or any(s.state in store.LIVE for s in parents.own())
        return gone + new, live
    except (NoveltyError, OSError):  # a run was deleted while we looked: look again
        return [], True


# --- what has been sent -----------------------------------------------------------------------------------------------


@dataclass
class Record:
    """How far a run is mirrored: into which MLflow run, and what of it has been sent.

    identity: of this very training and destination; a name may be taken again after a deletion.
    offset: in progress.jsonl.  last: stage number and epoch of the last line sent.
    sent: the run's fingerprint when all there was had been sent; None before.
    """

    identity: str
    mlflow_run: str
    offset: int = 0
    last: tuple[int, int] = (-1, -1)
    sent: Fingerprint | None = None

    @classmethod
    def of(cls, run: Run) -> "Record | None":
        """The record of this training, or None where there is none that can be read."""
        return cls.at(_record_file(run), identity(run))

    @classmethod
    def at(cls, file: Path, mine: str) -> "Record | None":
        """The record in a file, where it is of this identity."""
        record = _read(file)
        return record if record and record.identity == mine else None

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(file, dataclasses.asdict(self))


def _read(file: Path) -> Record | None:
    try:
        content = files.read_json(file)
        return Record(**content | {"last": tuple(content["last"])})
    except (DamagedRun, TypeError, KeyError):
        return None


def own() -> list[Run]:
    """The runs that are mirrored: all that can be read, but the shipped ones."""
    return [run for run in store.runs() if not run.shipped]


def unsent() -> list[Run]:
    """Runs of which something is not in MLflow yet."""
    found = []
    for run in own():
        with contextlib.suppress(NoveltyError, OSError):  # deleted while we look
            record = Record.of(run)
            if record is None or record.sent != fingerprint(run):
                found.append(run)
    return found


def unsent_sweeps() -> list[Sweep]:
    """Sweeps of which something is not in MLflow yet."""
    found = []
    for each in parents.own():
        with contextlib.suppress(NoveltyError, OSError):  # deleted while we look
            record = Record.at(parents.record_file(each), parents.identity(each, destination()))
            if record is None or record.sent != parents.fingerprint(each):
                found.append(each)
    return found


def deleted() -> list[Path]:
    """Records whose run is no longer in the store."""
    return [file for file in (store.root() / ".mirror").glob("*.json") if not (store.root() / file.stem).is_dir()]


def fingerprint(run: Run) -> Fingerprint:
    """Size of the progress, version of the results, state: changes when there is something to send.

    The state by itself, since a kill changes no file.
    """
    progress = run.folder / "progress.jsonl"
    return [progress.stat().st_size if progress.exists() else 0, run.version, run.state]


def identity(run: Run) -> str:
    """Sixteen hex digits for this training of this name in this destination."""
    return hashlib.sha256(f"{run.id} {run.about['created']} {destination()}".encode()).hexdigest()[:16]


def destination() -> str:
    """MLFLOW_TRACKING_URI, or the database in the store."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{database()}"


def database() -> Path:
    """The store's own MLflow database, for where no server is named."""
    return store.root() / ".mlflow" / "mlflow.db"


def _record_file(run: Run) -> Path:
    return store.root() / ".mirror" / f"{run.id}.json"


def _mtime(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


# --- sending ----------------------------------------------------------------------------------------------------------


class Mirror:
    """A connection to MLflow.  Importing mlflow, and creating its database where there is none, happens here."""

    def __init__(self) -> None:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        if not os.environ.get("MLFLOW_TRACKING_URI"):
            create_database(database())
        self.client = MlflowClient(tracking_uri=destination(), registry_uri=destination())

    def close(self) -> None:
        """Let go of the database: MLflow would keep its connections, also to a file that was replaced."""
        with contextlib.suppress(AttributeError):  # a server has no engine
            self.client._tracking_client.store.engine.dispose()

    def send(self, run: Run) -> None:
        """Bring MLflow up to what the run folder says.

        Raises whatever mlflow raises; then the record still says what was sent before, and sending again is safe.
        """
        now = fingerprint(run)  # taken first: what comes meanwhile is seen the next time
        record = Record.of(run)
        if record is None or self._stage(record) == "missing":
            record = self._open(run)
        if self._stage(record) == "active":  # what a person deleted in MLflow is not brought back
            points, record.offset, record.last = content.epochs(run, record.offset, record.last)
            self._log(record, points)
            if record.sent is None or record.sent[1:] != now[1:]:
                self._describe(run, record)
        record.sent = now
        record.write(_record_file(run))

    def forget(self, file: Path) -> None:
        """Stop tracking a deleted run.  What MLflow knows of it stays, but nothing stays running there."""
        record = _read(file)
        running = record and (record.sent is None or record.sent[-1] not in store.ENDED)
        if record and running and self._stage(record) == "active":
            self.client.set_terminated(record.mlflow_run, "KILLED")
        file.unlink(missing_ok=True)

    def _open(self, run: Run) -> Record:
        """A record with the run's MLflow run: one that an earlier mirror made and didn't note, or a new one."""
        sweep, place, labels = parents.of_run(run), f"Novelty Explorer: {run.spec.dataset}, {run.spec.scenario}", {}
        if sweep:  # MLflow shows a child only where its parent is
            place, labels = parents.experiment(sweep), {"mlflow.parentRunId": self._parent(sweep).mlflow_run}
        labels |= content.tags(run)
        return self._kept(_record_file(run), identity(run), place, run.about["created"], labels, run.name)

    def _kept(self, file: Path, mine: str, place: str, created: float, labels: dict[str, str], name: str) -> Record:
        """The record of an MLflow run of this identity, which is made where there is none.  place: its experiment."""
        experiment = self._experiment(place)
        found = self.client.search_runs([experiment], f"tags.`novelty.identity` = '{mine}'", max_results=1)
        labels = labels | {"novelty.identity": mine, "mlflow.source.name": "Novelty Explorer"}
        began = content.milliseconds(created)
        kept = found[0] if found else self.client.create_run(experiment, began, labels, name)
        record = Record(mine, kept.info.run_id)
        record.write(file)
        return record

    def _parent(self, sweep: Sweep) -> Record:
        """The record of a sweep's own MLflow run."""
        file, mine = parents.record_file(sweep), parents.identity(sweep, destination())
        record = Record.at(file, mine)
        if record is None or self._stage(record) == "missing":
            record = self._kept(file, mine, parents.experiment(sweep), sweep.created, parents.tags(sweep), sweep.name)
        return record

    def send_sweep(self, sweep: Sweep) -> None:
        """Bring the MLflow run of a sweep up to what its folder says; raises as `send`."""
        from mlflow.entities import Metric, RunTag

        now, record = parents.fingerprint(sweep), self._parent(sweep)
        if self._stage(record) == "active":
            self._set_parameters(record, parents.parameters(sweep))
            moment = content.milliseconds(sweep.mark["since"])
            metrics = [Metric(name, value, moment, 0) for name, value in parents.results(sweep).items()]
            labels = [RunTag(name, value) for name, value in parents.tags(sweep).items()]
            self.client.log_batch(record.mlflow_run, metrics=metrics, tags=labels, synchronous=True)
            if sweep.state in store.ENDED:
                self.client.set_terminated(record.mlflow_run, STATUS[sweep.state], moment)
            self.client.update_run(record.mlflow_run, STATUS[sweep.state], sweep.name)
        record.sent = now
        record.write(parents.record_file(sweep))

    def _set_parameters(self, record: Record, wanted: dict[str, str]) -> None:
        """Log parameters that MLflow doesn't know yet: it takes no second value, and a grid may have grown since."""
        from mlflow.entities import Param

        known = self.client.get_run(record.mlflow_run).data.params
        new = [Param(_key(name), value[:6000]) for name, value in wanted.items() if _key(name) not in known]
        self.client.log_batch(record.mlflow_run, params=new, synchronous=True)

    def _experiment(self, name: str) -> str:
        """The id of the experiment, one for each dataset and scenario: within it, metrics can be compared."""
        found = self.client.get_experiment_by_name(name)
        if found:
            return found.experiment_id
        # A server chooses the place of artifacts itself; a bare database would take ./mlruns.
        server = destination().startswith(("http:", "https:", "databricks"))
        place = None if server else (database().parent / "artifacts").as_uri()
        return self.client.create_experiment(name, place)

    def _stage(self, record: Record) -> str:
        """active, deleted (by a person, in MLflow) or missing (with its whole database)."""
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_run(record.mlflow_run).info.lifecycle_stage
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return "missing"

    def _describe(self, run: Run, record: Record) -> None:
        """Parameters, final metrics, tags, report, name and status."""
        from mlflow.entities import Param, RunTag

        params = [Param(_key(name), value) for name, value in content.parameters(run).items()]
        labels = [RunTag(name, value) for name, value in content.tags(run).items()]
        self.client.log_batch(record.mlflow_run, params=params, tags=labels, synchronous=True)
        known = self.client.get_run(record.mlflow_run).data.tags
        if not run.sentence and "novelty.sentence" in known:  # it failed, and was resumed
            self.client.delete_tag(record.mlflow_run, "novelty.sentence")
        self._log(record, content.results(run))
        state = run.state
        if state == store.FINISHED and "sweep" not in run.about:
            try:
                self.client.log_text(record.mlflow_run, report_page(run), "report.html")
            except (NoveltyError, ImportError) as error:  # a report that can't be drawn keeps back nothing else
                print(f"{run.id} has no report: {error}", flush=True)
        if state in store.ENDED:
            self.client.set_terminated(record.mlflow_run, STATUS[state], content.milliseconds(ended(run)))
        self.client.update_run(record.mlflow_run, STATUS[state], run.name)

    def _log(self, record: Record, points: list[content.Point]) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(_key(p.name), p.value, p.time, p.step) for p in points]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(record.mlflow_run, metrics=metrics[start : start + BATCH], synchronous=True)


def report_page(run: Run) -> str:
    """The report of a finished run as html."""
    from core.figures import Kinds
    from core.figures.pages.report import report

    about, card = run.about, run.spec.card
    names = sorted(about["metrics"], key=lambda name: name != card.headline)  # the headline first
    titles = {name: card.score(name).title for name in names}
    controls = {name: title for name, title in store.CONTROLS.items() if name in run.controls}
    points = run.arrays("curves") | (run.arrays("controls") if run.has("controls") else {})
    drawn = {card.headline: titles[card.headline]} | controls
    roc = {
        title: (points[f"roc/{name}/fpr"], points[f"roc/{name}/tpr"])
        for name, title in drawn.items()
        if f"roc/{name}/fpr" in points
    }
    test = run.arrays("test")
    return report(
        run.name,
        metrics={title: about["metrics"][name] for name, title in titles.items()},
        controls={title: run.controls[name] for name, title in controls.items()},
        progress=run.progress(),
        scores=run.scores(),
        kinds=Kinds.of_test(test["novel"], test.get("source"), test.get("kind")),
        threshold=run.threshold(),
        reference=run.held_out_scores(),
        roc=roc,
        images=test["images"],
        classes=test["classes"].tolist(),
        facts={"run": run.id, "task": run.spec.task.hash, **content.parameters(run), "note": about.get("note", "")},
    )


def create_database(path: Path) -> None:
    """An empty MLflow database, made aside and renamed, since a half-made one is broken for good.

    Only the process that holds the mirror's lock calls this.
    """
    if path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as temporary:
        SqlAlchemyStore(f"sqlite:///{temporary}", (path.parent / "artifacts").as_uri()).engine.dispose()


def ended(run: Run) -> float:
    """When the run ended, in seconds since 1970: by its own word, or its last sign of life."""
    return run.mark["since"] if run.mark["state"] in store.ENDED else _mtime(run.folder / "heartbeat") or time.time()


def _key(name: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^\w. /-]", "_", name, flags=re.ASCII)[:250]
