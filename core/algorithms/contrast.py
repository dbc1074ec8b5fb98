"""Global contrast normalisation: an image without its brightness and contrast.

Source: Ruff et al., Deep One-Class Classification, ICML 2018, section 4 and code; the code of OC-NN takes it over.
"""

from torch import Tensor


def contrast_normalised(images: Tensor) -> Tensor:
    """With the L1 norm: uint8 [B, C, H, W] -> float32 of mean 0 and mean magnitude 1.

    A constant image becomes all zeros.
    """
    pixels = images.float() / 255
    pixels = pixels - pixels.mean((1, 2, 3), keepdim=True)
    return pixels / pixels.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-8)


def into_unit_range(values: Tensor, bounds: tuple[float, float]) -> Tensor:
    """The values mapped so that the bounds become 0 and 1; others may leave that range, unclipped."""
    low, high = bounds
    return (values - low) / max(high - low, 1e-8)
