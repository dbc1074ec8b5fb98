"""The convolutional autoencoders of CLAD (Park et al., ICLR 2021 workshop, code): a small one and a large one.

3 x 3 convolutions that keep the size, ELU, two 2 x 2 max-poolings, two linear layers down to the code; the decoder
mirrors it with 4 x 4 transposed convolutions of stride 2. C channels widen to 4C, 8C, 16C (small), or, two convolutions
each with batch normalisation, to 16C, 32C, 64C (large). The last layer of the encoder gives the code itself; the
published one gives twice as many numbers, a mean and an unbounded noise scale that nothing holds back.
"""

from typing import Any

import torch
from torch import Tensor, nn

from core.knobs import Shape

HIDDEN = 512  # width of the linear layer beside the code
SIZES = {"small": (4, 8, 16), "large": (16, 32, 64)}  # channels of the three levels, in multiples of the image's


class _Exponential(torch.autograd.Function):
    """x above 0, exp(x) - 1 below.

    torch's own computes expm1, which costs a CPU fifteen times as much as exp: two fifths of a step of the small
    autoencoder. Beside activations of the size of 1 the difference in rounding, 6e-8, is nothing.
    """

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        result = values.clamp(max=0).exp_().sub_(1).add_(values.clamp(min=0))
        context.save_for_backward(result)
        return result

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (result,) = context.saved_tensors
        return result.clamp(max=0).add_(1).mul_(gradient)  # below 0 the slope is exp(x), the result plus 1


class ELU(nn.Module):
    """Exponential linear unit.  D.-A. Clevert, T. Unterthiner, S. Hochreiter, ICLR 2016."""

    def forward(self, values: Tensor) -> Tensor:
        return _Exponential.apply(values)


def encoder(shape: Shape, latent: int, size: str = "small", dropout: float = 0.0) -> nn.Sequential:
    """[B, C, S, S] -> [B, latent], linear at the end; S is divisible by 4.

    dropout: share of pixels set to 0 in training, for denoising.
    """
    levels = _widths(shape, size)
    layers: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
    for into, out in zip((shape[0], *levels), levels, strict=False):
        layers += [_level(into, out, size), nn.MaxPool2d(2)]
    return nn.Sequential(
        *layers[:-1], nn.Flatten(), nn.Linear(_flat(shape, size), HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, latent)
    )


def decoder(shape: Shape, latent: int, size: str = "small", output: str = "sigmoid") -> nn.Sequential:
    """[B, latent] -> [B, C, S, S].  output: `sigmoid`, within (0, 1), or `linear`."""
    first, middle, last = _widths(shape, size)
    side = shape[1] // 4
    layers = [
        nn.Linear(latent, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, _flat(shape, size)),
        nn.ReLU(),
        nn.Unflatten(1, (last, side, side)),
        _up(last, middle, size),
        _up(middle, first, size),
        nn.Conv2d(first, shape[0], 3, padding=1),
    ]
    return nn.Sequential(*layers, *([nn.Sigmoid()] if output == "sigmoid" else []))


def initialise(network: nn.Module) -> None:
    """Xavier uniform weights and zero biases, as in CLAD's code; batch normalisation keeps its own."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _widths(shape: Shape, size: str) -> tuple[int, int, int]:
    first, middle, last = (each * shape[0] for each in SIZES[size])
    return first, middle, last


def _flat(shape: Shape, size: str) -> int:
    return _widths(shape, size)[2] * (shape[1] // 4) ** 2


def _level(into: int, out: int, size: str) -> nn.Sequential:
    if size == "small":
        return nn.Sequential(nn.Conv2d(into, out, 3, padding=1), ELU())
    return nn.Sequential(
        *_normalised(nn.Conv2d(into, out, 3, padding=1)), *_normalised(nn.Conv2d(out, out, 3, padding=1))
    )


def _up(into: int, out: int, size: str) -> nn.Sequential:
    wider = nn.ConvTranspose2d(into, out, 4, stride=2, padding=1)
    if size == "small":
        return nn.Sequential(wider, ELU())
    return nn.Sequential(*_normalised(wider), *_normalised(nn.Conv2d(out, out, 3, padding=1)))


def _normalised(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[nn.Module, ...]:
    return layer, nn.BatchNorm2d(layer.out_channels), ELU()
