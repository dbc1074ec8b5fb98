import numpy as np
import pytest
from PIL import Image

from core.data import preprocessing
from core.data.preprocessing import conform, conforming
from core.errors import WrongRequest


@pytest.mark.parametrize(("source", "target"), [((32, 32), (28, 28)), ((9, 14), (32, 20)), ((105, 105), (28, 28))])
def test_sizes_change_as_torchs_antialiased_interpolation_does(rng, source, target):
    torch = pytest.importorskip("torch")
    images = rng.integers(0, 256, (5, 3, *source), np.uint8)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images).double(), target, mode="bilinear", antialias=True, align_corners=False
    ).numpy()
    result = conform(images, (3, *target))
    assert result.dtype == np.uint8 and result.shape == (5, 3, *target)
    assert np.abs(result - expected).max() < 0.502  # the rounding alone


def test_sizes_change_as_pillows_do(rng):
    images = rng.integers(0, 256, (1, 3, 40, 50), np.uint8)
    pillow = Image.fromarray(images[0].transpose(1, 2, 0)).resize((28, 28), Image.Resampling.BILINEAR)
    result = conform(images, (3, 28, 28))[0].transpose(1, 2, 0).astype(int)
    assert np.abs(result - np.asarray(pillow)).max() <= 1  # Pillow rounds between its two passes


def test_colour_becomes_grey_exactly_as_pillows_luma(rng):
    images = rng.integers(0, 256, (4, 3, 8, 8), np.uint8)
    expected = np.stack([np.asarray(Image.fromarray(image.transpose(1, 2, 0)).convert("L")) for image in images])
    np.testing.assert_array_equal(conform(images, (1, 8, 8))[:, 0], expected)


def test_grey_becomes_colour_and_back(rng):
    images = rng.integers(0, 256, (4, 1, 8, 8), np.uint8)
    colour = conform(images, (3, 8, 8))
    np.testing.assert_array_equal(colour, np.concatenate([images] * 3, axis=1))
    np.testing.assert_array_equal(conform(colour, (1, 8, 8)), images)


def test_nothing_to_do_gives_the_same_array(rng):
    images = rng.integers(0, 256, (4, 3, 8, 8), np.uint8)
    assert conform(images, (3, 8, 8)) is images


def test_chunks_don_t_show(rng, monkeypatch):
    images = rng.integers(0, 256, (7, 3, 8, 8), np.uint8)
    whole = conform(images, (1, 5, 5))
    monkeypatch.setattr(preprocessing, "CHUNK", 3)
    np.testing.assert_array_equal(conform(images, (1, 5, 5)), whole)


def test_two_channels_are_refused():
    with pytest.raises(WrongRequest, match="1 or 3 channels, not 2"):
        conform(np.zeros((1, 2, 8, 8), np.uint8), (1, 8, 8))


def test_what_is_done_is_said_in_words():
    assert conforming((3, 105, 100), (1, 28, 28)) == ("made grey", "resized from 100x105 to 28x28")
    assert conforming((1, 32, 32), (3, 32, 32)) == ("grey repeated in all colours",)
    assert conforming((3, 32, 32), (3, 32, 32)) == ()
