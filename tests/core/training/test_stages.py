"""What stages of all families share: knowing their detector, one optimiser and its rate, a step down the gradient."""

from types import SimpleNamespace

import pytest
import torch

from core.training import BestWeights, Descent, DetectorStage, Progress, Redrawing, TaskTensors, descend, load_optimiser

TASK = TaskTensors(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(2, 1, 2, 2, dtype=torch.uint8))


class Falling(Descent):
    drop = 3

    def begin(self, task, progress):
        super().begin(task, progress)
        self.adam = torch.optim.Adam([self.detector.weight], 0.1)

    def epoch(self, number):
        self.set_rate(number, 0.1)
        descend(self.detector.weight.square().sum(), self.adam)
        return {}


def falling() -> Falling:
    weight = torch.tensor([1.0, -2.0], requires_grad=True)
    stage = Falling(SimpleNamespace(weight=weight, knobs="its settings"))
    stage.begin(TASK, Progress())
    return stage


def test_a_stage_knows_its_detector_and_from_the_beginning_its_task():
    stage = falling()
    assert isinstance(stage, DetectorStage) and stage.knobs == "its settings" and stage.task is TASK


def test_the_rate_drops_to_a_tenth_after_its_epoch_and_never_where_that_is_0():
    stage = falling()
    rates = []
    for number in range(1, 6):
        stage.set_rate(number, 0.1)
        rates.append(stage.adam.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.01, 0.01])
    stage.drop = 0
    stage.set_rate(1000, 0.1)
    assert stage.adam.param_groups[0]["lr"] == 0.1


def test_a_step_goes_down_the_gradient_of_this_loss_alone():
    weight = torch.tensor([1.0, -2.0], requires_grad=True)
    weight.grad = torch.tensor([100.0, 100.0])  # left by another loss
    descend(weight.square().sum(), torch.optim.SGD([weight], 0.1))
    torch.testing.assert_close(weight.detach(), torch.tensor([0.8, -1.6]))


def test_a_state_taken_up_goes_on_as_if_nothing_had_happened():
    whole, first = falling(), falling()
    for stage, epochs in ((whole, 4), (first, 2)):
        for number in range(1, epochs + 1):
            stage.epoch(number)
    second = falling()
    second.detector.weight.data.copy_(first.detector.weight.data)
    second.load(first.state())
    for number in (3, 4):
        second.epoch(number)
    assert torch.equal(second.detector.weight, whole.detector.weight)


def test_moments_take_the_order_of_their_weights():
    weight = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last).requires_grad_()
    adam = torch.optim.Adam([weight])
    descend(weight.square().sum(), adam)
    state = adam.state_dict()
    state["state"][0] = {name: value.contiguous() for name, value in state["state"][0].items()}
    again = torch.optim.Adam([weight])
    load_optimiser(again, state)
    moment = again.state[weight]["exp_avg"]
    assert moment.stride() == weight.stride() and torch.equal(moment, adam.state[weight]["exp_avg"])


def test_the_weights_of_the_lowest_loss_are_kept_and_come_back():
    network, best = torch.nn.Linear(1, 1, bias=False), BestWeights()
    best.restore(network)  # nothing is kept yet, so nothing changes
    for epoch, loss in enumerate([3.0, 1.0, 1.0, 2.0], 1):
        torch.nn.init.constant_(network.weight, epoch)
        best.offer(loss, epoch, network)
    assert (best.kept["loss"], best.kept["epoch"], float(network.weight.detach())) == (1.0, 2, 4.0)
    again = BestWeights()
    again.load(best.kept, torch.device("cpu"))
    again.restore(network)
    assert float(network.weight.detach()) == 2.0


class Redraws(Redrawing):
    def begin(self, task, progress):
        super().begin(task, progress)
        self.adam = torch.optim.Adam(self.detector.networks.parameters(), 0.1)

    def epoch(self, number):
        return self.learn(5)


def test_redrawing_sums_the_error_over_pixels_and_descends():
    torch.manual_seed(0)
    decoder = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Unflatten(1, (1, 2, 2)))
    networks = torch.nn.ModuleDict({"encoder": torch.nn.Flatten(), "decoder": decoder})
    task = TaskTensors(torch.randint(0, 256, (10, 1, 2, 2), dtype=torch.uint8), TASK.valid)
    images = task.train / 255
    stage = Redraws(SimpleNamespace(networks=networks, prepared=lambda batch: batch / 255, knobs=None))
    stage.begin(task, Progress())
    expected = float((decoder(images.flatten(1)) - images).square().sum())
    assert float(stage.step(torch.arange(10))["reconstruction"]) == pytest.approx(expected, rel=1e-5)
    errors = [stage.epoch(number)["reconstruction"] for number in range(1, 31)]
    assert errors[-1] < 0.5 * errors[0]
