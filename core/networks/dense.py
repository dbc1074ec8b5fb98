"""Stacks of dense layers: RaPP's encoder and decoder, and the discriminator of an adversarial autoencoder."""

from torch import Tensor, nn


def blocks(widths: tuple[int, ...]) -> nn.ModuleList:
    """Linear, LeakyReLU(0.2), BatchNorm for every layer but the last, which is linear alone (authors' code)."""
    hidden = [
        nn.Sequential(nn.Linear(a, b), nn.LeakyReLU(0.2), nn.BatchNorm1d(b))
        for a, b in zip(widths[:-2], widths[1:-1], strict=True)
    ]
    return nn.ModuleList([*hidden, nn.Linear(widths[-2], widths[-1])])


def discriminator(widths: tuple[int, ...]) -> nn.Sequential:
    """Linear, ReLU and dropout 0.2 for every layer but the last, which is linear alone and gives logits."""
    hidden = [
        nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Dropout(0.2))
        for a, b in zip(widths[:-2], widths[1:-1], strict=True)
    ]
    return nn.Sequential(*hidden, nn.Linear(widths[-2], widths[-1]))


def through(layers: nn.ModuleList, values: Tensor) -> Tensor:
    """The values after all layers."""
    for layer in layers:
        values = layer(values)
    return values
