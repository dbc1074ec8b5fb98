"""Arrays of a task: computed once, linked into each of its runs."""

import os
from dataclasses import replace

import numpy as np
import pytest

from core.runs import files, store
from core.runs.results import of_task
from core.runs.spec import request


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """A computation that counts how often it is asked; its store is empty."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    made = []

    def compute():
        made.append(len(made))
        return {"number": np.array(len(made))}

    return made, compute


def number(run) -> int:
    """What stands in the file of the run."""
    return int(files.read_arrays(run.folder / "test.npz")["number"])


def test_two_runs_of_a_task_share_one_file(calls):
    made, compute = calls
    spec = request("digits", "unimodal", "3", "gaussian")
    first, second, other = (store.create(each) for each in (spec, replace(spec, seed=1), replace(spec, split_seed=1)))
    for run in (first, second, other):
        of_task.put(run, "test", compute)
    assert len(made) == 2
    assert [number(run) for run in (first, second, other)] == [1, 1, 2]
    assert (first.folder / "test.npz").samefile(second.folder / "test.npz")
    assert not list(first.folder.glob(".*"))
    # What one run writes anew is its own.
    files.write_arrays(first.folder / "test.npz", {"number": np.array(9)})
    assert number(second) == 1
    store.mark(first, store.FAILED)
    store.delete(first)
    assert number(second) == 1


def test_where_links_are_impossible_it_is_a_copy(calls, monkeypatch):
    made, compute = calls

    def link(source, target):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", link)
    run = store.create(request("digits", "unimodal", "3", "gaussian"))
    of_task.put(run, "test", compute)
    of_task.put(run, "test", compute)
    kept = of_task.shared_folder(run.spec.task) / "digits-test.npz"
    assert len(made) == 1 and number(run) == 1 and not kept.samefile(run.folder / "test.npz")


def test_a_task_whose_images_nobody_knows_shares_nothing(calls):
    made, compute = calls
    spec = replace(request("digits", "unimodal", "3", "gaussian"), images="")
    for run in (store.create(spec), store.create(spec)):
        of_task.put(run, "test", compute)
    assert len(made) == 2
