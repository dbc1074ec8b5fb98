"""The VGG-like networks of metric learning (Masana et al., BMVC 2018, code) and small ones for small images.

32 x 32: as published, ten 3 x 3 convolutions that keep the size, each with ReLU and without batch normalisation,
64, 64 | 128, 128 | 256, 256 | 512, 512 | 512, 512 channels; 2 x 2 max-pooling after each pair, the last one averages;
two layers of 512 with ReLU and dropout; a linear layer. 28 x 28 is a narrow one of the same make, 8 x 8 two dense
layers. One number, the channels of the first pair, makes all of it narrower or wider. (Simonyan and Zisserman, Very
Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015.)
"""

from torch import nn

from core.knobs import Shape

LEVELS = {32: (1, 2, 4, 8, 8), 28: (1, 2, 4), 8: ()}  # channels of each pair of convolutions, in first widths
DENSE = 8  # width of the two dense layers, in first widths
FIRST = {32: 64, 28: 16, 8: 16}  # the first width where none is asked for


def network(shape: Shape, outputs: int, dropout: float, first: int = 0) -> nn.Sequential:
    """[B, C, S, S] -> [B, outputs], linear at the end.  S: 8, 28 or 32.  dropout: share of the dense units dropped.

    first: channels of the first pair of convolutions, an eighth of the dense layers' width; 0: FIRST.
    Weights start as published at 32 x 32, as torch's own otherwise.
    """
    channels, side = shape[0], shape[1]
    first = first or FIRST[side]
    layers: list[nn.Module] = []
    levels = LEVELS[side]
    for number, times in enumerate(levels):
        for _ in range(2):
            layers += [nn.Conv2d(channels, times * first, 3, padding=1), nn.ReLU()]
            channels = times * first
        side //= 2
        layers.append(nn.MaxPool2d(2) if number < len(levels) - 1 else nn.AvgPool2d(2))
    width = DENSE * first
    layers.append(nn.Flatten())
    for into in (channels * side * side, width):
        layers += [nn.Linear(into, width), nn.ReLU(), nn.Dropout(dropout)]
    built = nn.Sequential(*layers)
    if shape[1] == 32:
        _start(built)
    return built.append(last_layer(shape, width, outputs))


def last_layer(shape: tuple[int, ...], width: int, outputs: int) -> nn.Linear:
    """[B, width] -> [B, outputs], with weights that start like those of the network for images of this shape."""
    layer = nn.Linear(width, outputs)
    if shape[1] == 32:
        _start(layer)
    return layer


def _start(built: nn.Module) -> None:
    """As published: Xavier uniform and biases of 0.1 for convolutions, N(0, 0.1) for dense weights and biases."""
    for layer in built.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.constant_(layer.bias, 0.1)  # type: ignore[arg-type]
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.1)
            nn.init.normal_(layer.bias, std=0.1)
