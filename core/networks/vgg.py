"""The VGG-like networks of metric learning (Masana et al., BMVC 2018, code) and small ones for small images.

32 x 32: as published, ten 3 x 3 convolutions that keep the size, each with ReLU and without batch normalisation,
64, 64 | 128, 128 | 256, 256 | 512, 512 | 512, 512 channels; 2 x 2 max-pooling after each pair, the last one averages;
two layers of 512 with ReLU and dropout; a linear layer. 28 x 28 is a narrow one of the same make, 8 x 8 two dense
layers. Other sides, from 16 to 64, are ours too: up to 31 as at 28 x 28; above 32 a fourth pair, of twice as many
channels, follows, so that the last map is 2 x 2 to 4 x 4. One number, the channels of the first pair, makes all of it
narrower or wider. (Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR
2015.)

The published start halves the variance of what it passes on in every layer, so that ten of them answer all images
nearly alike, and thousands of epochs mend it; He's start keeps it. (He et al., Delving Deep into Rectifiers, ICCV
2015.)
"""

from torch import nn

from core.knobs import Shape

PUBLISHED = 32  # the side
DENSE = 8  # width of the two dense layers, in first widths


def levels(side: int) -> tuple[int, ...]:
    """Channels of each pair of convolutions, in first widths."""
    if side == PUBLISHED:
        return (1, 2, 4, 8, 8)
    return () if side == 8 else (1, 2, 4, 8)[: 3 if side < PUBLISHED else 4]


def usual_first(side: int) -> int:
    """The first width where none is asked for."""
    return 64 if side == PUBLISHED else 16


def network(shape: Shape, outputs: int, dropout: float, first: int = 0, he: bool = False) -> nn.Sequential:
    """[B, C, S, S] -> [B, outputs], linear at the end.  S: 8, or 16 to 64.  dropout: share of the dense units dropped.

    first: channels of the first pair of convolutions, an eighth of the dense layers' width; 0: `usual_first`.
    he: whether weights start by He's rule; else as published from 32 x 32 on, as torch's own below: with those, eight
    convolutions without batch normalisation answer all images alike.
    """
    channels, side = shape[0], shape[1]
    first = first or usual_first(side)
    layers: list[nn.Module] = []
    pairs = levels(side)
    for number, times in enumerate(pairs):
        for _ in range(2):
            layers += [nn.Conv2d(channels, times * first, 3, padding=1), nn.ReLU()]
            channels = times * first
        side //= 2
        layers.append(nn.MaxPool2d(2) if number < len(pairs) - 1 else nn.AvgPool2d(2))
    width = DENSE * first
    layers.append(nn.Flatten())
    for into in (channels * side * side, width):
        layers += [nn.Linear(into, width), nn.ReLU(), nn.Dropout(dropout)]
    built = nn.Sequential(*layers)
    _start(built, shape, he)
    return built.append(last_layer(shape, width, outputs, he))


def last_layer(shape: tuple[int, ...], width: int, outputs: int, he: bool = False) -> nn.Linear:
    """[B, width] -> [B, outputs], with weights that start like those of the network for images of this shape."""
    layer = nn.Linear(width, outputs)
    _start(layer, shape, he)
    return layer


def _start(built: nn.Module, shape: tuple[int, ...], he: bool) -> None:
    """He's rule: N(0, 2 / inputs), biases of 0.  As published: Xavier uniform and biases of 0.1 for convolutions,
    N(0, 0.1) for dense weights and biases; below 32 x 32 they stay as torch made them.
    """
    for layer in built.modules():
        if he and isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        elif shape[1] < PUBLISHED:
            continue
        elif isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.constant_(layer.bias, 0.1)  # type: ignore[arg-type]
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.1)
            nn.init.normal_(layer.bias, std=0.1)
