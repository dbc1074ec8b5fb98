import subprocess
import sys
from pathlib import Path

import pytest

HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1], is_singleton=False):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    """An empty store, and an empty folder of shipped runs."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "store" / "shipped")
    return tmp_path / "store"


@pytest.fixture
def holder():
    """Another process that holds a lock file until the test ends; returns a function that starts one."""
    started = []

    def start(path: Path) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in started:
        process.communicate(timeout=10)
