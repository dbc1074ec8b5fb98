"""CLAD's autoencoders: layer sizes counted by hand, every image shape, the published start."""

import pytest
import torch
from torch import nn

from core.networks import convolutional

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 28, 28), (1, 32, 32), (3, 32, 32)]


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_exponential_unit_equals_torch_s():
    values = torch.tensor([-80.0, -5, -1, -1e-3, -1e-9, 0, 1e-9, 0.5, 60]).requires_grad_()
    ours = convolutional.ELU()(values)
    torch.testing.assert_close(ours, nn.functional.elu(values), rtol=1e-6, atol=1e-7)
    slopes = [torch.autograd.grad((each * torch.arange(9)).sum(), values)[0] for each in (ours, nn.ELU()(values))]
    torch.testing.assert_close(*slopes, rtol=1e-5, atol=1e-6)
    with torch.inference_mode():
        torch.testing.assert_close(convolutional.ELU()(values), ours.detach())


def test_weight_counts_of_the_small_network():
    """28 x 28 grey, code 10: convolutions 1-4-8-16 with biases, then 784-512-10, and back."""
    down = (4 * 9 + 4) + (8 * 4 * 9 + 8) + (16 * 8 * 9 + 16) + (784 * 512 + 512) + (512 * 10 + 10)
    up = (10 * 512 + 512) + (512 * 784 + 784) + (16 * 8 * 16 + 8) + (8 * 4 * 16 + 4) + (4 * 9 + 1)
    assert weights(convolutional.encoder((1, 28, 28), 10)) == down
    assert weights(convolutional.decoder((1, 28, 28), 10)) == up


def test_weight_counts_of_the_large_network():
    """32 x 32 colour, code 100: pairs of convolutions with batch normalisation at 48, 96, 192, then 12288-512-100."""

    def convolution(into, out, side=3):
        return into * out * side * side + out + 2 * out  # with bias, scale and shift

    pairs = [(3, 48), (48, 48), (48, 96), (96, 96), (96, 192), (192, 192)]
    down = sum(convolution(*pair) for pair in pairs) + (12288 * 512 + 512) + (512 * 100 + 100)
    up = (100 * 512 + 512) + (512 * 12288 + 12288)
    up += (
        convolution(192, 96, 4) + convolution(96, 96) + convolution(96, 48, 4) + convolution(48, 48) + (48 * 3 * 9 + 3)
    )
    assert weights(convolutional.encoder((3, 32, 32), 100, "large")) == down
    assert weights(convolutional.decoder((3, 32, 32), 100, "large")) == up


@pytest.mark.parametrize("size", convolutional.SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape, size):
    images = torch.rand(16, *shape, generator=torch.Generator().manual_seed(0))
    code = convolutional.encoder(shape, 7, size)(images)
    assert code.shape == (16, 7) and (code < 0).any()  # linear at the end
    bounded = convolutional.decoder(shape, 7, size).eval()
    free = convolutional.decoder(shape, 7, size, "linear").eval()
    free.load_state_dict(bounded.state_dict())
    assert bounded(code).shape == images.shape
    torch.testing.assert_close(bounded(code), torch.sigmoid(free(code)))


@pytest.mark.parametrize("size", convolutional.SIZES)
def test_only_the_large_network_normalises(size):
    both = nn.ModuleList([convolutional.encoder((1, 28, 28), 10, size), convolutional.decoder((1, 28, 28), 10, size)])
    normalised = [layer for layer in both.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(normalised) == {"small": 0, "large": 10}[size]


def test_dropout_hides_pixels_in_training_alone():
    images = torch.ones(2, 1, 28, 28)
    noisy = convolutional.encoder((1, 28, 28), 10, dropout=0.1)
    assert isinstance(noisy[0], nn.Dropout) and noisy[0].p == 0.1
    assert not torch.equal(noisy(images)[0], noisy(images)[1])
    noisy.eval()
    assert torch.equal(noisy(images)[0], noisy(images)[1])
    assert not any(isinstance(layer, nn.Dropout) for layer in convolutional.encoder((1, 28, 28), 10).modules())


@pytest.mark.parametrize("size", convolutional.SIZES)
def test_the_start_is_xavier_uniform_without_biases(size):
    torch.manual_seed(0)
    both = nn.ModuleList([convolutional.encoder((1, 28, 28), 10, size), convolutional.decoder((1, 28, 28), 10, size)])
    convolutional.initialise(both)
    for layer in both.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            assert not layer.bias.any()
            field = layer.weight[0, 0].numel()
            fans = (layer.weight.shape[0] + layer.weight.shape[1]) * field
            bound = (6 / fans) ** 0.5
            largest = float(layer.weight.detach().abs().max())
            assert 0.8 * bound < largest <= bound, layer
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all()


def test_an_autoencoder_learns_to_redraw():
    torch.manual_seed(0)
    images = torch.rand(8, 1, 8, 8).round()
    both = nn.Sequential(convolutional.encoder((1, 8, 8), 8), convolutional.decoder((1, 8, 8), 8))
    convolutional.initialise(both)
    adam = torch.optim.Adam(both.parameters(), 3e-3)
    losses = []
    for _ in range(80):
        loss = (both(images) - images).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
