"""The app as tests of its pages meet it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.runs import store
from tests.pages.opening import opened


@pytest.fixture
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store that a test may fill; nothing ships with the app, and only the built-in images are here."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(store, "shipped_root", lambda: tmp_path / "shipped")
    return tmp_path / "store"


@pytest.fixture
def filled_store(own_store: Path, trained_store: Path) -> Path:
    """A store with a finished run of each kind of RaPP that a test may change."""
    return shutil.copytree(trained_store, own_store, ignore=shutil.ignore_patterns(".*"))


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Opens a page of the app through the entry script, with a query."""
    return opened
