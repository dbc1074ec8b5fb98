"""From a stranger's image file to what a detector will see, saying on the way everything that was changed."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from core.data import deep, ranges
from core.data.framing import background
from core.data.ranges import Range
from core.errors import WrongRequest

T = TypeVar("T")

FORMATS = ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"]  # Pillow's PPM takes PGM and PBM too
MAX_BYTES = 25_000_000
MAX_PIXELS = 50_000_000
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright

Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own net beneath the check in `_opened`


@dataclass(frozen=True, eq=False)
class Upload:
    """A decoded image. image: uint8 [H, W, C] with 1 or 3 channels.  notes: what was changed to get there."""

    image: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Header:
    """What a file says of itself before it is decoded. deep: of more than 8 bits, which are kept.  pages: of a TIFF,
    else 1.  cut: of more than 8 bits, of which 8 are kept.
    """

    width: int
    height: int
    grey: bool
    deep: bool = False
    pages: int = 1
    cut: bool = False


def decode(data: bytes, name: str, span: Range | None = None) -> Upload:
    """The image in `data`, whatever the file is called; of several frames the first.

    span: the values of its set that became 0 and 255; a picture of more than 8 bits is scaled by it, else by itself.
    Raises WrongRequest, naming the file, where it is too large, damaged or not one of the formats taken.
    """
    _verified(data, name)
    return _opened(data, name, lambda image: _upload(image, data, span))


def deep_values(data: bytes, name: str) -> np.ndarray:
    """The values of a picture of more than 8 bits as they are stored, [H, W, 1 or 3], without its opacity.

    Raises WrongRequest as `decode`.
    """
    _verified(data, name)
    return _opened(data, name, lambda image: _colours(deep.stored(data, str(image.format))))


def header(data: bytes, name: str) -> Header:
    """Size and kind of the image in `data`, as far as they show undecoded. Raises WrongRequest as `decode`."""
    return _verified(data, name)


def fit(
    image: np.ndarray, shape: tuple[int, int, int], invert: bool = False, crop: Literal["pad", "centre"] = "pad"
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The image in a detector's shape, uint8 [C, H, W], and what was done to it.

    image: uint8 [h, w, 1 or 3].  shape: (C, H, W).  invert: swap dark and light.  crop: an image of another aspect
    ratio is shown whole, with a border in the median colour of its edge ("pad"), or loses what sticks out ("centre").
    Raises WrongRequest for another way to crop.
    """
    if crop not in ("pad", "centre"):
        raise WrongRequest(f"An image can't be cropped by {crop!r}. Choose pad or centre.")
    channels, height, width = shape
    notes = ["dark and light swapped"] if invert else []
    picture = _picture(255 - image if invert else image)
    if channels == 1 and picture.mode == "RGB":
        picture = picture.convert("L")
        notes.append("made grey")
    size = f"{picture.width}x{picture.height}"
    if picture.size != (width, height):
        picture, note = (_padded if crop == "pad" else _cropped)(picture, width, height)
        notes += [*note, f"resized from {size} to {width}x{height}"]
    pixels = np.asarray(picture).reshape(height, width, -1)
    if pixels.shape[2] < channels:
        pixels = np.repeat(pixels, channels, axis=2)
        notes.append("grey repeated in all colours")
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), tuple(notes)


def looks_inverted(image: np.ndarray, reference_images: np.ndarray) -> bool:
    """Whether an image is dark on light where a dataset is light on dark, or the other way round.

    image: uint8 [H, W, C].  reference_images: uint8 [N, C, H, W] of the dataset; some hundred do. False where it has no
    common background.
    """
    usual = _lightness(reference_images.mean(1, dtype=np.float32))
    own = _lightness(image.mean(2, dtype=np.float32)[None])[0]
    direction = np.median(usual)
    clear = abs(direction) > 0.8 and np.mean(np.sign(usual) == np.sign(direction)) > 0.95
    return bool(clear and own * np.sign(direction) < -0.5)


def _verified(data: bytes, name: str) -> Header:
    if len(data) > MAX_BYTES:
        raise WrongRequest(
            f"{name} has {len(data) / 1e6:,.0f} MB; an image may have {MAX_BYTES / 1e6:,.0f} MB at most."
        )

    def check(image: Image.Image) -> Header:
        pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        grey = image.mode in ("1", "L", "LA") or deep.is_grey(image)
        found = Header(image.width, image.height, grey, deep.is_deep(image), pages, deep.is_cut(image))
        image.verify()
        return found

    return _opened(data, name, check)


def _opened(data: bytes, name: str, use: Callable[[Image.Image], T]) -> T:
    """What `use` makes of the opened image; whatever a decoder says about a broken file becomes one sentence."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            return use(image)
    except Image.DecompressionBombError as error:
        limit = f"{MAX_PIXELS / 1e6:,.0f} million pixels"
        raise WrongRequest(f"{name} has more than {limit}: make it smaller and try again.") from error
    except UnidentifiedImageError as error:
        raise WrongRequest(f"{name} isn't an image that can be read. Taken are {', '.join(FORMATS)}.") from error
    except WrongRequest as error:
        raise WrongRequest(f"{name} {error}") from error
    except Exception as error:  # decoders raise nearly anything on hostile bytes
        raise WrongRequest(f"{name} is damaged or cut off and can't be decoded.") from error


def _upload(image: Image.Image, data: bytes, span: Range | None = None) -> Upload:
    notes = []
    if (frames := getattr(image, "n_frames", 1)) > 1:
        notes.append(f"the first of {frames} frames")
        image.seek(0)
    is_deep, is_cut = deep.is_deep(image), deep.is_cut(image)
    turned = image.getexif().get(ORIENTATION, 1) != 1
    notes += ["turned upright as its EXIF data say"] * turned
    if is_deep:
        pixels, shown = _eight_bits(image, data, span)
        return Upload(pixels, (*notes, *shown))
    if turned:
        image = ImageOps.exif_transpose(image)
    if span:
        notes.append(f"has 8 bits, where the training images have values from {span[0]:g} to {span[1]:g}")
    if is_cut:
        notes.append("has 16 bits a channel, of which the 8 highest were read")
    if image.has_transparency_data:
        pixels, shown = _flattened(image)
        return Upload(pixels, (*notes, *shown))
    if image.mode not in ("1", "L", "P", "RGB"):
        notes.append(f"converted from {image.mode} to RGB")
    pixels = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    return Upload(pixels.reshape(*pixels.shape[:2], -1), tuple(notes))


def _eight_bits(image: Image.Image, data: bytes, span: Range | None) -> tuple[np.ndarray, list[str]]:
    """A picture of more than 8 bits, uint8 [H, W, 1 or 3], and how its values were scaled."""
    stored = deep.stored(data, str(image.format))
    values = _colours(stored).astype(np.float64)
    low, high = ranges.range_of([values])
    if span:
        pixels, outside = ranges.scaled(values, span)
        clipped = f"; {max(outside, 0.001):.1%} of its pixels lie outside and were clipped" if outside else ""
        notes = [f"scaled from {span[0]:g} to {span[1]:g}, as its set was{clipped}"]
    else:
        low, high, note = _usual_range(image, low, high)
        pixels, notes = ranges.scaled(values, (low, high))[0], [note]
    if stored.shape[2] == values.shape[2]:
        return pixels, notes
    opacity = np.rint(stored[..., -1:] / deep.FULL * 255).astype(np.uint8)
    flat = np.concatenate([pixels, opacity], axis=2)
    pixels, shown = _flattened(Image.fromarray(flat, "LA" if flat.shape[2] == 2 else "RGBA"))
    return pixels, [*notes, *shown]


def _usual_range(image: Image.Image, low: float, high: float) -> tuple[float, float, str]:
    """What becomes 0 and 255 of a picture by itself, whose values go from low to high, and a note on it."""
    if not deep.is_grey(image) or image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        return 0, deep.FULL, "scaled from 16 to 8 bits"
    if low >= 0 and high <= 1 and image.mode == "F":
        return 0, 1, "scaled from 0 to 1"
    return low, high, f"scaled from its own range, {low:g} to {high:g}"


def _colours(stored: np.ndarray) -> np.ndarray:
    """The bands of [H, W, bands] without the opacity, which an even number of them has."""
    return stored[..., : stored.shape[2] - (stored.shape[2] % 2 == 0)]


def _flattened(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    """An image with transparency on black where what is visible is light, else on white, uint8 [H, W, C]."""
    grey = image.mode in ("1", "L", "LA", "La")
    pixels = np.asarray(image.convert("RGBA"))
    colour, alpha = pixels[..., : 1 if grey else 3].astype(np.uint16), pixels[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return colour.astype(np.uint8), []
    if alpha.max() == 0:
        return colour.astype(np.uint8), ["transparent everywhere, so shown without its transparency"]
    light = np.average(colour.mean(2), weights=alpha[..., 0]) > 127.5
    background = 0 if light else 255
    flat = (colour * alpha + background * (255 - alpha) + 127) // 255
    return flat.astype(np.uint8), [f"transparent parts shown {'black' if light else 'white'}"]


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else np.ascontiguousarray(image))


def _padded(picture: Image.Image, width: int, height: int) -> tuple[Image.Image, list[str]]:
    scale = min(width / picture.width, height / picture.height)
    inner = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    picture = picture.resize(inner, Image.Resampling.BILINEAR)
    if inner == (width, height):
        return picture, []
    canvas = Image.new(picture.mode, (width, height), background(np.asarray(picture)))
    canvas.paste(picture, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas, ["border added to keep its proportions"]


def _cropped(picture: Image.Image, width: int, height: int) -> tuple[Image.Image, list[str]]:
    scale = min(picture.width / width, picture.height / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (picture.width - inner[0]) // 2, (picture.height - inner[1]) // 2
    note = [] if inner == picture.size else ["cut to its centre"]
    picture = picture.crop((left, top, left + inner[0], top + inner[1]))
    return picture.resize((width, height), Image.Resampling.BILINEAR), note


def _lightness(grey: np.ndarray) -> np.ndarray:
    """Whether what differs from an image's background is lighter (towards 1) or darker (towards -1), float [N].

    grey: [N, H, W].  The sum of the differences over the sum of their sizes, 0 for an empty image.
    """
    edges = np.concatenate([grey[:, 0], grey[:, -1], grey[:, 1:-1, 0], grey[:, 1:-1, -1]], axis=1)
    difference = grey - np.median(edges, axis=1)[:, None, None]
    return difference.sum((1, 2)) / np.maximum(np.abs(difference).sum((1, 2)), 1e-9)
