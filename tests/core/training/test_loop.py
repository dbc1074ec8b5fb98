"""The training loop: order, seeding that doesn't depend on the past, and resume after any epoch."""

import random

import numpy as np
import pytest
import torch

from core.errors import Cancelled
from core.methods.cards import StageRecord
from core.training import Checkpoint, Progress, Stage, TaskTensors, batches, seed_everything, train

TASK = TaskTensors(
    torch.arange(30 * 4, dtype=torch.uint8).view(30, 1, 2, 2), torch.zeros(2, 1, 2, 2, dtype=torch.uint8)
)


class Descend(Stage):
    """Adam on a weight that starts from `begin`'s random draw; each step mixes in the three kinds of random numbers."""

    def __init__(self, detector: "Toy", name: str, epochs: int) -> None:
        self.detector, self.record, self.epochs = detector, StageRecord(name, name.capitalize()), epochs

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        self.task, self.progress = task, progress
        self.start = torch.randn(3)
        self.adam = torch.optim.Adam([self.detector.weight], 0.1)
        self.ended = False

    def epoch(self, number: int) -> dict[str, float]:
        for batch in batches(self.task.train, 8, self.progress):
            noise = torch.randn(3) + float(np.random.normal()) + random.random() + self.start
            loss = (self.detector.weight * self.task.train[batch].float().mean() - noise).square().sum()
            self.adam.zero_grad()
            loss.backward()
            self.adam.step()
        return {"loss": float(loss.detach())}

    def end(self) -> None:
        with torch.no_grad():
            self.detector.weight.mul_(-1)

    def state(self) -> dict:
        return {"adam": self.adam.state_dict()}

    def load(self, state: dict) -> None:
        self.adam.load_state_dict(state["adam"])


class Toy:
    def __init__(self) -> None:
        self.weight = torch.zeros(3, requires_grad=True)

    def stages(self, task: TaskTensors) -> list[Stage]:
        return [Descend(self, "first", 3), Descend(self, "skipped", 0), Descend(self, "second", 2)]

    def state(self) -> dict:
        return {"weight": self.weight.detach().clone()}

    def load(self, state: dict) -> None:
        self.weight.data.copy_(state["weight"])


class Heard(Progress):
    """Writes down what the loop says; asks to stop at the step numbered `stop`."""

    def __init__(self, stop: int = -1) -> None:
        self.news: list = []
        self.steps, self.stop = 0, stop

    def stage(self, name, number, stages, epochs, samples):
        self.news.append((name, number, stages, epochs, samples))

    def step(self, samples):
        self.steps += 1
        if self.steps == self.stop:
            raise Cancelled

    def epoch(self, number, curves):
        self.news.append((number, sorted(curves)))


def copied(state):
    """A deep copy: optimisers hand out their live tensors."""
    if isinstance(state, dict):
        return {name: copied(value) for name, value in state.items()}
    if isinstance(state, list):
        return [copied(value) for value in state]
    return state.clone() if isinstance(state, torch.Tensor) else state


def trained(seed: int = 0, **options) -> torch.Tensor:
    toy = Toy()
    train(toy, TASK, seed=seed, **options)
    return toy.weight.detach()


def checkpoints(seed: int = 0) -> list[Checkpoint]:
    kept = []
    trained(
        seed,
        after_epoch=lambda stage, epoch, make: kept.append(
            Checkpoint(*(copied(value) for value in vars(make()).values()))
        ),
    )
    return kept


def test_stages_run_in_order_and_say_so():
    heard = Heard()
    trained(progress=heard)
    assert heard.news == [
        ("first", 0, 3, 3, 90),
        *((number, ["loss"]) for number in (1, 2, 3)),
        ("skipped", 1, 3, 0, 0),
        ("second", 2, 3, 2, 60),
        *((number, ["loss"]) for number in (1, 2)),
    ]


def test_the_result_depends_on_the_seed_and_on_nothing_drawn_before():
    expected = trained()
    torch.manual_seed(99)
    np.random.seed(7)
    random.seed(1)
    assert torch.equal(trained(), expected)
    assert not torch.equal(trained(seed=1), expected)


class Draw(Descend):
    """Writes down the random numbers that each epoch begins with, by stage and epoch; epoch 0 is `begin`."""

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        self.epoch(0)

    def epoch(self, number: int) -> dict[str, float]:
        self.detector.drawn[self.record.name, number] = drawn()
        return {"loss": 0.0}

    def end(self) -> None:
        torch.manual_seed(7)  # what a stage leaves behind


class Drawer(Toy):
    def __init__(self) -> None:
        super().__init__()
        self.drawn: dict = {}

    def stages(self, task: TaskTensors) -> list[Stage]:
        return [Draw(self, "first", 3), Draw(self, "second", 2)]


def drawn() -> tuple:
    return random.random(), float(np.random.random()), float(torch.rand(()))


def test_each_epoch_of_each_stage_draws_numbers_of_its_own_from_seed_stage_and_epoch():
    drawer = Drawer()
    train(drawer, TASK, seed=5)
    keys = {("first", 0): (0, 0), ("first", 1): (0, 1), ("first", 2): (0, 2), ("first", 3): (0, 3)}
    keys |= {("second", 0): (1, 0), ("second", 1): (1, 1), ("second", 2): (1, 2)}
    assert drawer.drawn.keys() == keys.keys()
    for name, (stage, epoch) in keys.items():
        seed_everything(5, stage, epoch)
        assert drawer.drawn[name] == drawn(), name
    assert all(len({values[kind] for values in drawer.drawn.values()}) == len(keys) for kind in range(3))


@pytest.mark.parametrize("place", range(5))
def test_resume_after_any_epoch_equals_no_interruption(place):
    checkpoint = checkpoints()[place]
    assert (checkpoint.stage, checkpoint.epoch) == [(0, 1), (0, 2), (0, 3), (2, 1), (2, 2)][place]
    torch.randn(place + 1)  # another past
    heard = Heard()
    assert torch.equal(trained(resume=checkpoint, progress=heard), trained())
    assert sum(len(each) == 2 for each in heard.news) == 4 - place  # only what was left


def test_a_checkpoint_is_made_only_where_one_is_asked_for():
    seen = []
    toy = Toy()
    toy.state = lambda: pytest.fail("nobody asked for a checkpoint")
    train(toy, TASK, seed=0, after_epoch=lambda stage, epoch, make: seen.append((stage.record.name, epoch)))
    assert seen == [("first", 1), ("first", 2), ("first", 3), ("second", 1), ("second", 2)]


def test_a_cancelled_training_stops_before_its_next_batch():
    heard, toy = Heard(stop=6), Toy()
    with pytest.raises(Cancelled):
        train(toy, TASK, seed=0, progress=heard)
    assert heard.steps == 6 and heard.news[-1] == (1, ["loss"])  # in the second batch of epoch 2: four batches an epoch


class Settling(Toy):
    """Its second stage has nothing left to do after its second epoch of ten."""

    def stages(self, task: TaskTensors) -> list[Stage]:
        class Short(Descend):
            def epoch(self, number: int) -> dict[str, float]:
                self.settled = number == 2
                return super().epoch(number)

        return [Descend(self, "first", 1), Short(self, "second", 10), Descend(self, "third", 2)]


def test_a_stage_may_end_before_its_epochs_and_a_resume_adds_none():
    kept, heard, whole = [], Heard(), Settling()
    train(whole, TASK, seed=0, progress=heard, after_epoch=lambda stage, epoch, make: kept.append(copied(vars(make()))))
    assert [each[0] for each in heard.news if len(each) == 2] == [1, 1, 2, 1, 2]
    assert [each["settled"] for each in kept] == [False, False, True, False, False]
    for number, checkpoint in enumerate(kept):
        again, resumed = Heard(), Settling()
        train(resumed, TASK, seed=0, progress=again, resume=Checkpoint(**checkpoint))
        assert sum(len(each) == 2 for each in again.news) == 4 - number
        assert torch.equal(resumed.weight, whole.weight)
