"""ResNet-18 against torchvision's, and what can be different from it."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from core.networks import resnet


def scrambled(network: nn.Module) -> nn.Module:
    """Random weights and running statistics, so that no layer is neutral."""
    generator = torch.Generator().manual_seed(0)
    state = network.state_dict()
    for name, value in state.items():
        if value.dtype.is_floating_point:
            noise = torch.rand(value.shape, generator=generator)
            state[name] = 0.5 + noise if "bn" in name or "running" in name else (noise - 0.5) / value[0].numel() ** 0.5
    network.load_state_dict(state)
    return network.eval()


@pytest.mark.parametrize("training", [False, True])
def test_outputs_equal_torchvision_s_for_equal_weights(training):
    from torchvision.models import resnet18  # seconds, so only here

    theirs = scrambled(resnet18(num_classes=12))
    ours = resnet.resnet18(3, 12)
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(4, 3, 40, 40, generator=torch.Generator().manual_seed(1))
    expected = theirs.train(training)(images)
    torch.testing.assert_close(ours.train(training)(images), expected)
    assert expected.std().item() > 0.01  # not one constant
    for name, value in theirs.state_dict().items():  # running statistics move alike
        torch.testing.assert_close(ours.state_dict()[name], value)


def test_the_start_is_torchvision_s():
    from torchvision.models import resnet18

    theirs, ours = resnet18(num_classes=5), resnet.resnet18(3, 5)
    assert [(n, p.shape) for n, p in ours.named_parameters()] == [(n, p.shape) for n, p in theirs.named_parameters()]
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if mine.numel() > 1000:
            assert float(mine.std()) == pytest.approx(float(other.std()), rel=0.05), name
        elif mine.numel() > 5:
            assert torch.equal(mine, other), name  # scales and shifts


def test_importing_it_imports_no_torchvision():
    code = "import sys, core.networks.resnet; sys.exit('torchvision' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("stem", ("imagenet", "small"))
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32)])
def test_any_image_and_class_count(shape, stem):
    network = resnet.resnet18(shape[0], 7, stem, width=8).eval()
    assert network(torch.rand(2, *shape)).shape == (2, 7)
    before_layers = nn.Sequential(*list(network)[: list(dict(network.named_children())).index("layer1")])
    side = {"imagenet": -(-shape[1] // 4), "small": shape[1]}[stem]
    assert before_layers(torch.rand(2, *shape)).shape == (2, 8, side, side)


def test_the_width_scales_every_layer():
    names = dict(resnet.resnet18(1, 4, width=16).named_parameters())
    assert names["layer1.1.conv2.weight"].shape == (16, 16, 3, 3)
    assert names["layer4.0.downsample.0.weight"].shape == (128, 64, 1, 1)
    assert names["fc.weight"].shape == (4, 128)


@pytest.mark.parametrize(("channels", "stem", "size"), [(1, "imagenet", 28), (3, "imagenet", 31), (3, "small", 8)])
def test_the_gradient_of_the_images_is_that_of_the_plain_convolution(channels, stem, size):
    generator = torch.Generator().manual_seed(2)
    first = resnet.resnet18(channels, 4, stem, width=8).conv1
    images = torch.randn(3, channels, size, size + 2, generator=generator).requires_grad_()
    plain = nn.functional.conv2d(images, first.weight, None, first.stride, first.padding)
    towards = torch.randn(plain.shape, generator=generator)
    (expected,) = torch.autograd.grad((plain * towards).sum(), images)
    answer = first(images)
    torch.testing.assert_close(answer, plain)
    torch.testing.assert_close(torch.autograd.grad((answer * towards).sum(), images)[0], expected)


def test_the_first_convolution_trains_on_images_that_ask_for_nothing():
    first = resnet.resnet18(1, 4, width=8).conv1
    images = torch.randn(3, 1, 9, 9, generator=torch.Generator().manual_seed(3))
    plain = torch.autograd.grad(
        nn.functional.conv2d(images, first.weight, None, first.stride, first.padding).square().sum(), first.weight
    )
    torch.testing.assert_close(torch.autograd.grad(first(images).square().sum(), first.weight), plain)


@pytest.mark.parametrize("stem", ("imagenet", "small"))
def test_folded_it_answers_and_sends_back_what_it_does_in_evaluation_mode(stem):
    generator = torch.Generator().manual_seed(4)
    network = resnet.resnet18(1, 5, stem, width=8).double()
    with torch.no_grad():
        for each in network.modules():
            if isinstance(each, nn.BatchNorm2d):
                for tensor in (each.weight, each.bias, each.running_mean):
                    tensor.normal_(generator=generator)
                each.running_var.uniform_(0.5, 2, generator=generator)
    folded, images = resnet.folded(network), torch.randn(3, 1, 14, 14, dtype=torch.float64, generator=generator)
    answers = []
    for each in (network.eval(), folded):
        asked = images.clone().requires_grad_()
        logits = each(asked)
        answers.append((logits, *torch.autograd.grad(logits.logsumexp(1).sum(), asked)))
    torch.testing.assert_close(answers[1], answers[0])
    assert sum(isinstance(each, nn.BatchNorm2d) for each in folded.modules()) == 1  # of the first convolution
    assert next(network.parameters()).requires_grad
