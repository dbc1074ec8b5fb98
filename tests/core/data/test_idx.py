import gzip
import struct

import numpy as np
import pytest

from core.data import idx
from core.errors import MissingData


def write(path, array, pack=open):
    with pack(path, "wb") as file:
        file.write(struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes())


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (7, 4, 4), np.uint8)


@pytest.fixture
def root(tmp_path, images):
    """A data root with four training and three test images of the classes 1 and 2, training images gzipped."""
    folder = tmp_path / "A/raw"
    folder.mkdir(parents=True)
    write(folder / "train-images-idx3-ubyte.gz", images[:4], gzip.open)
    write(folder / "train-labels-idx1-ubyte", np.array([1, 2, 2, 1]))
    write(folder / "t10k-images-idx3-ubyte", images[4:])
    write(folder / "t10k-labels-idx1-ubyte", np.array([2, 1, 1]))
    return tmp_path


FILES = idx.IdxFiles("A/raw", first_label=1)


def test_reads_raw_and_gzipped_files(root, images):
    dataset = idx.read(FILES, root, ("a", "b"))
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    np.testing.assert_array_equal(dataset.labels, [0, 1, 1, 0, 1, 0, 0])
    assert (dataset.train_count, dataset.shape) == (4, (1, 4, 4))


def test_summary_reads_headers_alone(root):
    (root / "A/raw/t10k-images-idx3-ubyte").write_bytes(struct.pack(">HBB3i", 0, 8, 3, 3, 4, 4) + bytes(48))
    assert idx.summary(FILES, root, ("a", "b")) == idx.Summary(("a", "b"), (1, 4, 4), 4, 3)


def test_transposed_images_are_turned_upright(root, images, monkeypatch):
    monkeypatch.setattr(idx, "CHUNK", 3)
    dataset = idx.read(idx.IdxFiles("A/raw", first_label=1, transposed=True), root, ("a", "b"))
    np.testing.assert_array_equal(dataset.images[:, 0], images.transpose(0, 2, 1))


def test_a_set_with_a_file_missing_is_not_there(root):
    assert len(FILES.paths(root)) == 4
    (root / "A/raw/t10k-labels-idx1-ubyte").unlink()
    assert FILES.paths(root) is None


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("t10k-images-idx3-ubyte", b"\0\0", "unpack requires"),
        ("t10k-images-idx3-ubyte", struct.pack(">HBB3i", 0, 9, 3, 3, 4, 4) + bytes(48), "isn't an idx file"),
        ("t10k-images-idx3-ubyte", struct.pack(">HBB3i", 0, 8, 3, 3, 4, 4) + bytes(47), "bytes don't fit its shape"),
        ("t10k-images-idx3-ubyte", struct.pack(">HBB3i", 0, 8, 3, 3, 4, 4) + bytes(49), "bytes don't fit its shape"),
        ("t10k-images-idx3-ubyte", struct.pack(">HBB3i", 0, 8, 3, 3, 2, 8) + bytes(48), "those of training"),
        ("t10k-labels-idx1-ubyte", struct.pack(">HBBi", 0, 8, 1, 2) + b"\1\1", "it has 2 labels for 3 images"),
        ("t10k-labels-idx1-ubyte", struct.pack(">HBBi", 0, 8, 1, 3) + b"\0\1\1", "its labels go from 0 to 1"),
        ("train-images-idx3-ubyte.gz", b"no gzip at all....", "gzip"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(root, name, content, sentence):
    (root / "A/raw" / name).write_bytes(content)
    with pytest.raises(MissingData, match=rf"{name} in .*{sentence}"):
        idx.read(FILES, root, ("a", "b"))


def test_a_header_that_claims_more_than_there_is_allocates_nothing(root):
    header = struct.pack(">HBB3i", 0, 8, 3, 2**31 - 1, 2**15, 2**15)
    (root / "A/raw/train-images-idx3-ubyte.gz").write_bytes(gzip.compress(header))
    with pytest.raises(MissingData, match="train-images-idx3-ubyte.gz in .* bytes don't fit its shape"):
        idx.read(FILES, root, ("a", "b"))


def test_a_gzipped_file_that_is_cut_off_is_noticed(root, images):
    with gzip.open(root / "A/raw/train-images-idx3-ubyte.gz", "wb") as file:
        file.write(struct.pack(">HBB3i", 0, 8, 3, 4, 4, 4) + images[:3].tobytes())
    with pytest.raises(MissingData, match="its data don't fit"):
        idx.read(FILES, root, ("a", "b"))
