"""The one training loop: runs a detector's stages in order and can resume after any epoch with the same result.

Before each epoch Python, numpy and torch are seeded from (seed, stage, epoch), so a resumed training needs no saved
random state.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from core.methods.cards import StageRecord
from core.training.device import TaskTensors, seed_everything
from core.training.progress import Progress

State = dict[str, Any]  # nested dictionaries and lists of tensors and plain JSON values


class Stage(ABC):
    """One part of a training: so many epochs over the images with its own optimisers.

    record: what the method's card says of it.  epochs: how many at most; both are set by whoever makes the stages.
    """

    record: StageRecord
    epochs: int = 1
    passes: int = 1  # how often an epoch takes every training image, for the progress
    settled: bool = False  # set by an epoch after which there is nothing left to do: the stage ends early

    @abstractmethod
    def begin(self, task: TaskTensors, progress: Progress) -> None:
        """Make ready: optimisers, what is computed once.  A resumed stage begins too, then loads its state."""

    @abstractmethod
    def epoch(self, number: int) -> dict[str, float]:
        """Train one epoch (number from 1) and return its curves."""

    def end(self) -> None:  # noqa: B027 - not every stage has something to finish
        """Finish, e.g. restore the best weights."""

    def state(self) -> State:
        """All that a resume needs beside the detector's own state, optimisers included."""
        return {}

    def load(self, state: State) -> None:  # noqa: B027 - nor a state of its own
        """Take up a state that `state` gave."""


class Trainable(Protocol):
    """What the loop needs of a detector."""

    def stages(self, task: TaskTensors) -> list[Stage]: ...
    def state(self) -> State: ...
    def load(self, state: State) -> None: ...


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands: after `epoch` (from 1) of `stage` (from 0), the detector's state and the stage's.

    settled: the stage had nothing left to do, so a resume adds no epoch to it.
    """

    stage: int
    epoch: int
    detector: State
    training: State
    settled: bool = False


def train(
    detector: Trainable,
    task: TaskTensors,
    *,
    seed: int,
    progress: Progress | None = None,
    after_epoch: Callable[[Stage, int, Callable[[], Checkpoint]], None] = lambda stage, epoch, checkpoint: None,
    resume: Checkpoint | None = None,
) -> None:
    """Run all stages, or those left after `resume`.

    after_epoch: called with the stage, the epoch and a function that makes the checkpoint, so that one who keeps few
    pays for few.  Raises Cancelled where the progress says so.
    """
    progress = progress or Progress()
    stages = detector.stages(task)
    if resume:
        detector.load(resume.detector)
    for number, stage in enumerate(stages):
        if resume and number < resume.stage:
            continue
        seed_everything(seed, number, 0)
        name, samples = stage.record.name, stage.epochs * stage.passes * len(task.train)
        progress.stage(name, number, len(stages), stage.epochs, samples)
        stage.begin(task, progress)
        done = 0
        if resume and number == resume.stage:
            stage.load(resume.training)
            done, stage.settled = resume.epoch, resume.settled
        for epoch in range(done + 1, stage.epochs + 1):
            if stage.settled:
                break
            seed_everything(seed, number, epoch)
            progress.epoch(epoch, stage.epoch(epoch))
            after_epoch(stage, epoch, partial(_checkpoint, detector, stage, number, epoch))
        stage.end()


def _checkpoint(detector: Trainable, stage: Stage, number: int, epoch: int) -> Checkpoint:
    return Checkpoint(number, epoch, detector.state(), stage.state(), stage.settled)
