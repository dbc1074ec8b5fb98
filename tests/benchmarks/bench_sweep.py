"""Twelve small runs on digits: by `train`, one after another, against one sweep of them, in one go.

    python -m tests.benchmarks.bench_sweep [--jobs 2] [--epochs 20] [--other FOLDER [--rounds 3]]

With another build: the ten one-class-out tasks as one sweep against its `train`. Both sides start from empty stores and
end with the same files; the sweep's time includes the start of its workers.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core.runs import command_line
from core.sweeps import cells, grid

PROJECT = Path(__file__).resolve().parents[2]


def timed(words: list[str], folder: str, project: Path = PROJECT) -> tuple[float, dict]:
    """Seconds of a command of a build, by default this one, with that store, and what it said as JSON."""
    environment = os.environ | {"NOVELTY_CHECKPOINTS": folder, "NOVELTY_MIRROR": "off"}
    environment.pop("OMP_NUM_THREADS", None)
    began = time.perf_counter()
    command = [sys.executable, "-m", "core", *words, "--json"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began, json.loads(done.stdout.splitlines()[-1])


def ten_tasks(other: Path, jobs: int, rounds: int) -> None:
    """The ten one-class-out tasks as one sweep of this build, and by `train` of another one, one after another.

    By turns; prints each round and the medians.
    """
    content = {"name": "ten", "dataset": "digits", "scenario": "multimodal", "target": [*range(10)], "seeds": [0]}
    runs = grid.read(content | {"method": "rapp-ae"})
    swept: list[float] = []
    serial: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "ten.toml"
            file.write_text(runs.to_toml())
            seconds, told = timed(["sweep", str(file), "--jobs", str(jobs)], f"{folder}/swept")
            assert told["finished"] == 10
            swept.append(seconds)
            train = ["train", "--dataset", "digits", "--scenario", "multimodal", "--method", "rapp-ae", "--target"]
            serial.append(sum(timed([*train, str(kept)], f"{folder}/serial", other)[0] for kept in range(10)))
        print(f"one sweep {swept[-1]:.1f} s, ten `train` {serial[-1]:.1f} s: {swept[-1] / serial[-1]:.2f}", flush=True)
    print(f"median of the ratios {statistics.median(a / b for a, b in zip(swept, serial, strict=True)):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--other", type=Path, help="a folder with another build: ten tasks against its `train`")
    parser.add_argument("--rounds", type=int, default=3, help="of the ten tasks")
    asked = parser.parse_args()
    if asked.other:
        ten_tasks(asked.other.resolve(), asked.jobs, asked.rounds)
        return
    content = {"name": "twelve", "dataset": "digits", "scenario": "multimodal", "target": [3, 8], "method": "rapp-ae"}
    runs = grid.read(content | {"epochs": asked.epochs, "seeds": [0, 1, 2], "knobs": {"layers": [4, 8]}})
    specs = [cell.spec for cell in cells.expand(runs) if cell.spec]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "twelve.toml"
        file.write_text(runs.to_toml())
        swept, told = timed(["sweep", str(file), "--jobs", str(asked.jobs)], f"{folder}/swept")
        assert told["finished"] == len(specs) == 12
        serial = sum(timed(command_line.command(spec).split()[3:], f"{folder}/serial")[0] for spec in specs)
        found = {tuple(row["settings"].items()): row["metrics"]["nap"]["auroc"]["value"] for row in told["rows"]}
        more, told = timed(["sweep", str(file), "--jobs", str(asked.jobs)], f"{folder}/serial")
        again = {tuple(row["settings"].items()): row["metrics"]["nap"]["auroc"]["value"] for row in told["rows"]}
    print(f"one after another {serial:.1f} s, one sweep {swept:.1f} s: {swept / serial:.2f} of the time")
    print(f"a sweep in which all is done {more:.1f} s; equal results: {found == again}")


if __name__ == "__main__":
    main()
