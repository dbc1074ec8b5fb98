"""How much faster a method trains in bfloat16 than in float32, measured on this machine.

Processors with bfloat16 instructions gain, others lose, and nothing but a measurement tells by how much. Compiling the
step as well gained nothing more (0.8 to 1.2 of the plain step in bfloat16, ten layers on 28 x 28, an AMD processor with
AVX-512 BF16) and took 46 seconds, so nothing is compiled here.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from core import methods
from core.errors import WrongRequest
from core.knobs import Shape
from core.methods.base import build
from core.methods.cards import Card
from core.training import Progress, TaskTensors

CHOICES = ("float32", "bfloat16")
STEPS, CHECKS = 8, 2  # batches of training and of validation images in an epoch that is measured
ROUNDS, LEAST, PATIENCE = 5, 3, 5.0  # by turns; but no more than the least once so many seconds are over


WORTH = 1.1  # a gain below it may be noise


@dataclass(frozen=True)
class Rates:
    """Training images a second in either arithmetic, medians; gain: bfloat16 over float32, the median by turns."""

    float32: float
    bfloat16: float
    gain: float

    @property
    def worth(self) -> bool:
        """Whether bfloat16 gains anything."""
        return self.gain >= WORTH

    @property
    def sentence(self) -> str:
        """What they say to a person."""
        told = f"{self.bfloat16:,.0f} images a second beside {self.float32:,.0f}"
        if self.worth:
            return f"bfloat16 trains {self.gain:.1f} times as fast as float32 on this machine: {told}."
        return f"bfloat16 gains nothing on this machine: {told} in float32."


def require_choice(card: Card) -> None:
    """Raise WrongRequest for a method that has no choice of arithmetic."""
    if not hasattr(card.knobs, "precision"):
        able = ", ".join(each.name for each in methods.cards() if hasattr(each.knobs, "precision"))
        raise WrongRequest(f"{card.title} trains in float32 alone. {able} have the choice.")


def measure(card: Card, settings: Any, shape: Shape, device: torch.device) -> Rates:
    """Train two networks of these settings by turns on random images, one in each arithmetic.

    An epoch is measured whole, with its validation images, four training images to one.  Raises WrongRequest for a
    method without the choice.
    """
    require_choice(card)
    count = STEPS * settings.batch_size
    epochs = {each: _epoch(card, dataclasses.replace(settings, precision=each), shape, device) for each in CHOICES}
    taken: dict[str, list[float]] = {each: [] for each in CHOICES}
    start = time.perf_counter()
    for turn in range(1 + ROUNDS):
        if turn > LEAST and time.perf_counter() - start > PATIENCE:
            break
        for name, epoch in epochs.items():
            began = time.perf_counter()
            epoch()
            taken[name].append(time.perf_counter() - began)
    single, half = (taken[name][1:] for name in CHOICES)  # the first prepares what later ones use again
    gain = statistics.median(slow / fast for slow, fast in zip(single, half, strict=True))
    return Rates(count / statistics.median(single), count / statistics.median(half), gain)


def _epoch(card: Card, settings: Any, shape: Shape, device: torch.device) -> Callable[[], object]:
    """What trains one epoch of the method's first stage; it has ended when it returns."""
    detector = build(methods.load(card.name), settings, shape, 0).to(device)
    train, valid = (
        torch.randint(0, 256, (batches * settings.batch_size, *shape), dtype=torch.uint8, device=device)
        for batches in (STEPS, CHECKS)
    )
    task = TaskTensors(train, valid)
    stage = detector.stages(task)[0]
    stage.begin(task, Progress())
    return lambda: stage.epoch(1)  # its curves are numbers, so the device has been waited for
