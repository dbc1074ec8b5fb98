"""Twelve small runs on digits: by `train`, one after another, against one sweep of them, in one go.

    python -m tests.benchmarks.bench_sweep [--jobs 2] [--epochs 20]

Both sides start from empty stores and end with the same files; the sweep's time includes the start of its workers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core.runs import command_line
from core.sweeps import cells, grid

PROJECT = Path(__file__).resolve().parents[2]


def timed(words: list[str], folder: str) -> tuple[float, dict]:
    """Seconds of a command of this project with that store, and what it said as JSON."""
    environment = os.environ | {"NOVELTY_CHECKPOINTS": folder, "NOVELTY_MIRROR": "off"}
    environment.pop("OMP_NUM_THREADS", None)
    began = time.perf_counter()
    command = [sys.executable, "-m", "core", *words, "--json"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began, json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
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
