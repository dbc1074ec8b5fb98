"""The idx files of MNIST and its relatives, raw or gzipped, read straight into one array.

Format: two zero bytes, the type (8: unsigned byte), the number of dimensions, each as a big-endian int32, the data.
"""

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.dataset import Dataset, damaged

CHUNK = 4096  # images turned upright at a time


@dataclass(frozen=True)
class IdxFiles:
    """Where one set lies below a data root, and how its files differ from MNIST's.

    train, test: what the file names begin with.  first_label: the number of the first class.  transposed: whether the
    images are stored column by column, as EMNIST's are.
    """

    folder: str
    train: str = "train"
    test: str = "t10k"
    first_label: int = 0
    transposed: bool = False

    def paths(self, root: Path) -> list[Path] | None:
        """Train images, train labels, test images, test labels, each raw or gzipped; None where one is missing."""
        kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
        stems = [root / self.folder / f"{half}-{kind}" for half in (self.train, self.test) for kind in kinds]
        found = [
            next((path for path in (stem, stem.with_name(f"{stem.name}.gz")) if path.is_file()), None) for stem in stems
        ]
        return [path for path in found if path] if all(found) else None


def read(files: IdxFiles, root: Path, classes: tuple[str, ...]) -> Dataset:
    """The whole set, named after its folder. Raises MissingData, naming the file, where one of the four is damaged."""
    paths = files.paths(root)
    assert paths is not None, f"{files.folder} is not below {root}"
    counts = [_shape(path)[0] for path in paths]
    _, height, width = _shape(paths[0])
    images, labels = np.empty((counts[0] + counts[2], 1, height, width), np.uint8), []
    for half, part in enumerate((slice(0, counts[0]), slice(counts[0], len(images)))):
        _read_into(paths[2 * half], images[part, 0])
        labels.append(np.empty(counts[2 * half + 1], np.uint8))
        _read_into(paths[2 * half + 1], labels[half])
        if len(labels[half]) != part.stop - part.start:
            raise damaged(paths[2 * half + 1], f"{len(labels[half])} labels for {part.stop - part.start} images")
        if labels[half].min() < files.first_label or labels[half].max() >= files.first_label + len(classes):
            raise damaged(paths[2 * half + 1], f"its labels go from {labels[half].min()} to {labels[half].max()}")
    if files.transposed:
        for start in range(0, len(images), CHUNK):
            images[start : start + CHUNK] = images[start : start + CHUNK].swapaxes(2, 3).copy()
    numbers = np.concatenate(labels).astype(np.int64) - files.first_label
    return Dataset(files.folder, files.folder, classes, images, numbers, counts[0])


def _shape(path: Path) -> tuple[int, ...]:
    """The dimensions that the header names: three of images, one of labels."""
    dimensions = 3 if "idx3" in path.name else 1
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            zeros, kind, count, *shape = struct.unpack(f">HBB{dimensions}i", file.read(4 + 4 * dimensions))
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise damaged(path, error) from error
    if (zeros, kind, count) != (0, 8, dimensions) or min(shape) < 1:
        raise damaged(path, f"it isn't an idx file of bytes with {dimensions} dimensions")
    return tuple(shape)


def _read_into(path: Path, out: np.ndarray) -> None:
    """Fills `out`, uint8 and contiguous, with the file's data."""
    header = 4 + 4 * out.ndim
    try:
        if _shape(path) != out.shape:
            raise ValueError(f"its images are {_shape(path)[1:]}, those of training {out.shape[1:]}")
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            file.read(header)
            read = file.readinto(out.data.cast("B"))
            if read != out.nbytes or file.read(1):
                raise ValueError(f"its size doesn't fit its shape {list(out.shape)}")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged(path, error) from error
