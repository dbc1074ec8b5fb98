"""The bias-free LeNets of Deep SVDD (Ruff et al., ICML 2018) and their mirrored decoders.

No layer has a bias and batch normalisation learns no shift: a bias would let the network map every image to the centre
(paper, proposition 2). Convolutions are 5 x 5 and keep the size; leaky ReLU; 2 x 2 max-pooling.
"""

from torch import nn

from core.knobs import Shape

# side -> (channels of the convolutions, embedding, channels and side of the decoder's first map)
_SMALL = {8: ((32, 16), 32, (8, 2)), 28: ((8, 4), 32, (2, 4))}  # 8 x 8 is ours; 28 x 28 is the paper's


def embedding_size(shape: Shape) -> int:
    """D: 32 for 8 x 8 and 28 x 28, 128 for 32 x 32."""
    return 128 if shape[1] == 32 else _SMALL[shape[1]][1]


def encoder(shape: Shape, leak: float) -> nn.Sequential:
    """[B, C, S, S] -> [B, D], linear at the end."""
    if shape[1] == 32:
        widths = (shape[0], 32, 64, 128)
        blocks = [_down(a, b, leak) for a, b in zip(widths, widths[1:], strict=False)]
        return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(128 * 4 * 4, 128, bias=False))
    (first, second), size, _ = _SMALL[shape[1]]
    flat = second * (shape[1] // 4) ** 2
    return nn.Sequential(
        _down(shape[0], first, leak), _down(first, second, leak), nn.Flatten(), nn.Linear(flat, size, bias=False)
    )


def decoder(shape: Shape, leak: float) -> nn.Sequential:
    """[B, D] -> [B, C, S, S] in (0, 1)."""
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
    (last, middle), size, (channels, side) = _SMALL[shape[1]]
    start = [nn.Unflatten(1, (channels, side, side)), nn.LeakyReLU(leak), nn.Upsample(scale_factor=2)]
    if shape[1] == 8:
        inner = [_up(channels, middle, leak)]
    else:  # a padding of 3 takes 16 x 16 to 14 x 14
        inner = [_up(channels, middle, leak), _up(middle, last, leak, padding=3)]
    end = [nn.ConvTranspose2d(middle if shape[1] == 8 else last, shape[0], 5, padding=2, bias=False), nn.Sigmoid()]
    return nn.Sequential(*start, *inner, *end)


def initialise(network: nn.Module, shape: Shape) -> None:
    """Colour networks: Xavier uniform with the gain of leaky ReLU; others keep torch's default."""
    if shape[1] == 32:
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.xavier_uniform_(layer.weight, gain=nn.init.calculate_gain("leaky_relu"))


def _down(into: int, out: int, leak: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, 5, padding=2, bias=False),
        nn.BatchNorm2d(out, eps=1e-4, affine=False),
        nn.LeakyReLU(leak),
        nn.MaxPool2d(2),
    )


def _up(into: int, out: int, leak: float, padding: int = 2) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(into, out, 5, padding=padding, bias=False),
        nn.BatchNorm2d(out, eps=1e-4, affine=False),
        nn.LeakyReLU(leak),
        nn.Upsample(scale_factor=2),
    )
