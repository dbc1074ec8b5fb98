import io

import numpy as np
import pytest
from PIL import Image

from core.data import decode, fit, load, looks_inverted, set_roots, uploads
from core.data.uploads import Header, deep_values, header
from core.errors import WrongRequest
from tests.core.data.sixteen import png


def encoded(image: Image.Image, format: str = "PNG", **options) -> bytes:
    image.save(file := io.BytesIO(), format, **options)
    return file.getvalue()


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (6, 9, 3), np.uint8)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_the_pixels_whatever_the_name_says(pixels, format):
    options = {"lossless": True} if format == "WEBP" else {}
    upload = decode(encoded(Image.fromarray(pixels), format, **options), "cat.txt")
    np.testing.assert_array_equal(upload.image, pixels)
    assert upload.notes == ()


def test_jpeg_equals_pillow(pixels):
    data = encoded(Image.fromarray(pixels), "JPEG")
    np.testing.assert_array_equal(decode(data, "a.jpg").image, np.asarray(Image.open(io.BytesIO(data))))


def test_grey_and_black_and_white_have_one_channel(pixels):
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(pixels[..., 0])), "a").image[..., 0], pixels[..., 0])
    bits = decode(encoded(Image.fromarray(pixels[..., 0]).convert("1")), "a").image
    assert bits.shape == (6, 9, 1) and set(np.unique(bits)) <= {0, 255}


def test_palette(pixels):
    picture = Image.fromarray(pixels).quantize(8)
    np.testing.assert_array_equal(decode(encoded(picture), "a").image, np.asarray(picture.convert("RGB")))


def test_transparent_parts_of_a_dark_drawing_become_white():
    picture = np.zeros((2, 2, 4), np.uint8)
    picture[0] = [[10, 20, 30, 255], [0, 0, 0, 51]]
    upload = decode(encoded(Image.fromarray(picture)), "a")
    np.testing.assert_array_equal(upload.image[0], [[10, 20, 30], [204, 204, 204]])  # 255 * (1 - 51 / 255)
    np.testing.assert_array_equal(upload.image[1], 255)
    assert upload.notes == ("transparent parts shown white",)


def test_transparent_parts_of_a_light_drawing_become_black():
    picture = np.zeros((2, 2, 2), np.uint8)
    picture[0] = [[200, 255], [255, 51]]
    upload = decode(encoded(Image.fromarray(picture)), "a")
    np.testing.assert_array_equal(upload.image[..., 0], [[200, 51], [0, 0]])
    assert upload.notes == ("transparent parts shown black",)


def test_opaque_alpha_changes_nothing_and_what_is_transparent_everywhere_is_still_read(pixels):
    opaque = np.dstack([pixels, np.full((6, 9), 255, np.uint8)])
    assert decode(encoded(Image.fromarray(opaque)), "a").notes == ()
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(opaque)), "a").image, pixels)
    for hidden in (opaque * np.array([1, 1, 1, 0], np.uint8), np.zeros((6, 9, 4), np.uint8)):
        upload = decode(encoded(Image.fromarray(hidden)), "a.png")
        np.testing.assert_array_equal(upload.image, hidden[..., :3])
        assert upload.notes == ("transparent everywhere, so shown without its transparency",)


def test_values_of_more_than_8_bits_are_scaled_by_the_range_of_their_set(rng):
    values = rng.integers(1000, 3000, (6, 9)).astype(np.uint16)
    values[0, :2] = 500, 4000
    upload = decode(encoded(Image.fromarray(values)), "a", (1000, 3000))
    expected = np.rint((values.astype(float).clip(1000, 3000) - 1000) / 2000 * 255)
    np.testing.assert_array_equal(upload.image[..., 0], expected)
    assert upload.notes == (
        "scaled from 1000 to 3000, as its set was; 3.7% of its pixels lie outside and were clipped",
    )
    np.testing.assert_array_equal(deep_values(encoded(Image.fromarray(values)), "a")[..., 0], values)


def test_sixteen_bits_of_colour_are_kept_and_scaled_like_those_of_grey(rng):
    values = rng.integers(1000, 3000, (6, 9, 3))
    data = png(values)
    np.testing.assert_array_equal(deep_values(data, "a"), values)
    assert header(data, "a") == Header(9, 6, False, True)
    scaled = np.rint((values - 1000) / 2000 * 255)
    np.testing.assert_array_equal(decode(data, "a", (1000, 3000)).image, scaled)
    alone = decode(data, "a")
    np.testing.assert_array_equal(alone.image, np.rint(values / 257))
    assert alone.notes == ("scaled from 16 to 8 bits",)


@pytest.mark.parametrize("bands", [2, 4])
def test_opacity_beside_sixteen_bits_is_no_value(rng, bands):
    values = rng.integers(0, 1000, (6, 9, bands))
    values[..., -1] = 65_535
    assert deep_values(png(values), "a").max() < 1000
    upload = decode(png(values), "a", (0, 999))
    np.testing.assert_array_equal(upload.image, np.rint(values[..., :-1] / 999 * 255))
    values[0, :, -1] = 0
    assert decode(png(values), "a", (0, 999)).notes[-1].startswith("transparent parts shown")


def test_what_can_t_be_kept_of_sixteen_bits_is_said():
    data = b"P3\n2 1\n4095\n4095 0 16 0 0 0\n"
    assert decode(data, "a").notes == ("has 16 bits a channel, of which the 8 highest were read",)
    assert header(data, "a").cut and not header(data, "a").deep


def test_8_bits_beside_a_deeper_set_are_said(pixels):
    assert "has 8 bits, where the training images" in decode(encoded(Image.fromarray(pixels)), "a", (0, 4095)).notes[0]


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_ppm_pgm_and_pbm_are_read(pixels, mode):
    image = Image.fromarray(pixels).convert(mode)
    image.save(file := io.BytesIO(), "PPM")
    expected = np.asarray(image.convert("L" if mode == "1" else mode)).reshape(6, 9, -1)
    np.testing.assert_array_equal(decode(file.getvalue(), "a.ppm").image, expected)


def test_pages_and_depth_are_in_the_header():
    Image.new("I;16", (5, 4)).save(
        file := io.BytesIO(), "TIFF", save_all=True, append_images=[Image.new("I;16", (5, 4))]
    )
    assert header(file.getvalue(), "a") == Header(5, 4, True, True, 2)


def test_transparency_of_a_palette(pixels):
    data = encoded(Image.fromarray(pixels).quantize(4), transparency=0)
    upload = decode(data, "a")
    rgba = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    np.testing.assert_array_equal(upload.image[rgba[..., 3] == 255], rgba[rgba[..., 3] == 255, :3])
    assert len(upload.notes) == 1 and (rgba[..., 3] == 0).any()


def test_sixteen_bits_are_scaled(rng):
    values = rng.integers(0, 65_536, (5, 4), np.uint16)
    for format in ("PNG", "TIFF"):
        upload = decode(encoded(Image.fromarray(values), format), "a")
        np.testing.assert_array_equal(upload.image[..., 0], np.rint(values / 257))
        assert upload.notes == ("scaled from 16 to 8 bits",)


def test_floats_are_scaled_from_zero_to_one_or_from_their_own_range():
    shares = np.array([[0.0, 0.25], [0.5, 0.75]], np.float32)
    np.testing.assert_array_equal(
        decode(encoded(Image.fromarray(shares), "TIFF"), "a").image[..., 0], [[0, 64], [128, 191]]
    )
    upload = decode(encoded(Image.fromarray(shares * 1000 - 250), "TIFF"), "a")
    np.testing.assert_array_equal(upload.image[..., 0], [[0, 85], [170, 255]])
    assert upload.notes == ("scaled from its own range, -250 to 500",)
    with pytest.raises(WrongRequest, match="damaged"):
        decode(encoded(Image.fromarray(shares * np.nan), "TIFF"), "a")


def test_of_an_animation_the_first_frame(pixels):
    frames = [Image.fromarray(np.full((6, 9), value, np.uint8)) for value in (10, 200)]
    upload = decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "a.gif")
    assert upload.image.max() == 10 and upload.notes == ("the first of 2 frames",)


def test_cmyk_is_converted(pixels):
    picture = Image.fromarray(pixels).convert("CMYK")
    upload = decode(encoded(picture, "TIFF"), "a")
    np.testing.assert_array_equal(upload.image, np.asarray(picture.convert("RGB")))
    assert upload.notes == ("converted from CMYK to RGB",)


def test_exif_orientation_is_applied(pixels):
    exif = Image.Exif()
    exif[uploads.ORIENTATION] = 6  # to be turned clockwise by 90 degrees
    upload = decode(encoded(Image.fromarray(pixels), "PNG", exif=exif), "a")
    np.testing.assert_array_equal(upload.image, np.rot90(pixels, -1))
    assert upload.notes == ("turned upright as its EXIF data say",)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_a_file_that_is_cut_off_is_refused(rng, format):
    data = encoded(Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)), format)
    with pytest.raises(WrongRequest, match=r"^cat\.x "):
        decode(data[: len(data) // 2], "cat.x")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks on broken tags
def test_noise_in_a_file_never_escapes_as_another_error(rng):
    data = np.frombuffer(encoded(Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)), "TIFF"), np.uint8)
    for _ in range(200):
        broken = data.copy()
        broken[rng.integers(0, len(data), 8)] = rng.integers(0, 256, 8)
        try:
            assert decode(broken.tobytes(), "a").image.dtype == np.uint8
        except WrongRequest as error:
            assert str(error).startswith("a ")


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_what_is_no_image_is_refused(data):
    with pytest.raises(WrongRequest, match=r"^a\.png isn't an image that can be read. Taken are PNG, JPEG"):
        decode(data, "a.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_bytes_or_pixels_are_refused_before_decoding(monkeypatch):
    with pytest.raises(WrongRequest, match="big.png has 26 MB; an image may have 25 MB at most"):
        decode(bytes(26_000_000), "big.png")
    bomb = encoded(Image.new("1", (10_000, 6_000)))
    assert len(bomb) < 100_000
    monkeypatch.setattr(uploads, "_upload", lambda _: pytest.fail("it was decoded"))
    with pytest.raises(WrongRequest, match="bomb.png has more than 50 million pixels"):
        decode(bomb, "bomb.png")


def test_fit_makes_grey_and_resizes_and_says_so(rng):
    image = rng.integers(0, 256, (48, 64, 3), np.uint8)
    fitted, notes = fit(image, (1, 28, 28), crop="centre")
    centre = Image.fromarray(image[:, 8:56]).convert("L").resize((28, 28), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(fitted[0], np.asarray(centre))
    assert notes == ("made grey", "cut to its centre", "resized from 64x48 to 28x28")


def test_fit_pads_with_the_colour_of_the_edge():
    image = np.full((10, 20, 3), (200, 100, 50), np.uint8)
    image[4:6, 8:12] = 0
    fitted, notes = fit(image, (3, 20, 20))
    np.testing.assert_array_equal(fitted[:, 5:15], image.transpose(2, 0, 1))
    np.testing.assert_array_equal(fitted[:, [0, 4, 15, 19], 0], np.array([[200, 100, 50]] * 4).T)
    assert notes == ("border added to keep its proportions", "resized from 20x10 to 20x20")


def test_fit_leaves_an_image_of_the_right_shape_alone_but_for_inverting(rng):
    image = rng.integers(0, 256, (8, 8, 1), np.uint8)
    fitted, notes = fit(image, (1, 8, 8))
    np.testing.assert_array_equal(fitted[0], image[..., 0])
    assert notes == ()
    fitted, notes = fit(image, (3, 8, 8), invert=True)
    np.testing.assert_array_equal(fitted, np.stack([255 - image[..., 0]] * 3))
    assert notes == ("dark and light swapped", "grey repeated in all colours")


def test_fit_bears_extreme_proportions():
    for crop in ("pad", "centre"):
        assert fit(np.zeros((1, 40_000, 3), np.uint8), (1, 28, 28), crop=crop)[0].shape == (1, 28, 28)
    with pytest.raises(WrongRequest, match="Choose pad or centre"):
        fit(np.zeros((4, 4, 1), np.uint8), (1, 4, 4), crop="squash")


def test_looks_inverted_on_drawings():
    digits = load("digits").images[:300]
    stroke = np.full((200, 160, 3), 250, np.uint8)
    stroke[60:140, 75:80] = 30
    assert looks_inverted(stroke, digits)
    assert not looks_inverted(255 - stroke, digits)
    assert not looks_inverted(np.full((20, 20, 1), 255, np.uint8), digits)
    assert looks_inverted(255 - stroke, 255 - digits)


def test_looks_inverted_on_real_sets(data_root, root):
    set_roots([root, data_root])
    mnist, cifar = load("mnist").images, load("cifar10_exact").images
    dark_on_light = 255 - mnist[-200:].transpose(0, 2, 3, 1)
    assert np.mean([looks_inverted(image, mnist[:300]) for image in dark_on_light]) == 1
    assert not any(looks_inverted(255 - image, mnist[:300]) for image in dark_on_light)
    assert not any(looks_inverted(image.transpose(1, 2, 0), cifar[:300]) for image in cifar[-200:])


def test_real_photographs(data_root):
    for path in sorted((data_root / "photos").iterdir()):
        upload = decode(path.read_bytes(), path.name)
        with Image.open(path) as picture:
            assert upload.image.shape[:2] == (picture.height, picture.width)
            assert upload.image.shape[2] == (1 if picture.mode == "L" else 3)
        assert fit(upload.image, (3, 32, 32))[0].shape == (3, 32, 32)
