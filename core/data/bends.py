"""Small, graded changes to one image, to see how much of each a detector bears."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from core.data.framing import background
from core.errors import WrongRequest

RANGES = {  # knob: lowest and highest strength; 0 changes nothing
    "rotate": (-180.0, 180.0),  # degrees, counter-clockwise
    "blur": (0.0, 8.0),  # standard deviation of the Gaussian, in pixels
    "noise": (0.0, 1.0),  # standard deviation of the added Gaussian noise, as a share of black to white
    "occlude": (0.0, 1.0),  # share of the area that a mid-grey patch hides
    "brightness": (-1.0, 1.0),  # added to every value, as a share of black to white
    "invert": (0.0, 1.0),  # dark and light swapped: off or on
}
MID_GREY = 128


def bend(
    image: np.ndarray,
    *,
    rotate: float = 0.0,
    blur: float = 0.0,
    noise: float = 0.0,
    occlude: float = 0.0,
    brightness: float = 0.0,
    invert: bool = False,
    seed: int = 0,
) -> np.ndarray:
    """The image inverted, rotated, blurred, brightened, occluded and made noisy, in this order, uint8 [C, H, W].

    image: uint8 [C, H, W] with 1 or 3 channels.  Units and ranges of the strengths are those of RANGES.  What a
    rotation uncovers takes the median colour of the image's edge.  seed: of the patch's place and of the noise, which
    stay the same for every strength.  Raises WrongRequest for a strength outside its range.
    """
    given = dict(rotate=rotate, blur=blur, noise=noise, occlude=occlude, brightness=brightness, invert=float(invert))
    for knob, strength in given.items():
        _check(knob, strength)
    pixels = np.moveaxis(255 - image if invert else image, 0, -1)  # [H, W, C]
    if rotate or blur:
        pixels = _filtered(pixels, rotate, blur)
    pixels = pixels.astype(np.float64) + 255 * brightness
    if occlude:
        pixels = _occluded(pixels, occlude, seed)
    if noise:
        pixels = pixels + 255 * noise * np.random.default_rng([seed, 1]).standard_normal(pixels.shape)
    return np.ascontiguousarray(np.moveaxis(np.rint(pixels).clip(0, 255).astype(np.uint8), -1, 0))


def bend_path(image: np.ndarray, knob: str, strengths: Sequence[float], seed: int = 0) -> np.ndarray:
    """The image bent by one knob, once for each strength, uint8 [S, C, H, W]. Raises WrongRequest as `bend`."""
    for strength in strengths:
        _check(knob, strength)
    return np.stack([bend(image, **_setting(knob, strength), seed=seed) for strength in strengths])


def _setting(knob: str, strength: float) -> dict[str, Any]:
    return {knob: bool(strength) if knob == "invert" else strength}


def _check(knob: str, strength: float) -> None:
    if knob not in RANGES:
        raise WrongRequest(f"An image can't be bent by {knob!r}. Choose from {', '.join(RANGES)}.")
    low, high = RANGES[knob]
    if not low <= strength <= high:
        raise WrongRequest(f"{knob} can't be {strength:g}. Choose from {low:g} to {high:g}.")


def _filtered(pixels: np.ndarray, degrees: float, blur: float) -> np.ndarray:
    """Rotated about the centre (bilinear) and blurred, uint8 [H, W, C]."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
    if degrees:
        picture = picture.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=background(pixels))
    if blur:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    return np.asarray(picture).reshape(pixels.shape)


def _occluded(pixels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """With a mid-grey patch of the image's proportions; where in the room left for it depends on the seed alone."""
    size = np.rint(np.sqrt(share) * np.array(pixels.shape[:2])).astype(int)
    room = np.array(pixels.shape[:2]) - size + 1
    top, left = (np.random.default_rng([seed, 0]).random(2) * room).astype(int)
    pixels[top : top + size[0], left : left + size[1]] = MID_GREY
    return pixels
