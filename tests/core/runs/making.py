"""Runs for tests, without training."""

from core.runs import locks, store
from core.runs.run import Run
from core.runs.spec import request

NOBODY = 2**22 + 1  # a process number that Linux gives to nobody


def made(target: str = "3", **options) -> Run:
    return store.create(request("digits", "unimodal", target, "rapp-ae", **options))


def abandoned(target: str = "3", **options) -> Run:
    """A run whose process is gone."""
    run = made(target, **options)
    locks.let_go(run.folder)
    return run


def ended(state: str = store.FINISHED, **options) -> Run:
    run = abandoned(**options)
    store.mark(run, state)
    return run
