#!/usr/bin/env bash
# torch's CPU threads (libgomp) spin while they wait for each other.  On two cores of which another process keeps one
# busy, a thread spins through the time that the thread it waits for needs: with the lower priority of a background job,
# a training loop keeps a twentieth of its speed.  Told not to spin (OMP_WAIT_POLICY=PASSIVE) it loses nothing there, but
# nearly half on a quiet machine, as every wait is a system call.  GOMP_SPINCOUNT bounds the spin, and must be set before
# torch is imported.
# Seen with torch 2.14.1 on two cores: spinning 4,850 images/s quiet and 0.02 to 0.05 of that beside a busy process at
# nice 5; PASSIVE 2,800 and 2,770; GOMP_SPINCOUNT=1000 4,100 and 2,700; 10000 5,100 and 1,430.
# Needs a machine with two idle cores or more: it uses two of them.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
cat > "$place/loop.py" <<'PYTHON'
import os
import time

os.nice(5)
import torch

torch.set_num_threads(2)
layers = [torch.nn.Linear(784, 784) for _ in range(10)]
network = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.BatchNorm1d(784), torch.nn.ReLU())])
images, done, began = torch.rand(256, 784), 0, 0.0
while began == 0 or time.perf_counter() - began < 6:
    (network(images) - images).square().sum().backward()
    done += len(images)
    if began == 0:
        began, done = time.perf_counter(), 0
print(round(done / (time.perf_counter() - began)))
PYTHON
cat > "$place/compare.py" <<'PYTHON'
import os
import subprocess
import sys

cores = sorted(os.sched_getaffinity(0))[:2]
assert len(cores) == 2, "two cores are needed"
os.sched_setaffinity(0, cores)
ways = {"spins": {}, "never": {"OMP_WAIT_POLICY": "PASSIVE"}, "1,000 spins": {"GOMP_SPINCOUNT": "1000"}}
rates = {}
for way, settings in ways.items():
    for busy in (False, True):
        other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
        try:
            clean = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
            told = subprocess.run([sys.executable, sys.argv[1]], env=clean | settings, capture_output=True, text=True, check=True)
        finally:
            if other:
                other.kill()
                other.wait()
        rates[way, busy] = float(told.stdout)
        print(f"{way}, {'beside a busy process' if busy else 'quiet'}: {rates[way, busy]:,.0f} images/s", flush=True)
assert rates["spins", True] < 0.2 * rates["spins", False], "the spinning loop lost less than four fifths"
assert rates["never", True] > 3 * rates["spins", True]
PYTHON
"$place/environment/bin/python" "$place/compare.py" "$place/loop.py"
