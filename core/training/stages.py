"""Stages that families share: knowing a detector, learning batch by batch, descending with a single optimiser."""

from typing import Any

import torch
from torch import Tensor, nn

from core.training.device import TaskTensors
from core.training.loop import Stage, State
from core.training.progress import Progress, batches
from core.training.recorded import RecordedSteps, Steps, asked


class DetectorStage(Stage):
    """Knows its detector and its settings, and from `begin` on the task and the progress."""

    def __init__(self, detector: Any) -> None:
        self.detector, self.knobs = detector, detector.knobs

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        self.task, self.progress = task, progress


class Learning(DetectorStage):
    """Takes the training images batch by batch; a subclass says in `step` what one batch does.

    steady: `step` reads the same tensors in all epochs, so a GPU needs to record it only once.
    """

    steady: bool = False
    steps: Steps | None = None  # made in the first epoch

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        self.steps = None

    def step(self, batch: Tensor) -> dict[str, Tensor]:
        """Learn from the training images of these indices [B]; returns the losses, each summed over the batch.

        A GPU records it and replays the operators, not the Python between them: what differs from batch to batch in an
        epoch comes from tensors and from torch's random state.
        """
        raise NotImplementedError

    def descents(self) -> list[torch.optim.Optimizer]:
        """The optimisers that `step` uses; none where the step must not be recorded."""
        return []

    def learn(self, size: int) -> dict[str, float]:
        """Take every training image once, in batches of `size`; returns the mean losses per image.

        A last batch of one is left out: it has no spread for batch normalisation.
        """
        self.detector.networks.train()
        if self.steps is None:
            recorded = asked() and self.task.train.is_cuda and self.descents()
            self.steps = RecordedSteps(self.step, size, recorded, self.steady) if recorded else Steps(self.step)
        self.steps.begin()
        for batch in batches(self.task.train, size, self.progress, least=2):
            self.steps.take(batch)
        return {name: float(total) / len(self.task.train) for name, total in self.steps.sums.items()}


class BestWeights:
    """The weights of the epoch with the lowest loss so far."""

    def __init__(self) -> None:
        self.kept: State = {"loss": float("inf"), "weights": {}}

    def offer(self, loss: float, epoch: int, networks: nn.Module) -> None:
        """Keep the weights where no epoch before had so low a loss."""
        if loss < self.kept["loss"]:
            weights = {name: value.clone() for name, value in networks.state_dict().items()}
            self.kept = {"loss": loss, "epoch": epoch, "weights": weights}

    def restore(self, networks: nn.Module) -> None:
        """Give the networks the weights that were kept; nothing where there are none yet."""
        if self.kept["weights"]:
            networks.load_state_dict(self.kept["weights"])

    def load(self, kept: State, device: torch.device) -> None:
        """Take up what was kept."""
        self.kept = {**kept, "weights": {name: value.to(device) for name, value in kept["weights"].items()}}


class Descent(Learning):
    """Has one optimiser, `adam`, which `begin` makes; its rate can drop to a tenth after an epoch."""

    adam: torch.optim.Optimizer
    drop: int = 0  # the epoch after which it drops; 0 is never

    def descents(self) -> list[torch.optim.Optimizer]:
        return [self.adam]

    def set_rate(self, number: int, rate: float) -> None:
        """The rate of the epoch of this number."""
        self.adam.param_groups[0]["lr"] = rate * (0.1 if 0 < self.drop < number else 1.0)

    def state(self) -> State:
        return {"adam": self.adam.state_dict()}

    def load(self, state: State) -> None:
        load_optimiser(self.adam, state["adam"])


class Redrawing(Descent):
    """An autoencoder, the detector's networks `encoder` and `decoder`, redraws `prepared` images.

    The squared error is summed over pixels; the mean over the batch descends.
    """

    steady = True

    def step(self, batch: Tensor) -> dict[str, Tensor]:
        images = self.detector.prepared(self.task.train[batch])
        redrawn = self.detector.networks["decoder"](self.detector.networks["encoder"](images))
        error = (redrawn - images).square().sum((1, 2, 3))
        descend(error.mean(), self.adam)
        return {"reconstruction": error.detach().sum()}


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
