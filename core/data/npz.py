"""Image sets as one `NAME.npz`: plain arrays, never pickled, checked before they are trusted.

Two layouts, told apart by the names inside:
    plain   train_images, test_images (uint8 [N, H, W] or [N, H, W, 1 or 3]), train_labels, test_labels, class_names
    jpeg    train_jpeg, test_jpeg (JPEG files one after another), train_offsets, test_offsets (int64 [N + 1]), labels
One half may be missing. Extra arrays `{half}_groups`, `{half}_tracks` (unique within a class) or `{half}_drawers`
(unique within an alphabet, the part of a class name before "/") become the dataset's groups, `note` its note, and
`value_range` the range that its values were scaled by. Without class_names it is read as `core.data.foreign` says.
"""

import io
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

import numpy as np
from PIL import Image

from core.data import foreign
from core.data.dataset import Dataset, Summary, damaged
from core.errors import WrongRequest

UNREADABLE = (
    *(OSError, EOFError, ValueError, KeyError, NotImplementedError, MemoryError),
    *(BadZipFile, zlib.error, Image.DecompressionBombError),
)
HALVES = ("train", "test")
GROUP_KINDS = ("groups", "tracks", "drawers")
LONGEST_NAME = 200  # characters of a class name
CHUNK = 1024  # images read or decoded at a time: a channel-last set is turned without a second copy of the whole


def summary(path: Path) -> Summary:
    """Classes, shape and counts from the small arrays and the headers. Raises MissingData where the file is damaged."""
    with _opened(path) as archive:
        return _summary(archive)


def read(path: Path) -> Dataset:
    """The whole set, named after its file. Raises MissingData, naming the file, where anything in it is wrong."""
    with _opened(path) as archive:
        return _dataset(archive, path.stem)


def read_bytes(content: bytes, name: str) -> Dataset:
    """The whole set from the bytes of a file called `name`. Raises WrongRequest where anything in it is wrong."""
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            return _dataset(archive, Path(name).stem)
    except UNREADABLE as error:
        raise WrongRequest(f"{name} can't be used: {_reason(error)}.") from error


def is_jpeg(path: Path) -> bool:
    """Whether the file holds JPEG bytes that have to be decoded."""
    with _opened(path) as archive:
        return not _is_foreign(archive) and _layout(archive) == "jpeg"


def writable(folder: Path) -> bool:
    """Whether files may be put into `folder`, which needn't exist yet. The mode counts for the superuser too."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK) and bool(there.stat().st_mode & 0o222)


def write(path: Path, dataset: Dataset) -> None:
    """Writes the plain layout; `path` appears only once it is complete. Groups become `{half}_groups`."""
    arrays: dict[str, np.ndarray] = {"class_names": np.array(dataset.classes), "note": np.array(dataset.note)}
    if dataset.value_range:
        arrays["value_range"] = np.array(dataset.value_range)
    for half, part in (("train", ~dataset.is_test), ("test", dataset.is_test)):
        if part.any():
            images = np.moveaxis(dataset.images[part], 1, -1)
            arrays[f"{half}_images"] = images[..., 0] if dataset.shape[0] == 1 else images
            arrays[f"{half}_labels"] = dataset.labels[part]
            if dataset.groups is not None:
                arrays[f"{half}_groups"] = dataset.groups[part]
    write_arrays(path, arrays)


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes named arrays as one npz that appears only once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent / f".{path.stem}-{os.getpid()}.part"
    try:
        with unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path) -> Iterator[ZipFile]:
    """The zip that an npz is; whatever turns out to be wrong inside becomes one sentence that names the file."""
    try:
        with ZipFile(path) as archive:
            yield archive
    except UNREADABLE as error:
        raise damaged(path, _reason(error)) from error


def _reason(error: BaseException) -> str:
    """What was wrong, in words: what a decoder says of bytes in memory names an address, which helps nobody."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "an image in it isn't a JPEG, or it is cut off"
    return str(error).strip("'\". ") or type(error).__name__


@dataclass(frozen=True)
class _Named:
    """The arrays of an npz as `core.data.foreign` looks at them."""

    archive: ZipFile

    def names(self) -> list[str]:
        return [name.removesuffix(".npy") for name in self.archive.namelist() if name.endswith(".npy")]

    def header(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        with self.archive.open(f"{name}.npy") as stream:
            shape, _, dtype = _header(stream)
            there = self.archive.getinfo(f"{name}.npy").file_size - stream.tell()
        if dtype.hasobject:
            raise ValueError(f"{name} holds Python objects, which are never loaded (allow_pickle is off)")
        if prod(shape) * dtype.itemsize != there:
            raise ValueError(f"{name} claims the shape {list(shape)} but holds {there:,} bytes")
        return shape, dtype

    def read(self, name: str) -> np.ndarray:
        return _array(self.archive, name)


def _is_foreign(archive: ZipFile) -> bool:
    return not _has(archive, "class_names") and bool(foreign.parts(_Named(archive).names()))


def _dataset(archive: ZipFile, name: str) -> Dataset:
    if _is_foreign(archive):
        return foreign.read(_Named(archive), name)
    about = _summary(archive)
    count = about.train_count + about.test_count
    images, labels = np.empty((count, *about.shape), np.uint8), np.empty(count, np.int64)
    parts = {"train": slice(0, about.train_count), "test": slice(about.train_count, count)}
    for half, part in parts.items():
        if part.stop > part.start:
            _fill_images(archive, half, images[part])
            labels[part] = _labels(archive, half, len(about.classes), part.stop - part.start)
    groups = _groups(archive, labels, about)
    return Dataset(name, name, about.classes, images, labels, about.train_count, groups, about.note, about.value_range)


def _summary(archive: ZipFile) -> Summary:
    if _is_foreign(archive):
        return foreign.summary(_Named(archive))
    layout = _layout(archive)
    classes = _classes(archive)
    shapes = {half: _shape(archive, half, layout) for half in HALVES if _has(archive, f"{half}_{layout}")}
    if len({shape[1:] for shape in shapes.values()}) > 1:
        raise ValueError(f"its halves differ in shape: {' and '.join(str(shape[1:]) for shape in shapes.values())}")
    counts = {half: shape[0] for half, shape in shapes.items()}
    if not sum(counts.values()):
        raise ValueError("it holds no images")
    _, channels, height, width = next(iter(shapes.values()))
    note = str(_array(archive, "note")) if _has(archive, "note") else ""
    shape, train, test = (channels, height, width), counts.get("train", 0), counts.get("test", 0)
    return Summary(classes, shape, train, test, note, _value_range(archive), _normal(archive, classes, train, test))


def _normal(archive: ZipFile, classes: tuple[str, ...], train: int, test: int) -> str:
    """The class that is alone in the training half, where there is a test half; empty where there are several."""
    if not train or not test or not _has(archive, "train_labels"):
        return ""
    labels = np.unique(_array(archive, "train_labels"))
    return classes[int(labels[0])] if len(labels) == 1 and 0 <= labels[0] < len(classes) else ""


def _value_range(archive: ZipFile) -> tuple[float, float] | None:
    if not _has(archive, "value_range"):
        return None
    found = _array(archive, "value_range")
    if found.shape != (2,) or found.dtype.kind not in "iuf" or not np.isfinite(found).all() or found[0] > found[1]:
        raise ValueError("value_range isn't two numbers, the lower one first")
    return float(found[0]), float(found[1])


def _layout(archive: ZipFile) -> str:
    for layout in ("images", "jpeg"):
        if any(_has(archive, f"{half}_{layout}") for half in HALVES):
            return layout
    there = ", ".join(_Named(archive).names()[:8]) or "no arrays"
    raise ValueError(
        f"it has neither train_images nor test_images with labels, but {there}; see the README for what is read"
    )


def _shape(archive: ZipFile, half: str, layout: str) -> tuple[int, int, int, int]:
    """(N, C, H, W) of one half, from the header of its array or of its first JPEG."""
    if layout == "jpeg":
        offsets = _array(archive, f"{half}_offsets")
        if offsets.dtype.kind not in "iu" or offsets.ndim != 1 or len(offsets) < 2:
            raise ValueError(f"{half}_offsets is {offsets.dtype} {list(offsets.shape)}, not whole numbers [N + 1]")
        with archive.open(f"{half}_jpeg.npy") as stream:
            _header(stream)
            with Image.open(io.BytesIO(stream.read(int(offsets[1]))), formats=["JPEG"]) as first:
                return len(offsets) - 1, 3, first.height, first.width
    key = f"{half}_images"
    with archive.open(f"{key}.npy") as stream:
        shape, _, dtype = _header(stream)
        claimed, there = prod(shape) * dtype.itemsize, archive.getinfo(f"{key}.npy").file_size - stream.tell()
    if dtype != np.uint8 or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
        raise ValueError(f"{key} is {dtype} {list(shape)}, not uint8 [N, H, W] or [N, H, W, 3]")
    if claimed != there or 0 in shape[1:]:
        raise ValueError(f"{key} claims the shape {list(shape)} but holds {there:,} bytes")
    return shape[0], (*shape, 1)[3], shape[1], shape[2]


def _fill_images(archive: ZipFile, half: str, out: np.ndarray) -> None:
    """Writes the images of one half into `out`, uint8 [N, C, H, W]."""
    if _layout(archive) == "jpeg":
        return _decode(_array(archive, f"{half}_jpeg"), _array(archive, f"{half}_offsets"), out)
    with archive.open(f"{half}_images.npy") as stream:
        shape, fortran, _ = _header(stream)
        channel_last = (*shape, 1)[:4]
        if fortran:
            out[:] = np.moveaxis(_array(archive, f"{half}_images").reshape(channel_last), -1, 1)
            return None
        for start in range(0, len(out), CHUNK):
            block = out[start : start + CHUNK]
            pixels = np.frombuffer(stream.read(block.size), np.uint8).reshape(-1, *channel_last[1:])
            block[:] = np.moveaxis(pixels, -1, 1)
        stream.read()  # to the end of the member, where its checksum is compared
    return None


def _decode(jpeg: np.ndarray, offsets: np.ndarray, out: np.ndarray) -> None:
    """Decodes JPEG files that lie one after another, on all cores (Pillow frees the interpreter while it decodes)."""
    if len(offsets) != len(out) + 1 or offsets[0] != 0 or offsets[-1] != len(jpeg) or (np.diff(offsets) <= 0).any():
        raise ValueError("its offsets don't fit its JPEG bytes")
    data = jpeg.tobytes()

    def fill(start: int) -> None:
        for index in range(start, min(start + CHUNK, len(out))):
            with Image.open(io.BytesIO(data[offsets[index] : offsets[index + 1]]), formats=["JPEG"]) as image:
                if (image.height, image.width) != out.shape[2:]:
                    raise ValueError(f"image {index} is {image.width}x{image.height}, the first one is not")
                out[index] = np.moveaxis(np.asarray(image.convert("RGB")), -1, 0)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill, range(0, len(out), CHUNK)))


def _classes(archive: ZipFile) -> tuple[str, ...]:
    names = _array(archive, "class_names")
    if names.ndim != 1 or names.dtype.kind != "U" or not len(names) or len(set(names.tolist())) != len(names):
        raise ValueError("class_names isn't a list of different names")
    long = [len(name) for name in names.tolist() if len(name) > LONGEST_NAME]
    if long:
        raise ValueError(f"class_names holds a name of {max(long):,} characters, and {LONGEST_NAME} are the most")
    if any(not name.strip() or not name.isprintable() for name in names.tolist()):
        raise ValueError("class_names holds an empty name, or one with signs that can't be shown")
    return tuple(names.tolist())


def _labels(archive: ZipFile, half: str, class_count: int, count: int) -> np.ndarray:
    labels = _array(archive, f"{half}_labels")
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise ValueError(
            f"{half}_labels is {labels.dtype} {list(labels.shape)}, not one whole number for {count} images"
        )
    if labels.min() < 0 or labels.max() >= class_count:
        raise ValueError(f"{half}_labels go from {labels.min()} to {labels.max()}, with {class_count} classes")
    return labels.astype(np.int64)


def _groups(archive: ZipFile, labels: np.ndarray, about: Summary) -> np.ndarray | None:
    """Group numbers 0, 1, ... over both halves, int64 [N], -1 where an image has none; None where the set has none."""
    kind = next((kind for kind in GROUP_KINDS if any(_has(archive, f"{half}_{kind}") for half in HALVES)), None)
    if kind is None:
        return None
    local = np.full(len(labels), -1, np.int64)
    parts = {"train": slice(0, about.train_count), "test": slice(about.train_count, len(labels))}
    for half, part in parts.items():
        if _has(archive, f"{half}_{kind}"):
            local[part] = _array(archive, f"{half}_{kind}")
    scope = np.zeros(len(labels), np.int64)
    if (
        kind == "tracks"
    ):  # number 3 of class 5 and number 3 of class 6 are two signs, and so are those of train and test
        scope = 2 * labels + (np.arange(len(labels)) >= about.train_count)
    elif kind == "drawers":
        alphabets = np.unique([name.split("/")[0] for name in about.classes], return_inverse=True)[1]
        scope = alphabets[labels]
    groups = np.full(len(labels), -1, np.int64)
    known = local >= 0
    groups[known] = np.unique(np.stack([scope, local])[:, known], axis=1, return_inverse=True)[1].ravel()
    return groups


def _has(archive: ZipFile, key: str) -> bool:
    return f"{key}.npy" in archive.namelist()


def _array(archive: ZipFile, key: str) -> np.ndarray:
    if not _has(archive, key):
        raise ValueError(f"it lacks {key}")
    with archive.open(f"{key}.npy") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran order, and type of an array; leaves the stream at its first value."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(stream)
    if version not in readers:
        raise ValueError(f"it uses version {version} of the npy format")
    return readers[version](stream)
