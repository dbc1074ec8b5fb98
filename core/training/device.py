"""Which device trains, the task as tensors on it, and the seeding that makes two trainings equal."""

import os
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.errors import WrongRequest
from core.scenarios import Task

DEVICES = ("auto", "cpu", "cuda")


def choose(name: str) -> torch.device:
    """The device of that name; `auto` is a CUDA GPU where there is one.  Raises WrongRequest where it is missing.

    Convolutions on it keep float32: torch's default rounds their factors to 11 bits, and a detector's scores would be
    others on a CPU.
    """
    if name not in DEVICES:
        raise WrongRequest(f"There is no device {name!r}. Choose from {', '.join(DEVICES)}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise WrongRequest("This machine has no CUDA GPU that torch can use. Choose the device cpu or auto.")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda")


def seed_everything(*key: int) -> None:
    """Seed Python, numpy and torch from the numbers, e.g. (seed, stage, epoch), whatever was drawn before."""
    state = np.random.SeedSequence(key).generate_state(2, np.uint64)
    random.seed(int(state[0]))
    np.random.seed(int(state[0] % 2**32))
    torch.manual_seed(int(state[1] >> 1))


def deterministic(device: torch.device) -> None:
    """Ask torch for the operators that give the same result twice; those that can't only warn.

    The CPU's are so already, and asking would load torch's compiler: seconds at the start of each run.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False


@dataclass(frozen=True, eq=False)
class TaskTensors:
    """What a method may see of a task while it trains; the test set is not here.

    train, valid: uint8 [N, C, H, W] on the device.  labels: int64 [N] or None.  seen: uint8 [M, C, H, W] or None.
    """

    train: Tensor
    valid: Tensor
    labels: Tensor | None = None
    seen: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return tuple(self.train.shape[1:])  # type: ignore[return-value]

    @property
    def device(self) -> torch.device:
        return self.train.device


def on_device(task: Task, device: torch.device) -> TaskTensors:
    """The training side of a task, copied to the device once."""

    def tensor(array: np.ndarray | None) -> Tensor | None:
        return None if array is None else torch.from_numpy(array).to(device)

    seen = None if task.seen is None else task.images(task.seen)
    train, valid = tensor(task.images("train")), tensor(task.images("valid"))
    assert train is not None and valid is not None
    return TaskTensors(train, valid, tensor(task.labels), tensor(seen))
