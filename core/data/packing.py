"""Pictures of a layout, decoded, fitted to one shape and scaled by one range: a dataset in memory."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import prod
from pathlib import Path

import numpy as np

from core.data import layouts, ranges, uploads
from core.data.dataset import Dataset
from core.data.fetching import Progress
from core.data.layouts import Picture
from core.data.layouts.tree import Skipped
from core.data.layouts.understood import TEST
from core.data.ranges import Range
from core.errors import WrongRequest

MAX_PACKED_BYTES = 4_000_000_000  # of all images in memory, at the size asked for
WINDOW = 256  # files decoded between two reports of progress
DECODERS = 4  # threads, each of which may hold a picture as large as an upload may be
EIGHT_BITS = {".jpg", ".jpeg", ".bmp", ".gif", ".webp"}  # files that never hold more


def packed(
    pictures: Sequence[Picture],
    shape: tuple[int, int, int],
    skipped: Skipped,
    progress: Progress,
    source: Path | str,
) -> Dataset:
    """All pictures decoded and fitted to `shape` (C, H, W), training images first where they have halves.

    What can't be read is added to `skipped`. Groups are those of the layout, -1 elsewhere.  Raises WrongRequest where
    nothing can be read, it is too much, or pictures of 8 bits and of more are mixed.
    """
    if len(pictures) * prod(shape) > MAX_PACKED_BYTES:
        size = f"{shape[2]}x{shape[1]}"
        raise WrongRequest(f"{len(pictures):,} images at {size} need too much memory: choose a smaller size.")
    usable, span = _measured(pictures, skipped, progress, source)
    images, found = _fitted(usable, shape, span, skipped, progress)
    require_images(len(images), source, skipped)
    names = layouts.clean_names(dict.fromkeys(picture.label for picture in found))
    classes = tuple(sorted(set(names.values()), key=layouts.natural))
    place = {name: number for number, name in enumerate(classes)}
    labels = np.array([place[names[picture.label]] for picture in found], np.int64)
    group_names = np.array([picture.group for picture in found])
    groups = np.unique(group_names, return_inverse=True)[1].ravel().astype(np.int64)
    groups[group_names == ""] = -1
    tested = np.array([picture.half == TEST for picture in found])
    order = np.argsort(tested, kind="stable")
    pixels = np.stack(images)[order]
    train = int(np.sum(~tested))
    return Dataset("", "", classes, pixels, labels[order], train, groups[order], value_range=span)


def _measured(
    pictures: Sequence[Picture], skipped: Skipped, progress: Progress, source: Path | str
) -> tuple[list[Picture], Range | None]:
    """The pictures that can be opened, and the range of their values where they have more than 8 bits."""
    usable, spans = [], []
    for number, picture in enumerate(pictures):
        if number % WINDOW == 0:
            progress(number / len(pictures), f"Looking for the range of values, {number + 1:,} of {len(pictures):,}")
        name, span = picture.file.name, None
        try:
            if picture.file.suffix not in EIGHT_BITS:
                data = picture.file.read()
                span = values_of(data, name) if uploads.header(data, name).deep else None
        except WrongRequest as error:
            skipped.append((name, str(error)))
        else:
            usable.append(picture)
            spans.append(span)
    return usable, span_of(spans, source)


def _fitted(
    pictures: Sequence[Picture], shape: tuple[int, int, int], span: Range | None, skipped: Skipped, progress: Progress
) -> tuple[list[np.ndarray], list[Picture]]:
    """The images that can be decoded, uint8 [C, H, W] each, and their pictures; adds the others to `skipped`."""
    images, found = [], []
    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(pictures), WINDOW):
            progress(start / len(pictures), f"Reading image {start + 1:,} of {len(pictures):,}")
            window = pictures[start : start + WINDOW]
            for picture, result in zip(window, pool.map(partial(_fit, shape=shape, span=span), window), strict=True):
                if isinstance(result, str):
                    skipped.append((picture.file.name, result))
                else:
                    images.append(result)
                    found.append(picture)
    return images, found


def _fit(picture: Picture, shape: tuple[int, int, int], span: Range | None) -> np.ndarray | str:
    """One image in `shape`, or why not."""
    file = picture.file
    try:
        return uploads.fit(uploads.decode(file.read(), file.name, span).image, shape)[0]
    except WrongRequest as error:
        return str(error)


def span_of(spans: Sequence[Range | None], source: Path | str) -> Range | None:
    """One range for all, None for 8 bits. Raises WrongRequest where only some have, as they can't be compared."""
    deep = [span for span in spans if span]
    if deep and len(deep) < len(spans):
        raise WrongRequest(
            f"{Path(source).name} holds {len(spans) - len(deep):,} pictures of 8 bits and {len(deep):,} of more, whose "
            "values can't be compared. Give pictures of one kind."
        )
    return (min(low for low, _ in deep), max(high for _, high in deep)) if deep else None


def values_of(data: bytes, name: str) -> Range:
    """Lowest and highest value of a picture of more than 8 bits."""
    try:
        return ranges.range_of([uploads.deep_values(data, name)])
    except ValueError as error:
        raise WrongRequest(f"{name} can't be used: {error}.") from error


def require_images(count: int, source: Path | str, skipped: Skipped) -> None:
    """Raises WrongRequest, with the first reason, where no image could be read."""
    if not count:
        why = f", the first because: {skipped[0][1]}" if skipped else ""
        raise WrongRequest(
            f"{Path(source).name} holds no image that can be read; {len(skipped)} files were skipped{why}"
        )


def held_out(labels: np.ndarray, share: float, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Which images a seeded, stratified split holds out, bool [N]: `share` of each class, a group always as a whole.

    labels: int64 [N].  groups: int64 [N], -1 where an image stands for itself; a group counts for the class of its
    first image.  Rounded to whole groups per class, but one group of each class always stays.
    """
    alone = np.arange(len(labels))
    units = alone if groups is None else np.where(groups < 0, groups.max() + 1 + alone, groups)
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    generator = np.random.default_rng(seed)
    chosen = np.zeros(len(first), bool)
    for label in np.unique(labels[first]):
        members = generator.permutation(np.flatnonzero(labels[first] == label))
        chosen[members[: min(round(share * len(members)), len(members) - 1)]] = True
    return chosen[unit]


def counts(dataset: Dataset) -> dict[str, tuple[int, int]]:
    """Class name -> training and test images."""
    halves = [np.bincount(dataset.labels[dataset.is_test == half], minlength=len(dataset.classes)) for half in (0, 1)]
    return {name: (int(a), int(b)) for name, a, b in zip(dataset.classes, *halves, strict=True)}


def copies(dataset: Dataset) -> np.ndarray:
    """Group numbers that equal images share, int64 [N], -1 for an image without a copy."""
    flat = np.ascontiguousarray(dataset.images).reshape(len(dataset.images), -1)
    whole = flat.view(np.dtype((np.void, flat.shape[1]))).ravel()  # an image as one value that can be sorted
    _, group, count = np.unique(whole, return_inverse=True, return_counts=True)
    return np.where(count[group] > 1, group, -1).astype(np.int64)
