"""The bias-free LeNets of Deep SVDD (Ruff et al., ICML 2018) and their mirrored decoders.

No layer has a bias and batch normalisation learns no shift: a bias would let the network map every image to the centre
(paper, proposition 2). Convolutions are 5 x 5 and keep the size; leaky ReLU; 2 x 2 max-pooling.

Published are the one for 28 x 28, of two levels, and the one for 32 x 32, of three. The others are ours: 8 x 8 has two
levels; up to a side of 31 the channels and the embedding are those of 28 x 28, above it those of 32 x 32. At 64 x 64 a
level with half the channels stands before them, so that every level costs what the published ones cost and the dense
layer stays. The smallest map is 4 x 4 to 7 x 7. The decoders grow by nearest neighbours to the sides that the encoder's
maps had.
"""

from torch import nn

from core.knobs import Shape

# side -> (channels of the convolutions, embedding, channels and side of the decoder's first map)
_SMALL = {8: ((32, 16), 32, (8, 2)), 28: ((8, 4), 32, (2, 4))}  # 8 x 8 is ours; 28 x 28 is the paper's
_LARGE = (16, 32, 64, 128)  # channels of the levels at 64 x 64; from 32 x 32 on the last three
PUBLISHED = (8, 28, 32)  # sides whose decoders double their maps


def embedding_size(shape: Shape) -> int:
    """D: 32 up to a side of 31, 128 above."""
    return 128 if _large(shape) else 32


def encoder(shape: Shape, leak: float) -> nn.Sequential:
    """[B, C, S, S] -> [B, D], linear at the end.  S: 8, or 16 to 64."""
    widths = _widths(shape)
    blocks = [_down(into, out, leak) for into, out in zip((shape[0], *widths), widths, strict=False)]
    flat = widths[-1] * (shape[1] // 2 ** len(widths)) ** 2
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(flat, embedding_size(shape), bias=False))


def decoder(shape: Shape, leak: float) -> nn.Sequential:
    """[B, D] -> [B, C, S, S] in (0, 1).  S: 8, or 16 to 64."""
    if shape[1] == 32:
        # The autoencoder alone normalises the code; Deep SVDD starts from the plain linear output.
        return nn.Sequential(
            nn.BatchNorm1d(128, eps=1e-4, affine=False),
            nn.Unflatten(1, (8, 4, 4)),
            nn.LeakyReLU(leak),
            _up(8, 128, leak),
            _up(128, 64, leak),
            _up(64, 32, leak),
            nn.ConvTranspose2d(32, shape[0], 5, padding=2, bias=False),
            nn.Sigmoid(),
        )
    if shape[1] not in PUBLISHED:
        return _growing(shape, leak)
    (last, middle), size, (channels, side) = _SMALL[shape[1]]
    start = [nn.Unflatten(1, (channels, side, side)), nn.LeakyReLU(leak), nn.Upsample(scale_factor=2)]
    if shape[1] == 8:
        inner = [_up(channels, middle, leak)]
    else:  # a padding of 3 takes 16 x 16 to 14 x 14
        inner = [_up(channels, middle, leak), _up(middle, last, leak, padding=3)]
    end = [nn.ConvTranspose2d(middle if shape[1] == 8 else last, shape[0], 5, padding=2, bias=False), nn.Sigmoid()]
    return nn.Sequential(*start, *inner, *end)


def initialise(network: nn.Module, shape: Shape) -> None:
    """Networks from 32 x 32 on: Xavier uniform with the gain of leaky ReLU; others keep torch's default."""
    if _large(shape):
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.xavier_uniform_(layer.weight, gain=nn.init.calculate_gain("leaky_relu"))


def _large(shape: Shape) -> bool:
    return shape[1] >= 32


def _widths(shape: Shape) -> tuple[int, ...]:
    """Channels of the encoder's levels."""
    if not _large(shape):
        return _SMALL[8 if shape[1] == 8 else 28][0]
    return _LARGE if shape[1] >= 64 else _LARGE[1:]


def _growing(shape: Shape, leak: float) -> nn.Sequential:
    """A decoder whose 4 x 4 code grows, level by level, to the sides that the encoder's maps had."""
    widths, size = _widths(shape), embedding_size(shape)
    sides = [shape[1] // 2**level for level in reversed(range(len(widths)))]
    channels = (size // 16, *reversed(widths))
    start = [nn.BatchNorm1d(size, eps=1e-4, affine=False)] if _large(shape) else []
    inner = [_up(into, out, leak, to=side) for into, out, side in zip(channels, channels[1:], sides, strict=False)]
    return nn.Sequential(
        *start,
        nn.Unflatten(1, (channels[0], 4, 4)),
        nn.LeakyReLU(leak),
        *inner,
        nn.ConvTranspose2d(widths[0], shape[0], 5, padding=2, bias=False),
        nn.Sigmoid(),
    )


def _down(into: int, out: int, leak: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, 5, padding=2, bias=False),
        nn.BatchNorm2d(out, eps=1e-4, affine=False),
        nn.LeakyReLU(leak),
        nn.MaxPool2d(2),
    )


def _up(into: int, out: int, leak: float, padding: int = 2, to: int | None = None) -> nn.Sequential:
    """to: the side of the grown map; None doubles it."""
    return nn.Sequential(
        nn.ConvTranspose2d(into, out, 5, padding=padding, bias=False),
        nn.BatchNorm2d(out, eps=1e-4, affine=False),
        nn.LeakyReLU(leak),
        nn.Upsample(scale_factor=2) if to is None else nn.Upsample(size=to),
    )
