"""Pictures of more than 8 bits a channel, with the values that they store.

Pillow keeps those of grey pictures; of colour it gives the high bytes alone. The low bytes come from the same decoder,
told that the two bytes of a value stand the other way round, so no other library is needed.
"""

import io
import sys

import numpy as np
from PIL import Image, ImageFile, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

FULL = 65_535  # the largest value of 16 bits
OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
TWO_BYTES = {
    f"{kind};16{order}": f"{kind};16{other}" for kind in ("RGB", "RGBX", "RGBA") for order, other in OTHER_BYTE.items()
}
GREY_WITH_ALPHA = "LA;16B"  # of a PNG, whose four bytes a pixel are read as they stand
SAMPLES = 339  # the TIFF tag that says whether values have a sign


def is_grey(image: Image.Image) -> bool:
    """Whether it is grey, without transparency, with more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def is_deep(image: Image.Image) -> bool:
    """Whether its values have more than 8 bits and `stored` gives them. For an image that isn't loaded yet."""
    return is_grey(image) or _is_ppm(image) or _raw_mode(image) in (*TWO_BYTES, GREY_WITH_ALPHA)


def is_cut(image: Image.Image) -> bool:
    """Whether it has 16 bits a channel of which only the high ones can be read, as in CMYK. Not loaded yet."""
    plain = image.format == "PPM" and image.mode == "RGB" and _of_ppm(image, "ppm_plain") > 255
    return plain or (not is_deep(image) and ";16" in _raw_mode(image))


def stored(data: bytes, format: str) -> np.ndarray:
    """The values of a deep picture, upright, [H, W, bands]: grey, grey and opacity, colour, or colour and opacity.

    data: its file.  format: as Pillow calls it.  Values of a PPM are scaled to 16 bits, as Pillow scales those of a
    PGM.
    """
    with Image.open(io.BytesIO(data), formats=[format]) as image:
        raw = _raw_mode(image)
        if is_grey(image):
            values = _upright(image)
            return (values.view(np.uint32) if _without_sign(image) else values)[..., None]
        if _is_ppm(image):
            words = np.frombuffer(data, ">u2", image.width * image.height * 3, image.tile[0].offset)
            shares = words.reshape(image.height, image.width, 3) / _of_ppm(image)
            return np.rint(shares * FULL).astype(np.int32)
        if raw == GREY_WITH_ALPHA:
            four = _upright(_repacked(image, "RGBA")).astype(np.int32)
            return four[..., 0::2] * 256 + four[..., 1::2]
        high = _upright(image).astype(np.int32)
    with Image.open(io.BytesIO(data), formats=[format]) as image:
        return high * 256 + _upright(_repacked(image, TWO_BYTES[raw]))


def _repacked(image: ImageFile.ImageFile, raw_mode: str) -> ImageFile.ImageFile:
    """The image, not loaded yet, whose decoder is told that pixels are packed in another way."""
    image.tile = [
        tile._replace(args=raw_mode if isinstance(tile.args, str) else (raw_mode, *(tile.args or ())[1:]))
        for tile in image.tile
    ]
    return image


def _without_sign(image: ImageFile.ImageFile) -> bool:
    """Whether Pillow's signed 32 bits are a TIFF's unsigned ones."""
    return isinstance(image, TiffImageFile) and image.mode == "I" and image.tag_v2.get(SAMPLES, (1,))[0] == 1


def _upright(image: Image.Image) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(image))


def _raw_mode(image: Image.Image) -> str:
    """How the decoder is told that pixels are packed, empty where it isn't told, or each part otherwise."""
    told = {
        tile.args if isinstance(tile.args, str) else str((tile.args or ("",))[0]) for tile in getattr(image, "tile", [])
    }
    return told.pop() if len(told) == 1 else ""


def _is_ppm(image: Image.Image) -> bool:
    return image.format == "PPM" and image.mode == "RGB" and _of_ppm(image) > 255


def _of_ppm(image: Image.Image, codec: str = "ppm") -> int:
    """The largest value that it may hold; 0 where its head doesn't say, or it is of another codec."""
    for tile in getattr(image, "tile", []):
        if tile.codec_name == codec and isinstance(tile.args, tuple):
            return int(tile.args[1])
    return 0
