#!/usr/bin/env bash
# SciPy's and NumPy's own OpenBLAS keeps the threads of a product spinning for about a tenth of a second after it, each on
# a core of its own, although nothing is left to do.  torch brings other threads: what it computes in that time has a core
# less.  A loop that takes turns between the two, a network's pass and a symmetric product that torch doesn't offer, pays
# it in every round: torch's part took 1.25 times as long here, 1.7 times in a pass of many small layers.  The wait is
# OPENBLAS_THREAD_TIMEOUT, the binary logarithm of processor cycles, read when the library is loaded; 26 unless set.
# Seen with SciPy 1.17.1, NumPy 2.4.6, torch 2.14.1 on two cores: 104 ms of processor time in 0.5 s of sleep after one
# product, torch's part 264 ms alone and 332 ms after it; with OPENBLAS_THREAD_TIMEOUT=4 nothing, and 264 ms.
# Needs two idle cores.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6 scipy==1.17.1
cat > "$place/turns.py" <<'PYTHON'
import os
import statistics
import time

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
import numpy as np
import torch
from scipy.linalg.blas import dsyrk

torch.set_num_threads(2)
images, weights = torch.randn(1024, 1500), torch.randn(1500, 1500)
rows = np.asfortranarray(np.random.default_rng(0).normal(size=(1500, 1024)))


def seconds_of_torch() -> float:
    began = time.perf_counter()
    for _ in range(12):
        images @ weights
    return time.perf_counter() - began


def idle_seconds() -> float:
    dsyrk(1.0, rows)
    before = time.process_time()
    time.sleep(0.5)
    return time.process_time() - before


def after_a_product() -> float:
    dsyrk(1.0, rows)
    return seconds_of_torch()


for _ in range(2):
    seconds_of_torch(), after_a_product()
pairs = [(seconds_of_torch(), after_a_product(), time.sleep(0.3)) for _ in range(9)]
alone, after = (statistics.median(column) for column in list(zip(*pairs))[:2])
print(statistics.median(idle_seconds() for _ in range(5)), after / alone)
PYTHON
told() { env "$@" "$place/environment/bin/python" "$place/turns.py"; }
read -r idle ratio <<< "$(told -u OPENBLAS_THREAD_TIMEOUT)"
read -r short_idle short_ratio <<< "$(told OPENBLAS_THREAD_TIMEOUT=4)"
echo "as it comes: $idle s of processor time while asleep, torch takes $ratio times as long"
echo "OPENBLAS_THREAD_TIMEOUT=4: $short_idle s, $short_ratio times"
python3 -c "assert $idle > 0.03 and $short_idle < 0.01 and $ratio > 1.1 and $ratio > 1.07 * $short_ratio"
