import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.data import npz
from core.errors import MissingData


def test_reads_training_images_first_and_channels_before_rows(tmp_path, arrays):
    np.savez_compressed(tmp_path / "pets.npz", **arrays)
    dataset = npz.read(tmp_path / "pets.npz")
    assert (dataset.name, dataset.classes, dataset.train_count, dataset.groups) == ("pets", ("cat", "dog"), 5, None)
    np.testing.assert_array_equal(dataset.images[:5], arrays["train_images"].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(dataset.images[5:], arrays["test_images"].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(dataset.labels, [0, 1, 1, 0, 1, 1, 0, 1])


def test_more_images_than_a_chunk(tmp_path, monkeypatch, arrays):
    monkeypatch.setattr(npz, "CHUNK", 2)
    np.savez(tmp_path / "pets.npz", **arrays)
    images = npz.read(tmp_path / "pets.npz").images
    np.testing.assert_array_equal(images[:5], arrays["train_images"].transpose(0, 3, 1, 2))


def test_images_in_fortran_order(tmp_path, arrays):
    np.savez(tmp_path / "pets.npz", **arrays | {"train_images": np.asfortranarray(arrays["train_images"])})
    images = npz.read(tmp_path / "pets.npz").images
    np.testing.assert_array_equal(images[:5], arrays["train_images"].transpose(0, 3, 1, 2))


@pytest.mark.parametrize(("half", "counts"), [("train", (5, 0)), ("test", (0, 3))])
def test_a_half_may_be_missing(tmp_path, arrays, half, counts):
    np.savez(tmp_path / "pets.npz", **{key: arrays[key] for key in arrays if key.startswith((half, "class"))})
    about, dataset = npz.summary(tmp_path / "pets.npz"), npz.read(tmp_path / "pets.npz")
    assert (about.train_count, about.test_count) == counts
    assert (dataset.train_count, len(dataset.images)) == (counts[0], sum(counts))


def test_grey_images_have_one_channel(tmp_path, arrays):
    for key in ("train_images", "test_images"):
        arrays[key] = arrays[key][..., 0]
    np.savez(tmp_path / "pets.npz", **arrays)
    assert npz.summary(tmp_path / "pets.npz").shape == (1, 4, 6)
    np.testing.assert_array_equal(npz.read(tmp_path / "pets.npz").images[5:, 0], arrays["test_images"])


def test_summary_reads_no_image(tmp_path, arrays, monkeypatch):
    np.savez(tmp_path / "pets.npz", **arrays)
    monkeypatch.setattr(npz, "_fill_images", lambda *_: pytest.fail("an image was read"))
    assert npz.summary(tmp_path / "pets.npz") == npz.Summary(("cat", "dog"), (3, 4, 6), 5, 3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"train_images": np.zeros((5, 4, 6, 3))}, r"train_images is float64 \[5, 4, 6, 3\], not uint8"),
        ({"train_images": np.zeros((5, 4, 6, 4), np.uint8)}, "not uint8"),
        ({"test_images": np.zeros((3, 4, 4, 3), np.uint8)}, "its halves differ in shape"),
        ({"train_labels": np.array([0, 1])}, "not one whole number for 5 images"),
        ({"train_labels": np.zeros(5)}, "train_labels is float64"),
        ({"test_labels": np.array([0, 1, 2])}, "test_labels go from 0 to 2, with 2 classes"),
        ({"test_labels": np.array([0, 1, -1])}, "test_labels go from -1 to 1"),
        ({"class_names": np.array(["cat", "cat"])}, "class_names isn't a list of different names"),
        ({"class_names": np.array(["cat", object()], object)}, "allow_pickle"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(tmp_path, arrays, change, sentence):
    np.savez(tmp_path / "pets.npz", **arrays | change)
    with pytest.raises(MissingData, match=rf"pets\.npz in .*{sentence}"):
        npz.read(tmp_path / "pets.npz")


def test_a_header_that_claims_more_than_there_is_allocates_nothing(tmp_path, arrays):
    header = io.BytesIO()
    claim = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 1000, 1000)}
    np.lib.format.write_array_header_1_0(header, claim)
    np.savez(tmp_path / "bomb.npz", class_names=arrays["class_names"])
    with zipfile.ZipFile(tmp_path / "bomb.npz", "a") as archive:
        archive.writestr("train_images.npy", header.getvalue())
    with pytest.raises(MissingData, match="claims the shape .* but holds 0 bytes"):
        npz.read(tmp_path / "bomb.npz")


def test_damaged_bytes_are_noticed(tmp_path, arrays):
    np.savez(tmp_path / "pets.npz", **arrays)
    data = bytearray((tmp_path / "pets.npz").read_bytes())
    data[data.index(arrays["train_images"].tobytes()) + 7] ^= 1
    (tmp_path / "pets.npz").write_bytes(data)
    with pytest.raises(MissingData, match="Bad CRC-32"):
        npz.read(tmp_path / "pets.npz")
    (tmp_path / "pets.npz").write_bytes(data[:200])
    with pytest.raises(MissingData, match="not a zip file"):
        npz.summary(tmp_path / "pets.npz")


def test_tracks_are_unique_within_a_class_and_a_half(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays, train_tracks=np.array([0, 0, 0, 0, 1], np.int16))
    groups = npz.read(tmp_path / "a.npz").groups
    first, second, third, fourth, fifth = groups[:5]  # labels 0 1 1 0 1
    assert first == fourth and second == third and len({first, second, fifth}) == 3
    np.testing.assert_array_equal(groups[5:], -1)


def test_drawers_are_unique_within_an_alphabet(tmp_path, arrays):
    arrays["class_names"] = np.array(["Greek/a", "Greek/b", "Latin/a"])
    arrays["train_labels"] = np.array([0, 1, 2, 0, 2])
    drawers = {"train_drawers": np.array([1, 1, 1, 2, 2]), "test_drawers": np.array([2, 1, 3])}  # test labels 1 0 1
    np.savez(tmp_path / "a.npz", **arrays, **drawers)
    groups = npz.read(tmp_path / "a.npz").groups
    assert groups[0] == groups[1] == groups[6] and groups[3] == groups[5]
    assert len(set(groups[[0, 2, 3, 4, 7]].tolist())) == 5


def test_jpeg_layout_equals_pillow(tmp_path, arrays, monkeypatch):
    monkeypatch.setattr(npz, "CHUNK", 2)
    files = []
    for pixels in arrays["train_images"]:
        Image.fromarray(pixels).save(file := io.BytesIO(), "JPEG", quality=75)
        files.append(file.getvalue())
    packed = {
        "train_jpeg": np.frombuffer(b"".join(files), np.uint8),
        "train_offsets": np.cumsum([0, *map(len, files)]),
        "train_labels": arrays["train_labels"],
        "class_names": arrays["class_names"],
    }
    np.savez(tmp_path / "pets.npz", **packed)
    assert npz.is_jpeg(tmp_path / "pets.npz")
    assert npz.summary(tmp_path / "pets.npz") == npz.Summary(("cat", "dog"), (3, 4, 6), 5, 0)
    expected = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(npz.read(tmp_path / "pets.npz").images, expected)
    np.savez(tmp_path / "cut.npz", **packed | {"train_jpeg": packed["train_jpeg"][:-9]})
    with pytest.raises(MissingData, match="offsets don't fit"):
        npz.read(tmp_path / "cut.npz")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["cat", ""], "an empty name"),
        (["cat", "d\x1bog"], "signs that can't be shown"),
        (["cat", "x" * 1_000_000], "a name of 1,000,000 characters, and 200 are the most"),
    ],
)
def test_class_names_that_nobody_can_read_are_refused(tmp_path, arrays, names, says):
    np.savez(tmp_path / "pets.npz", **arrays | {"class_names": np.array(names)})
    with pytest.raises(MissingData, match=says):
        npz.summary(tmp_path / "pets.npz")


def test_a_damaged_jpeg_is_a_sentence_without_an_address(tmp_path, arrays):
    packed = {
        "train_jpeg": np.frombuffer(b"no jpeg at all", np.uint8),
        "train_offsets": np.array([0, 7, 14]),
        "train_labels": np.array([0, 1]),
        "class_names": arrays["class_names"],
    }
    np.savez(tmp_path / "pets.npz", **packed)
    with pytest.raises(MissingData, match="an image in it isn't a JPEG, or it is cut off") as told:
        npz.summary(tmp_path / "pets.npz")
    assert "0x" not in str(told.value)


def test_a_file_without_class_names_is_read_by_its_labels(tmp_path, arrays):
    keras = {
        f"{short}_{half}": arrays[f"{half}_{long}"]
        for half in ("train", "test")
        for short, long in (("x", "images"), ("y", "labels"))
    }
    np.savez(tmp_path / "pets.npz", **keras)
    dataset, about = npz.read(tmp_path / "pets.npz"), npz.summary(tmp_path / "pets.npz")
    assert (about.classes, about.shape, about.train_count, about.test_count) == (("0", "1"), (3, 4, 6), 5, 3)
    np.testing.assert_array_equal(dataset.images[:5], arrays["train_images"].transpose(0, 3, 1, 2))
    assert not npz.is_jpeg(tmp_path / "pets.npz")
    with pytest.raises(MissingData, match="holds Python objects"):
        np.savez(tmp_path / "a.npz", x_train=np.array([object()]), y_train=np.array([1]))
        npz.read(tmp_path / "a.npz")


def test_a_range_of_values_is_kept(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays, value_range=np.array([0.5, 4095]))
    npz.write(tmp_path / "b.npz", npz.read(tmp_path / "a.npz"))
    assert npz.read(tmp_path / "b.npz").value_range == npz.summary(tmp_path / "b.npz").value_range == (0.5, 4095.0)
    np.savez(tmp_path / "a.npz", **arrays, value_range=np.array([3, np.nan]))
    with pytest.raises(MissingData, match="value_range isn't two numbers"):
        npz.read(tmp_path / "a.npz")


def test_write_and_read_again(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays, train_groups=np.array([0, 1, 1, -1, -1]), note=np.array("Careful."))
    first = npz.read(tmp_path / "a.npz")
    npz.write(tmp_path / "b.npz", first)
    again = npz.read(tmp_path / "b.npz")
    for key in ("images", "labels", "groups"):
        np.testing.assert_array_equal(getattr(again, key), getattr(first, key))
    assert (again.classes, again.train_count, again.note) == (first.classes, 5, "Careful.")
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", "b.npz"}


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(ValueError):
        npz.write_arrays(tmp_path / "a.npz", {"a": np.array([object()])})
    assert not list(tmp_path.iterdir())


def test_a_folder_without_write_bits_is_left_alone_even_by_the_superuser(tmp_path):
    assert npz.writable(tmp_path / "not" / "yet")
    tmp_path.chmod(0o555)
    assert not npz.writable(tmp_path) and not npz.writable(tmp_path / "below")
    tmp_path.chmod(0o755)


@pytest.mark.parametrize(("labels", "normal"), [([1, 1, 1, 1, 1], "dog"), ([0, 1, 1, 0, 1], "")])
def test_the_class_that_is_alone_in_the_training_half_is_known(tmp_path, arrays, labels, normal):
    np.savez(tmp_path / "pets.npz", **arrays | {"train_labels": np.array(labels)})
    assert npz.summary(tmp_path / "pets.npz").normal == normal
