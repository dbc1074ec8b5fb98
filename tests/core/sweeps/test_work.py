"""The running of a sweep: what is trained and what not, and who loses what when a worker dies."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from core.errors import RunFailed, WrongRequest
from core.runs import locks, store
from core.runs.process import worker
from core.sweeps import backends, cells, rows, sweep, work
from core.sweeps import jobs as sweep_jobs
from core.sweeps.sweep import Sweep
from tests.core.sweeps import small as doubles
from tests.core.sweeps.small import DEADLY, Here, kept, small


@pytest.fixture
def here(monkeypatch) -> list[Here]:
    """Sweeps train in this process; the workers of each start."""
    made = []

    @contextlib.contextmanager
    def workers(folder, backend, jobs, cluster):
        made.append(Here(Sweep(Path(folder))))
        yield made[-1]

    monkeypatch.setattr(backends, "workers", workers)
    return made


def states(one: Sweep) -> dict[int, str]:
    return {row.seed: row.state for row in rows.rows(one)}


# --- what is trained ------------------------------------------------------------------------------------------------


def test_one_run_more_costs_one_run(empty, here):
    told = []
    one = work.go_on(kept(small()), told.append)
    assert one.state == sweep.FINISHED and sorted(here[0].trained) == [0, 1]
    assert (told[0].finished, told[-1].finished, told[-1].share) == (0, 2, 1.0)
    work.go_on(kept(small(seeds=[0, 1, 2])))
    assert here[1].trained == [2] and one.state == sweep.FINISHED
    work.go_on(kept(small(seeds=[0, 1, 2])))
    assert len(here) == 2  # nothing is left, so no worker was started
    assert all(run.about["sweep"] == "small" for run in store.runs())
    # A later sweep of another name, and a run that was made by hand, count as well.
    work.go_on(kept(small("other", seeds=[2, 3])))
    assert here[2].trained == [3]


def test_a_running_sweep_says_how_many_were_finished_when_it_began(empty, here):
    work.go_on(kept(small()))
    marks = []
    one = kept(small(seeds=[0, 1, 2]))
    work.go_on(one, lambda standing: marks.append(one.mark))
    assert (marks[-1]["state"], marks[-1]["before"]) == (sweep.RUNNING, 2)


def test_a_sweep_s_run_is_the_run_that_train_makes(empty, here):
    one = work.go_on(kept(small(seeds=[0, 1])))
    by_hand = worker.execute(store.create(one.cells[1].spec))
    (swept,) = [run for run in store.runs() if run.spec == by_hand.spec and run.id != by_hand.id]
    assert swept.about["metrics"] == by_hand.about["metrics"]
    names = {path.name for path in by_hand.folder.iterdir()}
    assert {path.name for path in swept.folder.iterdir()} == names | {"log.txt"}
    assert (swept.folder / "test.npz").samefile(by_hand.folder / "test.npz")


def test_failures_stop_nobody_and_are_tried_again(empty, here, monkeypatch):
    def execute(run, **how):
        if run.spec.seed == 0:
            store.mark(run, store.FAILED, sentence="The memory is full.")
            return run
        return doubles.execute(run, **how)

    monkeypatch.setattr(worker, "execute", execute)
    one = work.go_on(kept(small()))
    assert one.state == sweep.FAILED and states(one) == {0: "failed", 1: "finished"}
    assert rows.rows(one)[0].sentence == "The memory is full."
    monkeypatch.setattr(worker, "execute", doubles.execute)
    sweep.ready(one)
    work.go_on(one)
    assert here[1].trained == [0] and one.state == sweep.FINISHED and len(store.runs()) == 2


def test_what_could_not_even_begin_is_a_failure_with_its_sentence(empty, here, monkeypatch):
    def create(*words, **more):
        raise WrongRequest("The folder is full.")

    monkeypatch.setattr(store, "create", create)
    one = work.go_on(kept(small(seeds=0)))
    (row,) = rows.rows(one)
    assert one.state == sweep.FAILED and row.state == "failed" and "The folder is full." in row.sentence


def test_a_run_that_another_process_trains_is_waited_for(empty, here, monkeypatch):
    one = kept(small())
    run = store.create(one.cells[0].spec)
    store.mark(run, store.RUNNING, pid=os.getpid(), host=os.uname().nodename)

    def end():
        store.mark(run, store.FINISHED)
        locks.let_go(run.folder)

    timer = threading.Timer(2, end)
    timer.start()
    work.go_on(one)
    timer.join()
    assert here[0].trained == [1] and len(store.runs()) == 2


def test_cancelling_ends_the_run_under_way_and_begins_no_other(empty, here, monkeypatch):
    one = kept(small(seeds=[0, 1, 2]))

    def execute(run, **how):
        if run.spec.seed == 0:
            jobs_cancelled.append(run)
            (one.folder / "cancel").touch()
        return doubles.execute(run, **how)

    jobs_cancelled = []
    monkeypatch.setattr(worker, "execute", execute)
    work.go_on(one)
    assert one.state == sweep.CANCELLED and not one.cancelling
    assert [state for seed, state in states(one).items() if seed] == ["waiting", "waiting"]
    monkeypatch.setattr(worker, "execute", doubles.execute)
    sweep.ready(one)
    assert work.go_on(one).state == sweep.FINISHED


def test_two_processes_cannot_have_one_sweep(empty, here, monkeypatch):
    monkeypatch.setattr(sweep, "PATIENCE", 0.05)
    one = kept(small())
    locks.let_go(one.folder)
    with FileLock(one.folder / "lock", is_singleton=False), pytest.raises(WrongRequest, match="already running"):
        work.go_on(one)


def test_workers_that_end_before_they_train_end_the_sweep(empty, here, monkeypatch):
    def train(self, specs, alone, stop):
        self.trained.append(len(specs))
        raise backends.WorkerDied("ModuleNotFoundError: core")
        yield

    monkeypatch.setattr(Here, "train", train)
    one = kept(small())
    with pytest.raises(RunFailed, match="ModuleNotFoundError: core"):
        work.go_on(one)
    assert one.state == sweep.FAILED and "end before they train" in one.sentence and len(here[0].trained) == 3


def test_the_longest_run_comes_first_and_the_unknown_before_it(empty, monkeypatch):
    specs = [cell.spec for cell in cells.expand(small(seeds=[0, 1, 2, 3]))]
    took = {0: 1.0, 1: 9.0, 2: None, 3: 5.0}
    monkeypatch.setattr(cells, "seconds", lambda specs: [took[spec.seed] for spec in specs])
    assert [spec.seed for spec in work.longest_first(specs)] == [2, 1, 3, 0]


def test_standing_counts_what_is_done_and_what_time_is_left(empty):
    (spec,) = (cell.spec for cell in cells.expand(small(seeds=0)))
    some = [("finished", None), ("finished", None), ("failed", None), ("running", 0.5), ("waiting", None)]
    found = [rows.Row({}, spec, state, share=share) for state, share in [*some, ("refused", None)]]
    told = work.standing(found, began=time.time() - 30, before=1)
    assert (told.runs, told.finished, told.failed, told.refused, told.underway) == (6, 2, 1, 1, (0.5,))
    assert told.share == pytest.approx(3.5 / 5)
    assert told.left == pytest.approx(30 / 1.5 * 1.5, rel=0.01)  # 1.5 runs took 30 s, and 1.5 are left
    assert work.standing(found).left is None


# --- workers that die -----------------------------------------------------------------------------------------------


def test_a_killed_worker_loses_only_its_own_run(empty, monkeypatch):
    """Two warm workers; one run ends the process that trains it, twice, and is given up; the other one finishes."""
    monkeypatch.setattr(backends, "train_run", doubles.deadly)
    one = kept(small(seeds=[DEADLY, 0]))
    work.go_on(one, jobs=2)
    assert states(one) == {DEADLY: "failed", 0: "finished"}
    assert one.state == sweep.FAILED
    assert "died 2 times" in next(row.sentence for row in rows.rows(one) if row.seed == DEADLY)
    assert len(store.runs()) == 2 and one.mark["state"] == sweep.FAILED


def test_a_killed_sweep_goes_on_where_it_was(empty, here):
    """Its process is killed in the middle of a run; started again, the sweep trains what was not finished."""
    one = sweep_jobs.submit(small(seeds=[0, 1, 2], knobs={"trees": 300}), jobs=1)
    deadline = time.monotonic() + 60
    while not any(run.state == store.RUNNING for run in store.runs()):
        assert time.monotonic() < deadline, one.log()
        time.sleep(0.02)
    os.kill(one.mark["pid"], signal.SIGKILL)
    while one.state != sweep.INTERRUPTED:
        time.sleep(0.02)
    sweep.ready(one)
    work.go_on(one)
    assert one.state == sweep.FINISHED and list(states(one).values()) == ["finished"] * 3
    assert len(store.runs()) == 3 and len(here) == 1


# --- Dask -----------------------------------------------------------------------------------------------------------


def test_a_dask_cluster_of_two_processes_trains_a_sweep(empty):
    pytest.importorskip("distributed", reason="distributed isn't installed: there is no Dask to train on.")
    one = kept(small(seeds=[0, 1, 2]))
    work.go_on(one, backend="dask", jobs=2)
    assert one.state == sweep.FINISHED and list(states(one).values()) == ["finished"] * 3
    assert {run.mark["host"] for run in store.runs() if "host" in run.mark} <= {os.uname().nodename}
