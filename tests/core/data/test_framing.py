import numpy as np
import pytest

from core import data
from core.data.framing import background

MNIST_LIKE = (1, 28, 28)


def _drawn(boxes: np.ndarray, side: int = 28, ground: int = 0, ink: int = 255) -> np.ndarray:
    """Filled rectangles (top, bottom, left, right) on plain ground, uint8 [N, 1, side, side]."""
    images = np.full((len(boxes), 1, side, side), ground, np.uint8)
    for image, (top, bottom, left, right) in zip(images, boxes, strict=True):
        image[0, top:bottom, left:right] = ink
    return images


def _shown(top: int, bottom: int, left: int, right: int, size: tuple[int, int] = (200, 200)) -> np.ndarray:
    """A dark rectangle on white, uint8 [H, W, 1]."""
    image = np.full((*size, 1), 250, np.uint8)
    image[top:bottom, left:right] = 20
    return image


@pytest.fixture
def usual() -> data.Framing:
    framing = data.framing(_drawn(np.array([[4, 24, 6, 22], [4, 24, 8, 20], [5, 23, 4, 24]])))
    assert framing is not None
    return framing


def test_framing_has_the_medians_of_the_edges_and_of_the_larger_side(usual):
    shares = (usual.top, usual.bottom, usual.left, usual.right, usual.filled)
    assert shares == pytest.approx((4 / 28, 24 / 28, 6 / 28, 22 / 28, 20 / 28))
    assert usual.low == pytest.approx(20 / 28)


def test_a_set_of_photographs_has_no_framing(rng):
    assert data.framing(rng.integers(0, 256, (40, 3, 16, 16), np.uint8)) is None
    assert data.framing(np.zeros((10, 1, 8, 8), np.uint8)) is None


def test_the_digits_fill_their_frame_from_top_to_bottom():
    framing = data.framing(data.load("digits").images)
    assert framing is not None
    assert (framing.top, framing.bottom) == (0, 1)
    assert 0 < framing.left < 0.3 and 0.7 < framing.right < 1


@pytest.mark.parametrize(
    ("box", "size", "otherwise"),
    [
        ((28, 172, 60, 140), (200, 200), False),  # 0.72 of the frame
        ((60, 140, 80, 120), (200, 200), True),  # 0.4
        ((2, 198, 40, 160), (200, 200), True),  # 0.98
        ((28, 172, 10, 90), (200, 100), False),  # of a frame that gets borders left and right
        ((14, 86, 20, 80), (100, 300), True),  # 0.24, once it has borders above and below
    ],
)
def test_framed_otherwise_measures_the_frame_with_its_borders(usual, box, size, otherwise):
    assert data.framed_otherwise(_shown(*box, size), usual, MNIST_LIKE) is otherwise


def test_nothing_is_said_of_what_has_no_content(usual, rng):
    for image in (np.full((50, 50, 3), 90, np.uint8), rng.integers(0, 256, (50, 50, 3), np.uint8)):
        assert not data.framed_otherwise(image, usual, MNIST_LIKE)
        same, done = data.crop_to_content(image, usual, MNIST_LIKE)
        assert same is image and not done


@pytest.mark.parametrize("box", [(60, 140, 80, 120), (2, 198, 40, 160), (0, 30, 150, 200)])
def test_cropping_puts_the_content_where_the_set_has_it(usual, box):
    image = _shown(*box)
    cropped, done = data.crop_to_content(image, usual, MNIST_LIKE)
    assert done
    again = data.framing(np.moveaxis(cropped, -1, 0)[None])
    assert again is not None
    assert again.filled == pytest.approx(usual.filled, abs=0.03)
    assert again.top + again.bottom == pytest.approx(usual.top + usual.bottom, abs=0.04)
    assert again.left + again.right == pytest.approx(usual.left + usual.right, abs=0.04)
    assert (cropped == 20).sum() == (image == 20).sum()
    assert not data.framed_otherwise(cropped, usual, MNIST_LIKE)


def test_cropping_keeps_the_proportions_of_the_shape(usual):
    cropped, _ = data.crop_to_content(_shown(20, 60, 20, 180), usual, (1, 16, 32))
    assert cropped.shape[1] / cropped.shape[0] == pytest.approx(2, abs=0.02)


def test_background_is_the_median_of_the_edge():
    image = np.zeros((3, 4, 2), np.uint8)
    image[..., 1] = 7
    image[1, 1:3] = 200
    image[0, 0] = 90
    assert background(image) == (0, 7)
