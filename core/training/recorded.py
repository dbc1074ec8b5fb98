"""Training steps and the sums of their losses; on a CUDA GPU the step can be recorded once and replayed.

A small network's step is a few hundred operators of some microseconds each, so a GPU waits for Python between them.
A CUDA graph starts them all at once: the same operators on the same numbers.
"""

import contextlib
import functools
import os
import warnings
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

ASKED = "NOVELTY_RECORD"  # the variable that asks for it, by 1: nobody has yet compared it with plain steps on a GPU
PLAIN_STEPS = 3  # before the recording: libraries and optimisers make their tensors in them
Step = Callable[[Tensor], dict[str, Tensor]]


def asked() -> bool:
    """Whether steps are to be recorded on a GPU."""
    return os.environ.get(ASKED) == "1"


class Steps:
    """Takes batch after batch; sums: what the losses of this epoch add up to, by name."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.sums: dict[str, Tensor] = {}

    def begin(self) -> None:
        """A new epoch."""
        self.sums = {}

    def take(self, batch: Tensor) -> None:
        """One step on the training images of these indices [B]."""
        for name, value in self.step(batch).items():
            self.sums[name] = self.sums.get(name, 0.0) + value


class RecordedSteps(Steps):
    """Steps on batches of one size as a CUDA graph; other sizes, and a step that can't be recorded, run plainly.

    Nothing is run for the recording's sake: the first steps are taken plainly, the next is recorded and replayed, so
    weights and random numbers are those of plain steps.  A changed learning rate is a new recording.

    size: B of the recorded batches.  steady: the step reads the same tensors in all epochs; else each epoch records
    anew.
    """

    def __init__(self, step: Step, size: int, optimisers: Sequence[Optimizer], steady: bool) -> None:
        super().__init__(step)
        self.size, self.optimisers, self.steady = size, optimisers, steady
        self.refused = ""  # why it runs plainly
        self.plain = 0  # plain steps so far
        self.rates: list[float] = []  # that were recorded
        self.replay: Callable[[], None] | None = None

    def begin(self) -> None:
        if not self.steady:
            self.replay = None
        for total in self.sums.values():  # kept, as a recording adds to these very tensors
            total.zero_()

    def take(self, batch: Tensor) -> None:
        if self.refused or len(batch) != self.size:
            if self.replay is None:
                super().take(batch)
            else:
                self._add(self.step(batch))
            return
        if self.plain < PLAIN_STEPS:
            self.plain += 1
            if not self._waits(lambda: super(RecordedSteps, self).take(batch)):
                return
            self.refused = "The step waits for the GPU."
            return
        rates = [float(group["lr"]) for each in self.optimisers for group in each.param_groups]
        if self.replay is None or rates != self.rates:
            self.replay, self.rates = None, rates
            self._record(batch)
        if self.replay is None:
            super().take(batch)
        else:
            self.index.copy_(batch)
            self.replay()

    def _add(self, losses: dict[str, Tensor]) -> None:
        for name, value in losses.items():
            self.sums[name].add_(value)

    def _record(self, batch: Tensor) -> None:
        """Make `replay`, or say in `refused` why there is none."""
        self.index = batch.clone()
        self.sums = {name: total.clone() for name, total in self.sums.items()}
        try:
            self.replay = self.recording(lambda: self._add(self.step(self.index)))
        except RuntimeError as error:  # torch names no narrower one for what a graph can't hold
            self.refused = str(error)

    # --- what needs CUDA ---------------------------------------------------------------------------------------------

    def _waits(self, take: Callable[[], None]) -> bool:
        """Take a step on the stream that records; whether it waited for the GPU, which a graph can't."""
        now, own, before = torch.cuda.current_stream(), recording_stream(), torch.cuda.get_sync_debug_mode()
        own.wait_stream(now)
        with torch.cuda.stream(own), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn" if self.plain == PLAIN_STEPS else "default")
            try:
                take()
            finally:
                torch.cuda.set_sync_debug_mode(before)
        now.wait_stream(own)
        return any("synchroniz" in str(each.message) for each in told)

    def recording(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record the work without doing it; returns what does it.  Raises RuntimeError where it can't be recorded."""
        graph, generator = torch.cuda.CUDAGraph(), torch.cuda.default_generators[torch.cuda.current_device()]
        drawn = generator.get_state()
        try:
            # The outer `stream` leads back where the inner one breaks off.
            own = recording_stream()
            with torch.cuda.stream(own), recordable(self.optimisers), torch.cuda.graph(graph, stream=own):
                work()
        except RuntimeError:
            # A recording that broke off leaves its generator in the middle of one: plain steps need another.
            fresh = torch.Generator(generator.device)
            fresh.set_state(drawn)
            generator.graphsafe_set_state(fresh)
            raise
        return graph.replay


@functools.cache
def recording_stream() -> torch.cuda.Stream:
    """The stream that records, one for all stages."""
    return torch.cuda.Stream()


@contextlib.contextmanager
def recordable(optimisers: Sequence[Optimizer]) -> Iterator[None]:
    """Lets optimisers be recorded: they count their steps where their weights are.

    Only inside, as they warn of plain steps in that state.
    """
    groups = [group for each in optimisers for group in each.param_groups if "capturable" in group]
    for each in optimisers:
        for weight, state in each.state.items():
            if "step" in state:
                state["step"] = torch.as_tensor(state["step"], dtype=torch.float32).to(weight.device)
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False
