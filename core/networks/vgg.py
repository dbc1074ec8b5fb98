"""The VGG-like networks of metric learning (Masana et al., BMVC 2018, code) and small ones for small images.

32 x 32: as published, ten 3 x 3 convolutions that keep the size, each with ReLU and without batch normalisation,
64, 64 | 128, 128 | 256, 256 | 512, 512 | 512, 512 channels; 2 x 2 max-pooling after each pair, the last one averages;
two layers of 512 with ReLU and dropout; a linear layer. 28 x 28 is a narrow one of the same make, 8 x 8 two dense
layers. (Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015.)
"""

from torch import nn

from core.knobs import Shape

LEVELS = {32: (64, 128, 256, 512, 512), 28: (16, 32, 64)}  # channels of each pair of convolutions
WIDTHS = {32: 512, 28: 128, 8: 128}  # of the two dense layers


def network(shape: Shape, outputs: int, dropout: float) -> nn.Sequential:
    """[B, C, S, S] -> [B, outputs], linear at the end.  S: 8, 28 or 32.  dropout: share of the dense units dropped.

    Weights start as published at 32 x 32, as torch's own otherwise.
    """
    channels, side = shape[0], shape[1]
    layers: list[nn.Module] = []
    levels = LEVELS.get(side, ())
    for number, width in enumerate(levels):
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        side //= 2
        layers.append(nn.MaxPool2d(2) if number < len(levels) - 1 else nn.AvgPool2d(2))
    width = WIDTHS[shape[1]]
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
