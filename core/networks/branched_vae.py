"""The branched variational autoencoder of the EMNIST experiment: two parallel branches in the encoder and the decoder.

The encoder pools by maxima in one branch and by means in the other; the decoder draws by convolutions in one and by
transposed convolutions in the other. 28 x 28 is the published network; the other sides, those from 8 to 64 that 8
divides, are ours: they keep its layers, and only paddings and poolings differ, so that the maps have the sides that the
images need. Below 28 there are two poolings and doublings instead of three. All convolutions are 3 x 3 with ReLU and 16
channels but those that must grow a map by more than two pixels; weights are Glorot-uniform, biases 0.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.knobs import Shape

CHANNELS = 16
HIDDEN = 128  # of the dense layer before the latent, and of the first one behind it


@dataclass(frozen=True)
class Plan:
    """What depends on the side of the images.

    smallest: side of the smallest map, in encoder and decoder.  last_pool: whether a third pooling leads to it.
    padding: of the decoder's third convolution.  ups: doublings of its convolutional branch.
    grown: pixels that the first two transposed convolutions add to a side.
    """

    smallest: int
    last_pool: bool
    padding: int
    grown: tuple[int, int]
    ups: int


PUBLISHED = Plan(4, True, 0, (2, 2), 3)  # of 28 x 28: the only one that crops, from 16 to 14


def plan_of(side: int) -> Plan:
    """The plan for images of this side, 28 or a multiple of 8.

    From 32 on the first transposed convolution adds half of the smallest map, and the second what is missing of half of
    the image.
    """
    if side == 28:
        return PUBLISHED
    if side < 28:
        return Plan(side // 4, False, 1, (0, 0), 2)
    first = side // 16
    return Plan(side // 8, True, 1, (first, side // 2 - 2 * (side // 8 + first)), 3)


class BranchedVAE(nn.Module):
    """Images in [0, 1] to a normal distribution of the latent, and a latent back to the logits of its pixels.

    shape: (C, S, S) with S 28 or divisible by 8.  latent: its size.  dropout: the rate of all nine dropouts, element by
    element.
    """

    def __init__(self, shape: Shape, latent: int, dropout: float) -> None:
        super().__init__()
        plan, channels = plan_of(shape[1]), shape[0]
        flat = CHANNELS * plan.smallest**2
        self.stem = _conv(channels)
        self.by_maxima = _down(nn.MaxPool2d, plan, dropout)
        self.by_means = _down(_MeanPool, plan, dropout)
        self.join = nn.Sequential(nn.Flatten(), nn.Linear(2 * flat, HIDDEN), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(HIDDEN, latent), nn.Linear(HIDDEN, latent)
        self.trunk = nn.Sequential(
            nn.Linear(latent, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, flat),
            nn.ReLU(),
            nn.Unflatten(1, (CHANNELS, plan.smallest, plan.smallest)),
            nn.Dropout(dropout),
        )
        up = [nn.Upsample(scale_factor=2) if number < plan.ups else nn.Identity() for number in range(3)]
        self.by_convolutions = nn.Sequential(
            *(_conv(), nn.Dropout(dropout), up[0]),
            *(_conv(), up[1]),
            *(_conv(padding=plan.padding), nn.Dropout(dropout), up[2]),
            _conv(),
        )
        self.by_transposed = nn.Sequential(
            *(_grow(plan.grown[0]), nn.Dropout(dropout), nn.Upsample(scale_factor=2)),
            *(_grow(plan.grown[1]), nn.Dropout(dropout), nn.Upsample(scale_factor=2)),
            _grow(0),
        )
        self.head = nn.Sequential(_conv(2 * CHANNELS), nn.Conv2d(CHANNELS, channels, 3, padding=1))
        for each in self.parameters():
            if each.dim() > 1:
                nn.init.xavier_uniform_(each)
            else:
                nn.init.zeros_(each)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent: [B, C, S, S] -> [B, latent] twice."""
        stem = self.stem(images)
        hidden = self.join(torch.cat([self.by_maxima(stem), self.by_means(stem)], 1))
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, latent: Tensor) -> Tensor:
        """Logits of the pixels: [B, latent] -> [B, C, S, S]."""
        trunk = self.trunk(latent)
        return self.head(torch.cat([self.by_convolutions(trunk), self.by_transposed(trunk)], 1))

    def penalised(self) -> list[Tensor]:
        """The kernels that the L2 penalty holds small, of 14 layers; neither stem, latent nor head, and no bias."""
        parts = (self.by_maxima, self.by_means, self.join, self.trunk, self.by_convolutions, self.by_transposed)
        return [each for part in parts for each in part.parameters() if each.dim() > 1]


class _MeanPool(nn.AvgPool2d):
    """The mean of the pixels that are there, where the last window leaves the map."""

    def __init__(self, size: int, ceil_mode: bool = False) -> None:
        super().__init__(size, ceil_mode=ceil_mode, count_include_pad=False)


def _conv(into: int = CHANNELS, padding: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, CHANNELS, 3, padding=padding), nn.ReLU())


def _grow(pixels: int) -> nn.Sequential:
    """A transposed convolution that adds these pixels to a side: 3 x 3 up to two of them, else larger."""
    size = max(3, pixels + 1)
    return nn.Sequential(nn.ConvTranspose2d(CHANNELS, CHANNELS, size, padding=(size - 1 - pixels) // 2), nn.ReLU())


def _down(pool: type[nn.MaxPool2d] | type[_MeanPool], plan: Plan, dropout: float) -> nn.Sequential:
    """Two convolutions between poolings."""
    parts = [*(pool(2), _conv(), nn.Dropout(dropout)), *(pool(2), _conv(), nn.Dropout(dropout))]
    return nn.Sequential(*parts, *([pool(2, ceil_mode=True)] if plan.last_pool else []))
