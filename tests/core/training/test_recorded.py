"""Recorded steps take the batches that plain steps take, to the same sums; on a GPU to the same weights."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from core.training import Progress, TaskTensors, descend
from core.training.recorded import ASKED, PLAIN_STEPS, RecordedSteps, Steps, recordable
from core.training.stages import Learning

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU that torch can use")


class Repeated(RecordedSteps):
    """Records by remembering the work, so the order of things shows without a GPU."""

    def __init__(self, step, size, optimisers=(), steady=True, *, waits=False, refuses=False):
        super().__init__(step, size, optimisers, steady)
        self.waits, self.refuses, self.recordings = waits, refuses, 0

    def _waits(self, take: Callable[[], None]) -> bool:
        take()
        return self.waits and self.plain == PLAIN_STEPS

    def recording(self, work: Callable[[], None]) -> Callable[[], None]:
        self.recordings += 1
        if self.refuses:
            raise RuntimeError("operation not permitted when stream is capturing")
        return work


def summed(batch: Tensor) -> dict[str, Tensor]:
    return {"loss": batch.float().sum(), "images": torch.tensor(len(batch))}


BATCHES = [*torch.arange(27).split(4)]  # the last holds three


@pytest.mark.parametrize(
    ("changes", "recordings"),
    [
        ({}, 1),
        ({"steady": False}, 2),
        ({"waits": True}, 0),
        ({"refuses": True}, 1),
    ],
)
def test_recorded_steps_add_up_to_those_of_plain_ones(changes, recordings):
    plain, recorded = Steps(summed), Repeated(summed, 4, **changes)
    for _ in range(2):
        for steps in (plain, recorded):
            steps.begin()
            for batch in BATCHES:
                steps.take(batch)
        assert {name: float(total) for name, total in plain.sums.items()} == {"loss": 351.0, "images": 27.0}
        assert {name: float(total) for name, total in recorded.sums.items()} == {"loss": 351.0, "images": 27.0}
    assert recorded.recordings == recordings
    assert bool(recorded.refused) == bool(changes.get("waits") or changes.get("refuses"))


def test_another_learning_rate_is_recorded_anew():
    descent = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)
    steps = Repeated(summed, 4, [descent])
    for rate in (0.1, 0.1, 0.01):
        descent.param_groups[0]["lr"] = rate
        steps.begin()
        for batch in BATCHES:
            steps.take(batch)
        assert float(steps.sums["loss"]) == 351.0
    assert steps.recordings == 2


def test_an_epoch_shorter_than_the_plain_steps_records_later():
    steps = Repeated(summed, 4)
    for _ in range(PLAIN_STEPS + 2):
        steps.begin()
        steps.take(BATCHES[1])
        assert float(steps.sums["loss"]) == 22.0
    assert steps.recordings == 1


def test_optimisers_are_recordable_only_inside():
    weight = nn.Parameter(torch.ones(2))
    adam = torch.optim.RMSprop([weight])
    descend(weight.square().sum(), adam)
    with recordable([adam, torch.optim.SGD([weight], 0.1)]):
        assert adam.param_groups[0]["capturable"]
        assert adam.state[weight]["step"].device == weight.device and float(adam.state[weight]["step"]) == 1
    assert not adam.param_groups[0]["capturable"]


class Redraws(Learning):
    """Dropout and batch normalisation: random numbers and running statistics."""

    steady = True

    def begin(self, task, progress):
        super().begin(task, progress)
        self.adam = self.detector.optimiser(self.detector.networks.parameters())

    def descents(self):
        return [self.adam]

    def step(self, batch):
        images = self.task.train[batch].flatten(1).float() / 255
        error = (self.detector.networks(images) - images).square().sum()
        if self.detector.waits:
            float(error.detach())
        descend(error, self.adam)
        return {"error": error.detach()}


@pytest.fixture(autouse=True)
def asked_for(monkeypatch):
    monkeypatch.setenv(ASKED, "1")


def trained(optimiser, plain: bool, waits: bool = False) -> tuple[list[float], dict[str, Tensor], Steps]:
    device = torch.device("cuda")
    torch.manual_seed(0)
    networks = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 16))
    images = torch.randint(0, 256, (67, 1, 4, 4), dtype=torch.uint8).to(device)
    detector = SimpleNamespace(networks=networks.to(device), optimiser=optimiser, waits=waits, knobs=None)
    stage = Redraws(detector)
    stage.begin(TaskTensors(images, images[:4]), Progress())
    if plain:
        stage.steps = Steps(stage.step)
    curves = []
    for epoch in range(3):
        torch.manual_seed(epoch)
        curves.append(stage.learn(10)["error"])
    return curves, dict(networks.state_dict()), stage.steps


@needs_gpu
@pytest.mark.parametrize(
    "optimiser",
    [
        lambda weights: torch.optim.Adam(weights, 0.01, fused=True),
        lambda weights: torch.optim.RMSprop(weights, 0.01),
        lambda weights: torch.optim.SGD(weights, 0.001, momentum=0.9),
    ],
    ids=["adam", "rmsprop", "sgd"],
)
def test_on_a_gpu_recorded_steps_train_to_the_weights_of_plain_ones(optimiser):
    curves, weights, _ = trained(optimiser, plain=True)
    again, recorded, steps = trained(optimiser, plain=False)
    assert isinstance(steps, RecordedSteps) and steps.replay is not None and not steps.refused
    assert again == pytest.approx(curves, rel=1e-5)
    for name, value in weights.items():
        torch.testing.assert_close(recorded[name], value, rtol=1e-4, atol=1e-6)


@needs_gpu
def test_on_a_gpu_a_step_that_waits_runs_plainly():
    def adam(weights):
        return torch.optim.Adam(weights, 0.01, fused=True)

    curves, weights, _ = trained(adam, plain=True)
    again, found, steps = trained(adam, plain=False, waits=True)
    assert steps.refused and steps.replay is None and again == pytest.approx(curves, rel=1e-5)
    torch.testing.assert_close(found["0.weight"], weights["0.weight"], rtol=1e-4, atol=1e-6)


@needs_gpu
def test_on_a_gpu_a_recording_that_breaks_off_leaves_random_numbers_as_they_were():
    steps = RecordedSteps(summed, 4, [], True)
    torch.manual_seed(3)
    expected = torch.randn(3, device="cuda")
    torch.manual_seed(3)
    with pytest.raises(RuntimeError):
        steps.recording(lambda: print(float(torch.randn(1, device="cuda"))))
    torch.testing.assert_close(torch.randn(3, device="cuda"), expected)
