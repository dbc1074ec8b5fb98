"""How much of its frame an image's content fills, and how to frame another image in the same way.

Content is what differs from the plain background that the edge of an image shows; a photograph without one has none.
"""

from dataclasses import dataclass

import numpy as np

DIFFERS = 38  # levels of 255 from which a pixel is no background: 15 %
PLAIN = 0.6  # share of the edge that is background, in an image that has one
COMMON = 0.9  # share of a set's images that have a plain background, in a set that is framed at all
MARGIN = 1.15  # by which an image's filled share may leave those of a set before it counts as framed otherwise


@dataclass(frozen=True)
class Framing:
    """Where the content of a set's images lies, in shares of the frame.

    top, bottom, left, right: medians of its edges.  filled: the median share of the larger side; low, high: the middle
    90 % of those shares.
    """

    top: float
    bottom: float
    left: float
    right: float
    filled: float
    low: float
    high: float


def framing(images: np.ndarray) -> Framing | None:
    """The framing of a set, uint8 [N, C, H, W]; some hundred images do. None where it has no plain background."""
    boxes = _boxes(images)
    known = np.isfinite(boxes[:, 0])
    if known.mean() < COMMON:
        return None
    boxes = boxes[known]
    filled = np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])
    low, high = np.quantile(filled, [0.05, 0.95])
    return Framing(*(float(value) for value in (*np.median(boxes, axis=0), np.median(filled), low, high)))


def framed_otherwise(image: np.ndarray, usual: Framing, shape: tuple[int, int, int]) -> bool:
    """Whether an image, shown whole in a detector's shape, fills its frame clearly more or less than a set's images do.

    image: uint8 [H, W, C].  shape: (C, H, W).  False where it has no plain background or nothing on it.
    """
    box = _pixels(image)
    if box is None:
        return False
    share = max(_sizes(box) / _frame(image.shape[:2], shape))
    return bool(share * MARGIN < usual.low or share > usual.high * MARGIN)


def crop_to_content(image: np.ndarray, usual: Framing, shape: tuple[int, int, int]) -> tuple[np.ndarray, list[str]]:
    """The image cut, or given a border, so that its content lies where that of a set's images does.

    image: uint8 [H, W, C].  Returns one in the proportions of the shape (C, H, W) and what was done to it; the image as
    it is, and nothing done, where it has no plain background or nothing on it.
    """
    box = _pixels(image)
    if box is None:
        return image, []
    top, bottom, left, right = box
    size = _sizes(box)  # of the content, in pixels
    scale = max(size / np.array(shape[1:])) / max(usual.filled, 1e-6)
    height, width = np.maximum(np.rint(scale * np.array(shape[1:])), 1).astype(int)
    middle = np.array([usual.top + usual.bottom, usual.left + usual.right]) / 2 * (height, width)
    start = np.rint(np.array([top + bottom, left + right]) / 2 - middle).astype(int)
    canvas = np.empty((height, width, image.shape[2]), np.uint8)
    canvas[:] = background(image)
    low, high = np.maximum(start, 0), np.minimum(start + (height, width), image.shape[:2])
    part = tuple(slice(first, last) for first, last in zip(low - start, high - start, strict=True))
    canvas[part] = image[low[0] : high[0], low[1] : high[1]]
    return canvas, ["framed by its content as the training images are"]


def background(pixels: np.ndarray) -> tuple[int, ...]:
    """Median colour of an image's edge, one number a channel. pixels: uint8 [H, W] or [H, W, C]."""
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    return tuple(int(value) for value in np.median(edge, axis=0))


def _sizes(box: np.ndarray) -> np.ndarray:
    """Height and width of a box (top, bottom, left, right)."""
    return box[[1, 3]] - box[[0, 2]]


def _frame(size: tuple[int, ...], shape: tuple[int, int, int]) -> np.ndarray:
    """Height and width of the frame, in an image's own pixels, once it has the borders that it is shown whole in."""
    return np.array(shape[1:]) * max(size[0] / shape[1], size[1] / shape[2])


def _pixels(image: np.ndarray) -> np.ndarray | None:
    """Where the content of one image [H, W, C] begins and ends, in pixels: top, bottom, left, right; or None."""
    height, width = image.shape[:2]
    box = _boxes(np.moveaxis(image, -1, 0)[None])[0] * (height, height, width, width)
    return box if np.isfinite(box[0]) else None


def _boxes(images: np.ndarray) -> np.ndarray:
    """Top, bottom, left and right of the content of uint8 [N, C, H, W] in shares, [N, 4]; nan where there is none."""
    count, _, height, width = images.shape
    edges = np.concatenate([images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1]], axis=2)
    ground = np.median(edges, axis=2)  # [N, C]
    plain = (np.abs(edges - ground[..., None]).max(1) < DIFFERS).mean(1) >= PLAIN
    content = np.abs(images - ground[..., None, None]).max(1) >= DIFFERS  # [N, H, W]
    rows, columns = content.any(2), content.any(1)
    ends = [rows.argmax(1) / height, 1 - rows[:, ::-1].argmax(1) / height]
    ends += [columns.argmax(1) / width, 1 - columns[:, ::-1].argmax(1) / width]
    boxes = np.stack(ends, axis=1)
    boxes[~(plain & rows.any(1))] = np.nan
    return boxes.reshape(count, 4)
