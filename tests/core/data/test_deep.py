"""Every bit of 16 a channel, whichever file holds them."""

import io

import numpy as np
import pytest
from PIL import Image

from core.data import deep
from tests.core.data.sixteen import chunk, png, tiff


def stored(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        assert deep.is_deep(image) and not deep.is_cut(image)
        return deep.stored(data, str(image.format))


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_a_png_of_every_kind_and_filter(rng, bands):
    values = rng.integers(0, 65_536, (11, 7, bands))
    np.testing.assert_array_equal(stored(png(values)), values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_a_tiff_of_either_order(rng, bands, order):
    values = rng.integers(0, 65_536, (5, 7, bands)).astype(np.uint16)
    np.testing.assert_array_equal(stored(tiff(values, order)), values)


def test_32_bits_without_a_sign_don_t_turn_negative():
    values = np.array([[[0], [2**31], [2**32 - 1]]], np.uint32)
    np.testing.assert_array_equal(stored(tiff(values)), values)


def test_a_ppm_of_12_bits(rng):
    values = rng.integers(0, 4096, (5, 7, 3))
    found = stored(b"P6\n7 5\n4095\n" + values.astype(">u2").tobytes())
    np.testing.assert_array_equal(found, np.rint(values / 4095 * 65_535))


def test_a_picture_that_lies_on_its_side_is_turned(rng):
    values = rng.integers(0, 65_536, (3, 5, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # its top is the right-hand edge
    data = png(values)
    after_the_head = 33
    lying = data[:after_the_head] + chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) + data[after_the_head:]
    np.testing.assert_array_equal(stored(lying), np.rot90(values, -1))


def test_8_bits_are_not_deep_and_what_is_lost_is_known():
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        Image.new(mode, (3, 2)).save(file := io.BytesIO(), "PNG")
        with Image.open(file) as image:
            assert not deep.is_deep(image) and not deep.is_cut(image)
    with Image.open(io.BytesIO(b"P3\n1 1\n4095\n1 2 3\n")) as image:
        assert deep.is_cut(image) and not deep.is_deep(image)
