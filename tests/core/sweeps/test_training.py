"""What a worker does with one run, in the process of the tests."""

import signal

import joblib

from core.runs import files, locks, store
from core.runs.process import worker
from core.sweeps import training
from tests.core.sweeps.small import kept, small


def train(one, number=0, **environment):
    return training.train_run(one.cells[number].spec.to_json(), str(one.folder), environment)


def test_a_run_is_trained_for_its_sweep_and_says_how_it_ended(empty, monkeypatch):
    monkeypatch.delenv("NOVELTY_SLOTS", raising=False)
    one = kept(small())
    how = {}

    def execute(run, **more):
        how.update(more, backend=type(joblib.parallel.get_active_backend()[0]).__name__)
        print("a word for the log")
        store.mark(run, store.FINISHED)
        return run

    monkeypatch.setattr(worker, "execute", execute)
    told = train(one, NOVELTY_SLOTS="3")
    (run,) = store.runs()
    assert told == {"hash": one.cells[0].spec.hash, "run": run.id, "state": "finished", "sentence": ""}
    assert how == {"slot": True, "shared": True, "backend": "SequentialBackend"}
    assert run.about["sweep"] == "small" and run.log() == "a word for the log\n"
    assert training.suspects(one.folder) == set()


def test_it_never_raises(empty, monkeypatch):
    def execute(run, **more):
        raise SystemExit("out")

    monkeypatch.setattr(worker, "execute", execute)
    told = train(kept(small()))
    assert told["state"] == "failed" and "SystemExit: out" in told["sentence"]


def test_a_run_whose_process_died_goes_on_and_is_given_up_after_the_second_time(empty, monkeypatch):
    class Killed(BaseException):
        pass

    def die(run, **more):
        store.mark(run, store.RUNNING)
        locks.let_go(run.folder)
        raise Killed

    one = kept(small())
    (key, *_) = [cell.spec.hash for cell in one.cells]
    monkeypatch.setattr(worker, "execute", die)
    for deaths in (1, 2):
        train(one)
        assert training.suspects(one.folder) == {key}
        assert files.read_json(one.folder / "tries" / f"{key}.json")["begun"] == deaths
    told = train(one)
    assert told["state"] == "failed" and "died 2 times" in told["sentence"] and len(store.runs()) == 1
    training.forget_tries(one.folder, {key: store.runs()[0]})
    assert training.suspects(one.folder) == set()
    monkeypatch.setattr(worker, "execute", lambda run, **more: store.mark(run, store.FINISHED))
    assert train(one)["state"] == "finished" and len(store.runs()) == 1


def test_nothing_begins_once_the_sweep_is_cancelled(empty):
    one = kept(small())
    (one.folder / "cancel").touch()
    assert train(one)["state"] == "cancelled" and store.runs() == []


def test_interrupts_are_the_sweep_s(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    try:
        training._leave_interrupts_to_the_sweep()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
