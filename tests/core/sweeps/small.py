"""Small grids that the tests of sweeps share, and workers that die."""

import os
import signal
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from core.runs import store
from core.runs.process import worker
from core.runs.store import Run
from core.sweeps import cells, grid, sweep, training
from core.sweeps.grid import Grid
from core.sweeps.sweep import Sweep

DEADLY = 13  # the seed whose run kills the process that trains it
execute = worker.execute


def small(name: str = "small", **more: Any) -> Grid:
    """Two isolation forests on the digit 3: each a few tenths of a second."""
    asked = {"dataset": "digits", "scenario": "unimodal", "target": 3, "method": "isolation-forest", "device": "cpu"}
    knobs = {"trees": 5}
    return grid.read({"name": name, "seeds": [0, 1], "knobs": knobs} | asked | more)


def kept(asked: Grid) -> Sweep:
    return sweep.keep(asked, cells.expand(asked))


class Here:
    """Workers that are this process."""

    jobs = 1

    def __init__(self, one: Sweep) -> None:
        self.folder, self.trained = str(one.folder), []

    def train(self, specs, alone=False, stop=lambda: False) -> Iterator[dict[str, Any]]:
        for spec in specs:
            self.trained.append(spec.seed)
            yield training.train_run(spec.to_json(), self.folder, {})


def deadly(
    content: Mapping[str, Any], folder: str, environment: Mapping[str, str], slot: bool = True
) -> dict[str, Any]:
    """`train_run`, in whose place it is put; one seed ends its process as the system does when memory runs out."""
    worker.execute = die if content["seed"] == DEADLY else execute
    return training.train_run(content, folder, environment, slot)


def die(run: Run, **how: Any) -> Run:
    store.mark(run, store.RUNNING, pid=os.getpid(), host=socket.gethostname(), shared=True)
    os.kill(os.getpid(), signal.SIGKILL)
    return run
