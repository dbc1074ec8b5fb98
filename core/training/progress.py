"""What a training tells the world while it runs, and the way in which it is asked to stop."""

from collections.abc import Iterator

import torch
from torch import Tensor


class Progress:
    """Receives news of a training; this one is silent.

    The run store's writes `progress.jsonl`, the command line's draws a bar.
    """

    def stage(self, name: str, number: int, stages: int, epochs: int, samples: int) -> None:
        """A stage begins.

        number: from 0.  samples: how many images it will pass through the network, in all its epochs.
        """

    def step(self, samples: int) -> None:
        """A batch of that many images begins.  Raises Cancelled where the training is to stop."""

    def epoch(self, number: int, curves: dict[str, float]) -> None:
        """An epoch ended, with its losses and other curves."""


def batches(images: Tensor, size: int, progress: Progress, *, shuffle: bool = True, least: int = 1) -> Iterator[Tensor]:
    """Index tensors of at most `size` images each, on the device of the images.

    shuffle: in an order drawn from torch's seeded state.  least: a smaller last batch is left out (2 for batch
    normalisation).  Raises Cancelled between two batches.
    """
    count = len(images)
    # The order is drawn on the CPU, so that CPU and GPU see the same batches.
    order = (torch.randperm(count) if shuffle else torch.arange(count)).to(images.device)
    for start in range(0, count, size):
        batch = order[start : start + size]
        if len(batch) >= min(least, count):
            progress.step(len(batch))
            yield batch
