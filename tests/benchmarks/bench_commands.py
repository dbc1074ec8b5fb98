"""What commands cost, against another build of the project, by turns: seconds, CPU seconds, peak memory.

    python -m tests.benchmarks.bench_commands OTHER_FOLDER [--rounds 5] [--scored RUN_FOLDER]

`train` of RaPP on digits, quick preset, to "finished" and to the end; `score` of one image by a run, by default the
shipped RaPP run on digits, or by the run in a folder, e.g. one of MNIST at the paper's size. Prints a Markdown table of
medians with their ratios to the other build, a folder with its checkout.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

PROJECT = Path(__file__).resolve().parents[2]
TRAIN = ("train", "--dataset", "digits", "--scenario", "multimodal", "--target", "8", "--method", "rapp-ae")


@dataclass(frozen=True)
class Cost:
    """finished: seconds until the run says so, 0 for other commands.  peak: megabytes."""

    seconds: float
    finished: float
    processor: float
    peak: float


def cost(project: Path, store: Path, *words: str) -> Cost:
    """One command of the build in that folder, in a process of its own."""
    environment = os.environ | {"NOVELTY_CHECKPOINTS": str(store), "NOVELTY_MIRROR": "off"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "core", *words],
        cwd=project,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    finished = [0.0]

    def watch() -> None:
        while process.returncode is None and not finished[0]:
            for state in store.glob("*/state.json"):
                if json.loads(state.read_text())["state"] == "finished" and state.stat().st_mtime > started:
                    finished[0] = time.perf_counter() - began
            time.sleep(0.02)

    started = time.time()
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    thread.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode} in {project}.")
    seconds = time.perf_counter() - began
    return Cost(seconds, finished[0], used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("other", type=Path)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--scored", type=Path)
    asked = words.parse_args()
    scored = asked.scored or next((PROJECT / "checkpoints" / "shipped").glob("rapp-ae-digits-*"))
    builds = {"ours": PROJECT, "other": asked.other.resolve()}
    found: dict[tuple[str, str], list[Cost]] = {}
    print(f"load {os.getloadavg()[0]:.1f} before it starts\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.png"
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)).save(image)
        for number in range(asked.rounds):
            for name, project in builds.items():
                store = Path(folder) / f"{name}-{number}"
                store.mkdir()
                found.setdefault(("train", name), []).append(cost(project, store, *TRAIN))
                score = ("score", scored.name, str(image))
                found.setdefault(("score", name), []).append(cost(project, scored.parent.resolve(), *score))
    print("| command | build | to finished | to the end | CPU | peak memory |\n| --- | --- | --- | --- | --- | --- |")
    for command in ("train", "score"):
        middle: dict[str, list[float]] = {}
        for name in builds:
            costs = found[command, name]
            middle[name] = [
                statistics.median(getattr(each, part) for each in costs)
                for part in ("finished", "seconds", "processor", "peak")
            ]
            done, end, used, peak = middle[name]
            print(f"| {command} | {name} | {done:.1f} s | {end:.1f} s | {used:.1f} s | {peak:.0f} MB |")
        ratios = [f"{a / b:.2f}" if b else "-" for a, b in zip(middle["ours"], middle["other"], strict=True)]
        print(f"| {command} | ratio | {' | '.join(ratios)} |")


if __name__ == "__main__":
    main()
