"""Image sets that others keep as named arrays: Keras' `x_train`, MedMNIST's `train_images` with `val_*`, SVHN's `X`.

They carry no class names: those are the labels themselves, in the order of numbers where they are numbers. A
validation part joins training, or is the test half where no other is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np

from core.data.dataset import Dataset, Summary
from core.data.ranges import Range, range_of, said, scaled

PARTS = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}
IMAGES = ("{0}_images", "x_{0}", "X_{0}", "{0}_x", "{0}_X", "{0}_data")
LABELS = ("{0}_labels", "y_{0}", "Y_{0}", "{0}_y", "{0}_Y", "{0}_label")
ALONE = (("images", "labels"), ("X", "y"), ("x", "y"), ("data", "labels"))  # of a set without parts
MOST_BYTES = 4_000_000_000
MOST_CLASSES = 10_000


class Arrays(Protocol):
    """Named arrays that are looked at before they are read."""

    def names(self) -> Collection[str]: ...

    def header(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and type, without reading the values."""
        ...

    def read(self, name: str) -> np.ndarray: ...


@dataclass(frozen=True)
class Part:
    """Which arrays are the images and labels of one part. half: what becomes of it, train or test."""

    half: str
    images: str
    labels: str


def parts(names: Collection[str]) -> list[Part]:
    """The parts that arrays of these names hold, training first; empty where no images with labels are found."""
    found = {}
    for part, words in PARTS.items():
        images = next((name for each in IMAGES for word in words if (name := each.format(word)) in names), None)
        labels = next((name for each in LABELS for word in words if (name := each.format(word)) in names), None)
        if images and labels:
            found[part] = (images, labels)
    if not found:
        return [Part("train", *pair) for pair in ALONE if set(pair) <= set(names)][:1]
    validation = "train" if "test" in found or "train" not in found else "test"
    halves = {"train": "train", "val": validation, "test": "test"}
    return sorted((Part(halves[part], *pair) for part, pair in found.items()), key=lambda part: part.half != "train")


def summary(source: Arrays) -> Summary:
    """Classes, shape and counts from labels and headers. Raises ValueError with all that is wrong, in one sentence."""
    found = parts(source.names())
    shapes, labels = _checked(source, found)
    counts = {
        half: sum(shape[0] for shape, part in zip(shapes, found, strict=True) if part.half == half)
        for half in ("train", "test")
    }
    classes, _ = _numbered(labels)
    return Summary(classes, shapes[0][1:], counts["train"], counts["test"], _note(found))


def read(source: Arrays, name: str) -> Dataset:
    """The whole set. Values of more than 8 bits are scaled by one range for all. Raises ValueError as `summary`."""
    found = parts(source.names())
    _, labels = _checked(source, found)
    arrays = [_channel_first(source.read(part.images)) for part in found]
    measured: Range | None = None
    note = _note(found)
    if any(array.dtype != np.uint8 for array in arrays):
        measured = range_of(arrays)
        note = f"{note} {said(measured)}".strip()
        arrays = [scaled(array, measured)[0] for array in arrays]
    classes, numbers = _numbered(labels)
    train = sum(len(array) for array, part in zip(arrays, found, strict=True) if part.half == "train")
    return Dataset(name, name, classes, np.concatenate(arrays), numbers, train, note=note, value_range=measured)


def _checked(source: Arrays, found: Sequence[Part]) -> tuple[list[tuple[int, int, int, int]], list[np.ndarray]]:
    """(N, C, H, W) and labels of every part; all that is wrong is raised at once."""
    wrong, shapes, labels = [], [], []
    for part in found:
        shape, dtype = source.header(part.images)
        turned = _turned(shape)
        if dtype.kind not in "biuf" or turned is None:
            wrong.append(f"{part.images} is {dtype} {list(shape)}, not numbers [N, H, W] or [N, H, W, 3]")
        elif prod(shape) * dtype.itemsize > MOST_BYTES:
            wrong.append(f"{part.images} has {prod(shape) * dtype.itemsize / 1e9:,.1f} GB, more than can be read")
        else:
            shapes.append(turned)
        values_shape, kind = source.header(part.labels)
        count = shape[0] if shape else 0
        if kind.kind not in "biufU" or values_shape not in ((count,), (count, 1), (1, count)):
            wrong.append(
                f"{part.labels} is {kind} {list(values_shape)}, and a set needs one class for each of {count:,} images"
            )
        else:
            labels.append(source.read(part.labels).reshape(-1))
    if not wrong and len({shape[1:] for shape in shapes}) > 1:
        wrong.append(f"its parts differ in shape: {' and '.join(str(shape[1:]) for shape in shapes)}")
    if not wrong and not sum(shape[0] for shape in shapes):
        wrong.append("it holds no images")
    if wrong:
        raise ValueError("; ".join(wrong))
    return shapes, labels


def _turned(shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """The shape with channels before rows, or None where it can't be images."""
    if len(shape) == 3 and min(shape[1:]) > 0:
        return shape[0], 1, shape[1], shape[2]
    if len(shape) == 4 and min(shape[1:]) > 0:
        if shape[3] in (1, 3):
            return shape[0], shape[3], shape[1], shape[2]
        if shape[1] in (1, 3):
            return shape[0], shape[1], shape[2], shape[3]
    return None


def _channel_first(images: np.ndarray) -> np.ndarray:
    """[N, H, W], [N, H, W, C] or [N, C, H, W] as [N, C, H, W]."""
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[3] in (1, 3):
        images = np.moveaxis(images, 3, 1)
    return np.ascontiguousarray(images)


def _numbered(labels: Sequence[np.ndarray]) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names and, for every image, which: labels as they are, numbers in their order, int64 [N]."""
    values, numbers = np.unique(np.concatenate(labels), return_inverse=True)
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise ValueError("its labels aren't whole numbers")
    if len(values) > MOST_CLASSES:
        raise ValueError(f"its labels name {len(values):,} classes, more than can be told apart")
    names = tuple(str(value) if values.dtype.kind == "U" else f"{int(value)}" for value in values)
    return names, numbers.ravel().astype(np.int64)


def _note(found: Sequence[Part]) -> str:
    validation = next((part for part in found if part.images.split("_")[0] == "val" or "_val" in part.images), None)
    if validation is None:
        return ""
    return f"Its validation images are {'training' if validation.half == 'train' else 'test'} images here."
