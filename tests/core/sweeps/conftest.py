"""An empty store for the tests of sweeps."""

import os
from pathlib import Path

import pytest

from core.sweeps import training


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    """An empty store, nothing shipped, and a process that keeps its ways."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    monkeypatch.setattr(training, "_leave_interrupts_to_the_sweep", lambda: None)
    monkeypatch.setattr(os, "nice", lambda change: 0)
    return tmp_path / "store"
