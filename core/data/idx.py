"""The idx files of MNIST and its relatives, raw or gzipped, read straight into one array.

Format: two zero bytes, the type (8: unsigned byte), the number of dimensions, each as a big-endian int32, the data.
"""

import gzip
import io
import struct
import zlib
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from pathlib import Path

import numpy as np

from core.data.dataset import Dataset, Summary, damaged

CHUNK = 4096  # images turned upright at a time
MOST_DEFLATED = 1032  # no gzip file unpacks to more than this times its size


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
        """Train images, train labels, test images, test labels, each raw or gzipped; None where one is missing.

        They lie together in the folder itself, in the one above it, or in `gzip` below either, as EMNIST unpacks; their
        names have dots or dashes.
        """
        for folder in self._folders(root):
            found = self._found(folder)
            if all(found.values()):
                return [path for path in found.values() if path]
        return None

    def missing(self, root: Path) -> list[str] | None:
        """The files that are missing in a folder where some of them lie; None where none lies anywhere."""
        for folder in self._folders(root):
            found = self._found(folder)
            if any(found.values()):
                return [str(folder.relative_to(root) / name) for name, path in found.items() if not path]
        return None

    @property
    def looked_for(self) -> str:
        """The four names, for a sentence."""
        return f"{self.folder}/{{{', '.join(self._names())}}}, raw or gzipped,"

    def _names(self) -> list[str]:
        kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
        return [f"{half}-{kind}" for half in (self.train, self.test) for kind in kinds]

    def _folders(self, root: Path) -> list[Path]:
        places = [root / self.folder, (root / self.folder).parent]
        alone = [root / "gzip", root] if self.train != "train" else []  # names that no other set has
        return [*places, *(place / "gzip" for place in places), *alone]

    def _found(self, folder: Path) -> dict[str, Path | None]:
        """Name -> where it lies, in whichever spelling."""
        spelled = {name: (name, name.replace("-idx", ".idx")) for name in self._names()}
        return {
            name: next(
                (path for each in names for end in ("", ".gz") if (path := folder / f"{each}{end}").is_file()), None
            )
            for name, names in spelled.items()
        }


def summary(files: IdxFiles, root: Path, classes: tuple[str, ...]) -> Summary:
    """Shape and counts from the headers. Raises MissingData, naming the file, where one of the four is damaged."""
    paths = files.paths(root)
    assert paths is not None, f"{files.folder} is not below {root}"
    shapes = [_shape(path) for path in paths]
    for half in (0, 2):
        if shapes[half][1:] != shapes[0][1:]:
            raise damaged(paths[half], f"its images are {shapes[half][1:]}, those of training {shapes[0][1:]}")
        if shapes[half][0] != shapes[half + 1][0]:
            raise damaged(paths[half + 1], f"it has {shapes[half + 1][0]:,} labels for {shapes[half][0]:,} images")
    train_count, height, width = shapes[0]
    return Summary(classes, (1, height, width), train_count, shapes[2][0])


def read(files: IdxFiles, root: Path, classes: tuple[str, ...]) -> Dataset:
    """The whole set, named after its folder. Raises MissingData, naming the file, where one of the four is damaged."""
    about, paths = summary(files, root, classes), files.paths(root) or []
    images = np.empty((about.train_count + about.test_count, *about.shape), np.uint8)
    labels = np.empty(len(images), np.uint8)
    for half, part in ((0, slice(0, about.train_count)), (2, slice(about.train_count, len(images)))):
        _read_into(paths[half], images[part, 0])
        _read_into(paths[half + 1], labels[part])
        low, high = labels[part].min(), labels[part].max()
        if low < files.first_label or high >= files.first_label + len(classes):
            raise damaged(paths[half + 1], f"its labels go from {low} to {high}, with {len(classes)} classes")
    if files.transposed:
        for start in range(0, len(images), CHUNK):
            images[start : start + CHUNK] = images[start : start + CHUNK].swapaxes(2, 3).copy()
    numbers = labels.astype(np.int64) - files.first_label
    return Dataset(files.folder, files.folder, classes, images, numbers, about.train_count)


def parse(content: bytes, dimensions: int) -> np.ndarray:
    """The array of an idx file, raw or gzipped, uint8 with so many dimensions. Raises ValueError where it is damaged.

    Nothing beyond the size that its header names is unpacked.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(content)) if content[:2] == b"\x1f\x8b" else io.BytesIO(content) as file:
        try:
            zeros, kind, count, *shape = struct.unpack(f">HBB{dimensions}i", file.read(4 + 4 * dimensions))
            if (zeros, kind, count) != (0, 8, dimensions) or min(shape) < 1:
                raise ValueError(f"it isn't an idx file of bytes with {dimensions} dimensions")
            if prod(shape) > len(content) * MOST_DEFLATED:
                raise ValueError(f"its {len(content):,} bytes don't fit its shape {shape}")
            data = file.read(prod(shape) + 1)
        except (OSError, EOFError, struct.error, zlib.error) as error:
            raise ValueError(f"{error}") from error
    if len(data) != prod(shape):
        raise ValueError(f"its data don't fit its shape {shape}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _shape(path: Path) -> tuple[int, ...]:
    """The dimensions that the header names, three of images, one of labels, if the file is as large as they say."""
    dimensions = 3 if "idx3" in path.name else 1
    header = 4 + 4 * dimensions
    try:
        with _open(path) as file:
            zeros, kind, count, *shape = struct.unpack(f">HBB{dimensions}i", file.read(header))
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise damaged(path, error) from error
    if (zeros, kind, count) != (0, 8, dimensions) or min(shape) < 1:
        raise damaged(path, f"it isn't an idx file of bytes with {dimensions} dimensions")
    size = path.stat().st_size
    if prod(shape) > size * MOST_DEFLATED if path.suffix == ".gz" else prod(shape) != size - header:
        raise damaged(path, f"its {size:,} bytes don't fit its shape {shape}")
    return tuple(shape)


def _read_into(path: Path, out: np.ndarray) -> None:
    """Fills `out`, uint8 and contiguous, with the file's data."""
    try:
        with _open(path) as file:
            file.read(4 + 4 * out.ndim)
            if file.readinto(out.data.cast("B")) != out.nbytes or file.read(1):
                raise ValueError(f"its data don't fit its shape {list(out.shape)}")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged(path, error) from error


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")
