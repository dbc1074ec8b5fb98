"""One shape for images of different sets: grey or colour, and a common size."""

import numpy as np

from core.errors import WrongRequest

CHUNK = 1024  # images turned into float at a time


def conform(images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Images in another shape, uint8 [N, C, H, W]; the same array where nothing has to change.

    images: uint8 [N, C, H, W] with 1 or 3 channels.  shape: (C, H, W).  Colour becomes grey by ITU-R 601 luma
    (Pillow's "L"), grey becomes colour by repetition. Sizes change by bilinear interpolation with antialiasing (each
    target pixel weighs its source pixels by a triangle, as in Pillow and torch with antialias=True), aspect ratio not
    kept.
    Raises WrongRequest for another number of channels.
    """
    channels, height, width = shape
    if images.shape[1] not in (1, 3) or channels not in (1, 3):
        raise WrongRequest(f"Images have 1 or 3 channels, not {images.shape[1]} to be made {channels}.")
    if images.shape[1] == 3 and channels == 1:
        images = _luma(images)
    if images.shape[2:] != (height, width):
        images = _resized(images, height, width)
    return np.repeat(images, channels, axis=1) if images.shape[1] < channels else images


def conforming(source: tuple[int, int, int], shape: tuple[int, int, int]) -> tuple[str, ...]:
    """What `conform` does to images of one shape to give them another, in words; nothing where they are equal."""
    done = []
    if source[0] > shape[0]:
        done.append("made grey")
    if source[1:] != shape[1:]:
        done.append(f"resized from {source[2]}x{source[1]} to {shape[2]}x{shape[1]}")
    if source[0] < shape[0]:
        done.append("grey repeated in all colours")
    return tuple(done)


def _luma(images: np.ndarray) -> np.ndarray:
    """0.299 R + 0.587 G + 0.114 B in 16-bit fixed point, uint8 [N, 1, H, W]."""
    grey = np.empty((len(images), 1, *images.shape[2:]), np.uint8)
    for start in range(0, len(images), CHUNK):
        red, green, blue = np.moveaxis(images[start : start + CHUNK].astype(np.uint32), 1, 0)
        grey[start : start + CHUNK, 0] = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    return grey


def _resized(images: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = _weights(images.shape[2], height), _weights(images.shape[3], width)
    out = np.empty((*images.shape[:2], height, width), np.uint8)
    for start in range(0, len(images), CHUNK):
        block = rows @ images[start : start + CHUNK].astype(np.float32) @ columns.T  # [n, C, height, width]
        out[start : start + CHUNK] = np.rint(block).clip(0, 255)
    return out


def _weights(source: int, target: int) -> np.ndarray:
    """What each target pixel takes from each source pixel, float32 [target, source], rows adding up to 1."""
    scale = source / target
    centres = (np.arange(target)[:, None] + 0.5) * scale
    distance = np.abs(np.arange(source) + 0.5 - centres) / max(scale, 1)
    weights = np.clip(1 - distance, 0, None)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)
