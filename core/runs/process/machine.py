"""What this machine has to train with, found without loading torch, and how to take less of it."""

import contextlib
import functools
import math
import os
import time
from pathlib import Path

import numpy as np

NVIDIA = Path("/proc/driver/nvidia/gpus")
DEVICES = Path("/dev")
MEMINFO, CONTAINER = Path("/proc/meminfo"), Path("/sys/fs/cgroup")  # of the machine, of this process's container
GROUP = Path("/proc/self/autogroup")  # "/autogroup-1562 nice 0"
SIDE, MATRICES, TRIES = 64, 200, 12  # of what is multiplied: so small that no BLAS spreads a product over cores
OTHERS_SECONDS, OTHERS_CORES = 1.0e-3, 2  # for all products; of the machine that trained the shipped runs


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_left(meminfo: Path = MEMINFO, group: Path = CONTAINER) -> float:
    """Bytes that processes can still take: of the machine, or of this container where that is less; inf if unknown."""
    left = [math.inf]
    with contextlib.suppress(OSError, ValueError):
        amounts = dict(line.split(":") for line in meminfo.read_text().splitlines())
        left.append(1024 * int(amounts["MemAvailable"].split()[0]))
    with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
        parts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        used = int((group / "memory.current").read_text()) - int(parts.get("inactive_file", 0))
        left.append(int((group / "memory.max").read_text()) - used)
    return min(left)


def gpus(folder: Path = NVIDIA) -> list[str]:
    """The names of the NVIDIA GPUs that the driver lists on Linux; none elsewhere.

    A container may hide the driver's list and show the devices alone, which then go by the name GPU.
    """
    devices = [path for path in DEVICES.glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
    return [_model(path) for path in sorted(folder.glob("*/information"))] or ["GPU"] * len(devices)


@functools.cache
def speed() -> float:
    """How fast this machine trains beside the one that trained the shipped runs, about: 2.0 is twice as fast.

    By the processor time of one core for products of matrices, the best of a few tries, so that other work beside it
    counts little (products over all cores took 12 times as long beside two trainings); and by the number of cores, of
    which the small networks here use more and more badly: twice as many count as 1.4 times, a rule of thumb.
    """
    matrices = np.ones((MATRICES, SIDE, SIDE), np.float32)
    product = np.empty_like(matrices)

    def seconds() -> float:
        began = time.thread_time()
        np.matmul(matrices, matrices, out=product)
        return time.thread_time() - began

    return OTHERS_SECONDS / min(seconds() for _ in range(TRIES)) * math.sqrt(cores() / OTHERS_CORES)


def leads_a_session() -> bool:
    """Whether this process was started in a session of its own, as the app starts what outlives it."""
    return hasattr(os, "getsid") and os.getsid(0) == os.getpid()


def step_back(steps: int = 5) -> None:
    """Lower the priority of this process by some steps of niceness, where the system lets it.

    On two cores that both train, a page takes 1.3 instead of 1.7 times as long as on an idle machine.
    Where Linux groups processes by session, it shares its cores among the sessions first, and the niceness of a process
    counts only beside others of its session; so a process that leads one lowers the session too.  Source: sched(7).
    """
    with contextlib.suppress(OSError, AttributeError):
        os.nice(steps)
    with contextlib.suppress(OSError, ValueError, IndexError):
        if leads_a_session():
            now = int(GROUP.read_text().rsplit(maxsplit=1)[1])
            GROUP.write_text(str(min(now + steps, 19)))


def _model(path: Path) -> str:
    """ "Model: NVIDIA H200" among the driver's lines -> "NVIDIA H200"."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    models = [value.strip() for name, _, value in (line.partition(":") for line in lines) if name.strip() == "Model"]
    return models[0] if models else "GPU"
