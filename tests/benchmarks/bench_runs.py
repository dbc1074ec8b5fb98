"""Images/s of real runs, started as the app starts them, by how their threads wait.

    NOVELTY_DATA=... python -m tests.benchmarks.bench_runs [--rounds 3] [--epochs 4] [--spins 300 1000 3000 10000]

Trains RaPP at the paper's size on MNIST in processes of its own, `python -m core job`, in a store that is removed, and
reads the rate of each epoch but the first from the run's own progress; the run is cancelled when they are done. By
turns: a bare loop in a process whose threads spin without end; runs as they come (`ours`); runs whose threads never
spin; runs with the given numbers of spins. Each on a quiet machine, beside one busy process, and two at once. Prints a
Markdown table: medians, and their share of the bare loop on the quiet machine. Says the load before it starts: figures
of a machine that isn't quiet say nothing.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from core.runs import store
from core.runs.process import jobs
from core.runs.spec import RunSpec, request
from core.runs.store import Run

BARE = """
import statistics, sys, time
import torch
from core import knobs, methods
from core.methods.base import build
from core.training import TaskTensors
from tests.benchmarks.bench_training import bare_rapp
images = torch.randint(0, 256, (int(sys.argv[2]), 1, 28, 28), dtype=torch.uint8)
task = TaskTensors(images, images[: len(images) // 3])
settings = knobs.preset(methods.card("rapp-ae").knobs, "paper", task.shape)
epoch = bare_rapp(build(methods.load("rapp-ae"), settings, task.shape, 0), task)
rates = []
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    epoch()
    rates.append(len(images) / (time.perf_counter() - began))
print(statistics.median(rates[1:]))
"""
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def bare(epochs: int, images: int) -> float:
    """Images/s of a bare loop over so many images, in a process of its own that spins as torch does by itself."""
    environment = {name: value for name, value in os.environ.items() if name not in WAITING}
    command = [sys.executable, "-c", BARE, str(epochs), str(images)]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return float(done.stdout)


def rates(spec: RunSpec, count: int, waiting: dict[str, str]) -> list[float]:
    """Images/s in each epoch but the first of so many runs at once."""
    for name in WAITING:
        os.environ.pop(name, None)
    os.environ.update(waiting)
    runs = [jobs.submit(spec) for _ in range(count)]
    found = [_epochs(run, spec) for run in runs]
    for run in runs:
        with contextlib.suppress(Exception):  # it may have ended by itself
            jobs.cancel(run)
        store.delete(run)
    return [rate for each in found for rate in each]


def _epochs(run: Run, spec: RunSpec) -> list[float]:
    while len(lines := [line for line in run.progress() if line["stage"] == "train"]) < spec.settings.epochs:
        if run.state not in store.LIVE:
            raise SystemExit(f"{run.id} is {run.state}. {run.log()}")
        time.sleep(0.2)
    return [line["rate"] for line in lines[1:]]


@contextlib.contextmanager
def beside(busy: bool) -> Iterator[None]:
    """One process that does nothing but compute, where asked."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    try:
        yield
    finally:
        if process:
            process.kill()
            process.wait()


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--epochs", type=int, default=4)
    words.add_argument("--images", type=int, default=16384, help="of the bare loop")
    words.add_argument("--dataset", default="mnist")
    words.add_argument("--target", default="3")
    words.add_argument("--preset", default="paper")
    words.add_argument("--spins", type=int, nargs="*", default=[300, 1000, 3000, 10000])
    asked = words.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before it starts\n", flush=True)
    ways = {
        "ours": {},
        "never": {"OMP_WAIT_POLICY": "PASSIVE"},
        **{f"{spins:,} spins": {"GOMP_SPINCOUNT": str(spins)} for spins in asked.spins},
        "always": {"OMP_WAIT_POLICY": "ACTIVE"},
    }
    # (busy process beside it, runs at once)
    places = {"quiet": (False, 1), "beside a busy process": (True, 1), "two at once": (False, 2)}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"NOVELTY_CHECKPOINTS": str(Path(folder)), "NOVELTY_MIRROR": "off", "NOVELTY_SLOTS": "2"}
        changes = {"epochs": asked.epochs}
        spec = request(
            asked.dataset, "multimodal", asked.target, "rapp-ae", preset=asked.preset, changes=changes, device="cpu"
        )
        loops: list[float] = []
        found: dict[tuple[str, str], list[float]] = {}
        for _ in range(asked.rounds):
            loops.append(bare(asked.epochs, asked.images))
            for way, waiting in ways.items():
                for place, (busy, count) in places.items():
                    if way == "always" and place != "quiet":
                        continue  # a twentieth of the speed: it would take the hour
                    with beside(busy):
                        found.setdefault((way, place), []).extend(rates(spec, count, waiting))
    loop = statistics.median(loops)
    print(f"A bare loop whose threads always spin, quiet: {loop:,.0f} images/s.\n")
    print(f"| threads spin | {' | '.join(places)} |\n| --- {'| --- ' * len(places)}|")
    for way in ways:
        cells = [found.get((way, place)) for place in places]
        told = [
            f"{statistics.median(each):,.0f} ({statistics.median(each) / loop:.2f})" if each else "-" for each in cells
        ]
        print(f"| {way} | {' | '.join(told)} |")


if __name__ == "__main__":
    main()
