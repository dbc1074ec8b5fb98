"""The app as tests of its pages meet it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import evaluation
from core.runs import files, store
from tests.pages.opening import opened


@pytest.fixture
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store that a test may fill; nothing ships with the app, and only the built-in images are here."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    return tmp_path / "store"


@pytest.fixture
def filled_store(own_store: Path, trained_store: Path) -> Path:
    """A store with a finished run of each kind of RaPP that a test may change."""
    return shutil.copytree(trained_store, own_store, ignore=shutil.ignore_patterns(".*"))


@pytest.fixture
def store_with_kinds(filled_store: Path) -> Path:
    """The same, where every second novel test image is noise instead."""
    for run in store.runs():
        tested = run.arrays("test")
        places = np.flatnonzero(tested["novel"])[::2]
        source = tested["source"].astype("<U16")
        source[places] = "gaussian-noise"
        kind = np.where(source == "normal", "normal", np.where(source == "novel", "novelty", "anomaly"))
        files.write_arrays(run.folder / "test.npz", tested | {"source": source, "kind": kind})
        measured = {
            name: evaluation.metrics(run.scores(name), run.novel, run.threshold(name), source, draws=20)
            for name in run.about["metrics"]
        }
        files.write_json(run.folder / "run.json", run.about | {"metrics": measured})
    return filled_store


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Opens a page of the app through the entry script, with a query."""
    return opened
