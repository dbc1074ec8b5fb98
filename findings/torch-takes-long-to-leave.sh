#!/usr/bin/env bash
# A process that has imported torch needs as long to end as for a third of the import, after Python's own exit functions,
# and while it ends its memory grows by a quarter: its peak is reached after its last line of Python.  os._exit, once all
# is written, saves both.
# Seen with torch 2.14.1 (CUDA 13 build, no GPU): import and exit 2.0 CPU seconds and 633 MB; with os._exit 1.4 and 507.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
"$place/environment/bin/python" - <<'PYTHON'
import os
import statistics
import subprocess
import sys


def cost(code: str) -> tuple[float, float]:
    """CPU seconds and peak megabytes of a process."""
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


codes = {"as Python ends": "import torch", "by os._exit": "import os, torch; os._exit(0)"}
cost(codes["by os._exit"])  # what is read for the first time comes from the disk
taken = {way: [] for way in codes}
for _ in range(3):
    for way, code in codes.items():
        taken[way].append(cost(code))
middle = {way: [statistics.median(values) for values in zip(*each)] for way, each in taken.items()}
for way, (seconds, peak) in middle.items():
    print(f"{way}: {seconds:.2f} CPU seconds, {peak:.0f} MB")
slow, quick = middle.values()
assert slow[0] > 1.2 * quick[0] and slow[1] > 1.1 * quick[1]
PYTHON
