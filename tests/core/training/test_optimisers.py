"""The optimisers step as torch's own do, and load no compiler."""

import subprocess
import sys

import pytest
import torch

from core.training import SGD, Adam, RMSprop, descend

PAIRS = {
    "adam": (Adam, torch.optim.Adam, {"lr": 0.1, "weight_decay": 0.01, "fused": True}),
    "rmsprop": (RMSprop, torch.optim.RMSprop, {"lr": 0.1, "alpha": 0.9, "eps": 1e-7}),
    "sgd": (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
}


def stepped(kind: type[torch.optim.Optimizer], settings: dict, steps: int, state: dict | None = None):
    """(weight, optimiser) after so many steps from a fixed start, or from a state."""
    weight = (torch.arange(6.0) - 2).requires_grad_()
    optimiser = kind([weight], **settings)
    if state:
        weight.data.copy_(state["weight"])
        optimiser.load_state_dict(state["optimiser"])
    for _ in range(steps):
        descend((weight**4).sum() + weight.prod(), optimiser)
    return weight, optimiser


@pytest.mark.parametrize("name", PAIRS)
def test_steps_are_those_of_torch_to_the_bit(name):
    ours, theirs, settings = PAIRS[name]
    weight, optimiser = stepped(ours, settings, 5)
    expected, other = stepped(theirs, settings, 5)
    assert torch.equal(weight, expected) and weight.requires_grad and torch.is_grad_enabled()
    assert optimiser.state_dict()["param_groups"] == other.state_dict()["param_groups"]
    for key, value in other.state_dict()["state"][0].items():
        assert torch.equal(optimiser.state_dict()["state"][0][key], value)


@pytest.mark.parametrize("name", PAIRS)
def test_a_state_is_taken_up(name):
    ours, _, settings = PAIRS[name]
    weight, optimiser = stepped(ours, settings, 2)
    state = {"weight": weight.detach().clone(), "optimiser": optimiser.state_dict()}
    assert torch.equal(stepped(ours, settings, 3, state)[0], stepped(ours, settings, 5)[0])


def test_a_training_loads_no_compiler():
    code = """
import sys
import torch
from core import knobs, methods
from core.methods.base import build
from core.training import TaskTensors, train
images = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8)
for name, changes in {
    "rapp-ae": {"epochs": 1}, "vae-threshold": {"epochs": 1},
    "clad": {"pretrain_epochs": 1, "cluster_epochs": 1, "epochs": 1, "clusters": 2, "width": 4},
}.items():
    settings = knobs.changed(knobs.preset(methods.card(name).knobs, "quick", (1, 8, 8)), changes)
    detector = build(methods.load(name), settings, (1, 8, 8), 0)
    train(detector, TaskTensors(images, images[:20]), seed=0)
    detector.score(images)
print(sorted(name for name in sys.modules if name in ("torch._dynamo", "sympy", "torch._inductor")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr
