"""Stages that families share: one that knows its detector, and one that descends with a single optimiser."""

from typing import Any

import torch
from torch import Tensor

from core.training.device import TaskTensors
from core.training.loop import Stage, State
from core.training.progress import Progress


class DetectorStage(Stage):
    """Knows its detector and its settings, and from `begin` on the task and the progress."""

    def __init__(self, detector: Any) -> None:
        self.detector, self.knobs = detector, detector.knobs

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        self.task, self.progress = task, progress


class Descent(DetectorStage):
    """Has one optimiser, `adam`, which `begin` makes; its rate can drop to a tenth after an epoch."""

    adam: torch.optim.Optimizer
    drop: int = 0  # the epoch after which it drops; 0 is never

    def set_rate(self, number: int, rate: float) -> None:
        """The rate of the epoch of this number."""
        self.adam.param_groups[0]["lr"] = rate * (0.1 if 0 < self.drop < number else 1.0)

    def state(self) -> State:
        return {"adam": self.adam.state_dict()}

    def load(self, state: State) -> None:
        load_optimiser(self.adam, state["adam"])


def descend(loss: Tensor, *optimisers: torch.optim.Optimizer) -> None:
    """One step of each optimiser down the gradient of the loss."""
    for each in optimisers:
        each.zero_grad(set_to_none=True)
    loss.backward()
    for each in optimisers:
        each.step()


def load_optimiser(optimiser: torch.optim.Optimizer, state: State) -> None:
    """Take up a state that came from a file.

    A file has the moments in torch's default order; a fused step needs them in the order of the weights.
    """
    optimiser.load_state_dict(state)
    for weight, moments in optimiser.state.items():
        for name, value in moments.items():
            if value.shape == weight.shape:
                moments[name] = torch.empty_like(weight).copy_(value)
