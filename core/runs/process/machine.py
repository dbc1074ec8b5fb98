"""What this machine has to train with, found without loading torch."""

import os
from pathlib import Path

NVIDIA = Path("/proc/driver/nvidia/gpus")
DEVICES = Path("/dev")


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus(folder: Path = NVIDIA) -> list[str]:
    """The names of the NVIDIA GPUs that the driver lists on Linux; none elsewhere.

    A container may hide the driver's list and show the devices alone, which then go by the name GPU.
    """
    devices = [path for path in DEVICES.glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
    return [_model(path) for path in sorted(folder.glob("*/information"))] or ["GPU"] * len(devices)


def _model(path: Path) -> str:
    """ "Model: NVIDIA H200" among the driver's lines -> "NVIDIA H200"."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    models = [value.strip() for name, _, value in (line.partition(":") for line in lines) if name.strip() == "Model"]
    return models[0] if models else "GPU"
