"""What commands cost, against another build of the project, by turns: seconds, CPU seconds, peak memory.

    python -m tests.benchmarks.bench_commands OTHER_FOLDER [--rounds 5] [--scored RUN_FOLDER] [--after [--epochs 8]]

`train` of RaPP on digits, quick preset, to "finished" and to the end; `score` of one image by a run, by default the
RaPP run on digits that the other build ships, or by the run in a folder, e.g. one of MNIST at the paper's size. Prints
a Markdown table of medians with their ratios to the other build, a folder with its checkout. `press` is the same
training as the app starts it, from a server in which somebody has looked at the Train page for some seconds.

With `--after`, instead, RaPP at the paper's size on MNIST (NOVELTY_DATA): each build trains once and is killed near its
last epoch; then copies of that run are resumed by turns, and the table says what comes after the last epoch.
"""

import argparse
import json
import os
import shutil
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


PAPER = ("--dataset", "mnist", "--scenario", "multimodal", "--target", "3", "--method", "rapp-ae", "--preset", "paper")
PRESS = """
import sys, time
sys.path.insert(0, "")
try:
    from core.runs.process import jobs
except ImportError:
    from core.runs import jobs
from core.runs.spec import request
spec = request("digits", "multimodal", "8", "rapp-ae")
if hasattr(jobs, "prepare"):
    jobs.prepare()
time.sleep(float(sys.argv[1]))
began = time.perf_counter()
run = jobs.submit(spec)
while (state := run.mark["state"]) in ("queued", "running"):
    time.sleep(0.01)
assert state == "finished", run.log()
print(time.perf_counter() - began)
while run.alive:
    time.sleep(0.1)
print(time.perf_counter() - began)
"""


@dataclass(frozen=True)
class Cost:
    """finished: seconds until the run says so, 0 for other commands.  peak: megabytes, 0 where nobody knows."""

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


def press(project: Path, store: Path, looked: float) -> Cost:
    """From the press of Train, in a server whose Train page somebody has looked at for so many seconds."""
    environment = os.environ | {"NOVELTY_CHECKPOINTS": str(store), "NOVELTY_MIRROR": "off", "NOVELTY_WARM": ""}
    words = [sys.executable, "-c", PRESS, str(looked)]
    said = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=True).stdout
    finished, end = map(float, said.split())
    return Cost(end, finished, 0, 0)


def last_epoch(run: Path, stage: str = "train") -> dict[int, float]:
    """When each epoch of a stage ended, by its number."""
    path = run / "progress.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {line["epoch"]: line["time"] for line in lines if line["stage"] == stage}


def trained(project: Path, store: Path, epochs: int) -> None:
    """A run of MNIST that was killed with a checkpoint of its last epoch or of that before."""
    environment = os.environ | {"NOVELTY_CHECKPOINTS": str(store), "NOVELTY_MIRROR": "off"}
    words = [sys.executable, "-m", "core", "train", *PAPER, "--epochs", str(epochs)]
    process = subprocess.Popen(words, cwd=project, env=environment, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        time.sleep(0.1)
        for kept in store.glob("*/checkpoint.safetensors"):
            ended = last_epoch(kept.parent).get(epochs - 1, float("inf"))
            if kept.stat().st_mtime > ended:
                process.kill()
                process.wait()
                return
    raise SystemExit("It ended before it kept a checkpoint of its last epochs. Ask for more epochs.")


def after(project: Path, kept: Path, store: Path) -> Cost:
    """What a copy of such a run takes after its last epoch: until it is finished, and to the end."""
    shutil.copytree(kept, store)
    run = next(store.glob("rapp-*"))
    began = time.time()
    whole = cost(project, store, "resume", run.name)
    trained_by = max(last_epoch(run).values()) - began
    return Cost(whole.seconds - trained_by, whole.finished - trained_by, 0, whole.peak)


def main_after(builds: dict[str, Path], rounds: int, epochs: int) -> None:
    """The table of `--after`."""
    found: dict[str, list[Cost]] = {name: [] for name in builds}
    with tempfile.TemporaryDirectory() as folder:
        for name, project in builds.items():
            (Path(folder) / name).mkdir()
            trained(project, Path(folder) / name, epochs)
        for number in range(rounds):
            for name, project in builds.items():
                store = Path(folder) / f"{name}-{number}"
                found[name].append(after(project, Path(folder) / name, store))
                shutil.rmtree(store)
    print("| build | to finished | the rest | peak memory |\n| --- | --- | --- | --- |")
    middle = {
        name: [
            statistics.median(each)
            for each in zip(*((c.finished, c.seconds - c.finished, c.peak) for c in costs), strict=True)
        ]
        for name, costs in found.items()
    }
    for name, (finished, rest, peak) in middle.items():
        print(f"| {name} | {finished:.1f} s | {rest:.1f} s | {peak:.0f} MB |")
    print(f"| ratio | {' | '.join(f'{a / b:.2f}' for a, b in zip(middle['ours'], middle['other'], strict=True))} |")


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("other", type=Path)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--scored", type=Path)
    words.add_argument("--looked", type=float, default=6, help="seconds at the Train page before the press")
    words.add_argument("--after", action="store_true", help="what comes after the last epoch on MNIST")
    words.add_argument("--epochs", type=int, default=8, help="of that training")
    asked = words.parse_args()
    builds = {"ours": PROJECT, "other": asked.other.resolve()}
    # The one that the other build ships: a newer run may hold what an older build can't read.
    scored = asked.scored or next((builds["other"] / "checkpoints" / "shipped").glob("rapp-ae-digits-*"))
    found: dict[tuple[str, str], list[Cost]] = {}
    print(f"load {os.getloadavg()[0]:.1f} before it starts\n", flush=True)
    if asked.after:
        main_after(builds, asked.rounds, asked.epochs)
        return
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.png"
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)).save(image)
        for number in range(asked.rounds):
            for name, project in builds.items():
                store = Path(folder) / f"{name}-{number}"
                store.mkdir()
                found.setdefault(("train", name), []).append(cost(project, store, *TRAIN))
                pressed = Path(folder) / f"{name}-{number}-pressed"
                pressed.mkdir()
                found.setdefault(("press", name), []).append(press(project, pressed, asked.looked))
                score = ("score", scored.name, str(image))
                found.setdefault(("score", name), []).append(cost(project, scored.parent.resolve(), *score))
    print("| command | build | to finished | to the end | CPU | peak memory |\n| --- | --- | --- | --- | --- | --- |")
    for command in ("train", "press", "score"):
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
