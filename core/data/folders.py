"""A folder, a zip or a file of arrays: looked at, understood, then packed into one npz.

Nothing is unpacked to disk, a file's size is known before it is read and its pixels are counted before it is decoded.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from core.data import layouts, npz, ranges, uploads
from core.data.catalogue import NAME, Entry, catalogue, entry, roots
from core.data.dataset import Dataset
from core.data.fetching import Progress, silent
from core.data.known import KNOWN
from core.data.layouts import Picture, Understood
from core.data.layouts.tree import Skipped, opened
from core.data.layouts.understood import TEST
from core.data.packing import copies, held_out, packed, require_images, span_of, values_of
from core.data.preprocessing import conform
from core.data.ranges import Range
from core.errors import WrongRequest

SIDES = (8, 256)
SAMPLED = 64  # colour files decoded to see whether they hold grey pictures


@dataclass(frozen=True)
class FolderReport:
    """What lies in a folder, a zip or a file of arrays, before it is imported.

    classes: class name -> readable images.  skipped: (file, reason).  smallest, median, largest: (width, height), each
    number on its own.  channels, side: what to import it with; 1 channel where the pictures are grey, the side None
    where arrays keep their own size.  duplicates: files equal to one before them.  contradictions: pictures that lie in
    more than one class.  sentence: what it was understood as.  halves: class name -> (training, test) where the layout
    divides it, else empty.  left_out: what -> how many files.  value_range: the values that become 0 and 255 where
    there are more than 8 bits.  paged: TIFFs of several pages.  cut: files of more bits than can be read.
    """

    classes: dict[str, int]
    skipped: tuple[tuple[str, str], ...]
    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]
    channels: int
    side: int | None
    duplicates: int
    contradictions: int
    sentence: str = ""
    halves: dict[str, tuple[int, int]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    value_range: Range | None = None
    paged: int = 0
    cut: int = 0

    @property
    def notes(self) -> list[str]:
        """All that a person should know before importing it, a sentence each."""
        said = [self.sentence]
        said += [f"Left out: {', '.join(f'{count:,} {what}' for what, count in self.left_out.items())}."] * bool(
            self.left_out
        )
        said += [ranges.said(self.value_range)] if self.value_range else []
        said += [f"{self.paged:,} files have several pages, of which the first is read."] * bool(self.paged)
        said += [f"{self.cut:,} files have 16 bits a channel, of which the 8 highest are read."] * bool(self.cut)
        said += [f"{self.duplicates:,} files are copies of others; copies stay on one side of every split."] * bool(
            self.duplicates
        )
        said += [f"{self.contradictions:,} pictures lie in more than one class."] * bool(self.contradictions)
        if len(self.classes) == 1:
            said.append(
                "There is one class alone, so no novel image to test with: detectors can be trained on it and set "
                "their threshold, but nothing can be said of what they catch."
            )
        return [sentence for sentence in said if sentence]


@dataclass(frozen=True)
class _Look:
    """What a look at one file shows. colour: None where it wasn't decoded.  span: of values of more than 8 bits."""

    picture: Picture
    header: uploads.Header
    digest: bytes
    colour: bool | None
    span: Range | None


def inspect(source: Path | str, progress: Progress = silent, part: str = "") -> FolderReport:
    """What an import would find: every file is read and its header checked, colour is judged on a sample.

    part: which set, where the source holds several.  Raises SeveralSets where one must be chosen, and WrongRequest
    where `source` is nothing that can be imported, breaks a limit, or holds no readable image.
    """
    with opened(Path(source)) as tree:
        understood = layouts.understand(tree, part)
        if understood.arrays:
            return _report_on_arrays(understood, tree.skipped)
        looks, skipped = _looks(understood.pictures, tree.skipped, progress), tree.skipped
    require_images(len(looks), source, skipped)
    names = layouts.clean_names(dict.fromkeys(look.picture.label for look in looks))
    labels = [names[look.picture.label] for look in looks]
    counts = Counter(labels)
    classes = sorted(counts, key=layouts.natural)
    tested = Counter(label for label, look in zip(labels, looks, strict=True) if look.picture.half == TEST)
    sizes = np.array([(look.header.width, look.header.height) for look in looks])
    median = np.median(sizes, axis=0).astype(int)
    labels_of: dict[bytes, set[str]] = {}
    for label, look in zip(labels, looks, strict=True):
        labels_of.setdefault(look.digest, set()).add(label)
    return FolderReport(
        classes={name: counts[name] for name in classes},
        skipped=tuple(skipped),
        smallest=_pair(sizes.min(axis=0)),
        median=_pair(median),
        largest=_pair(sizes.max(axis=0)),
        channels=3 if any(look.colour for look in looks) else 1,
        side=max((side for side in (28, 32) if side <= median.min()), default=28),
        duplicates=len(looks) - len(labels_of),
        contradictions=sum(len(labels) > 1 for labels in labels_of.values()),
        sentence=understood.sentence,
        halves={name: (counts[name] - tested[name], tested[name]) for name in classes} if understood.halved else {},
        left_out=understood.left_out,
        value_range=span_of([look.span for look in looks], source),
        paged=sum(look.header.pages > 1 for look in looks),
        cut=sum(look.header.cut for look in looks),
    )


def import_images(
    source: Path | str,
    name: str,
    size: int | None = 32,
    channels: int = 3,
    test_share: float = 0.2,
    seed: int = 0,
    progress: Progress = silent,
    part: str = "",
) -> Entry:
    """Packs the images into `name`.npz in the first data root and gives its line of the catalogue.

    Every picture is fitted as an upload is: shown whole, with a border where it isn't square.  size: the side in
    pixels, 8 to 256; None keeps the size of arrays.  channels: 1 or 3.  test_share: held out of each class, below 1,
    where the layout has no halves of its own, which are kept.  Pictures that come out equal share a group.
    part: which set, where the source holds several.  Raises WrongRequest for a name that is taken or unsafe, an
    argument out of range, images that are all equal, or a source that `inspect` refuses.
    """
    _check(name, size, channels, test_share)
    with opened(Path(source)) as tree:
        side = size or SIDES[1]
        understood, skipped = layouts.understand(tree, part), tree.skipped
        if understood.arrays:
            dataset = _resized(understood.arrays, size, channels)
        else:
            dataset = packed(understood.pictures, (channels, side, side), skipped, progress, source)
    groups = copies(dataset)
    if len(groups) > 1 and (groups == groups[0]).all() and groups[0] >= 0:
        raise WrongRequest(
            f"All {len(groups):,} images of {Path(source).name} are equal: nothing can be learnt of them."
        )
    progress(None, f"Writing {name}.npz")
    is_test = dataset.is_test if understood.halved else held_out(dataset.labels, test_share, seed, groups)
    order = np.argsort(is_test, kind="stable")
    height, width = dataset.shape[1:]
    note = f"Imported from {Path(source).name}{f', {part},' if part else ''} at {width}x{height}. {understood.sentence}"
    if not is_test.any() and test_share > 0:
        note += " No test images could be held out: every class has one different image alone."
    if dataset.value_range:
        note += f" {ranges.said(dataset.value_range)}"
    if skipped:
        note += f" {len(skipped)} files were skipped, the first because: {skipped[0][1]}"
    own_groups = dataset.groups is not None and bool((dataset.groups >= 0).any())
    dataset = Dataset(
        *(name, name, dataset.classes, dataset.images[order], dataset.labels[order]),
        train_count=int(np.sum(~is_test)),
        groups=dataset.groups[order] if own_groups and dataset.groups is not None else groups[order],
        note=note,
        value_range=dataset.value_range,
    )
    try:
        npz.write(roots()[0] / f"{name}.npz", dataset)
    except OSError as error:
        raise WrongRequest(f"{name}.npz can't be written to {roots()[0]} ({error.strerror}).") from error
    return entry(name)


def _check(name: str, size: int | None, channels: int, test_share: float) -> None:
    if not NAME.fullmatch(name):
        raise WrongRequest(
            f"{name!r} can't be a dataset's name: take up to 40 letters, digits, - and _, a letter first."
        )
    if name.lower() in {one.name.lower() for one in catalogue()} | KNOWN.keys():
        raise WrongRequest(f"There is a dataset called {name} already: choose another name.")
    if not (size is None or SIDES[0] <= size <= SIDES[1]) or channels not in (1, 3) or not 0 <= test_share < 1:
        raise WrongRequest(
            f"Images can't be imported with side {size}, {channels} channels and {test_share:g} of them for testing: "
            f"choose a side from {SIDES[0]} to {SIDES[1]}, 1 or 3 channels, and a share from 0 to below 1."
        )
    if not npz.writable(roots()[0]):
        raise WrongRequest(f"{roots()[0]} can't be written: choose another first data root.")


def _looks(pictures: Sequence[Picture], skipped: Skipped, progress: Progress) -> list[_Look]:
    looks = []
    step = max(1, len(pictures) // SAMPLED)
    for index, picture in enumerate(pictures):
        progress(index / len(pictures), f"Looking at {picture.file.name}")
        try:
            looks.append(_look(picture, decoded=index % step == 0))
        except WrongRequest as error:
            skipped.append((picture.file.name, str(error)))
    return looks


def _look(picture: Picture, decoded: bool) -> _Look:
    name, data = picture.file.name, picture.file.read()
    header = uploads.header(data, name)
    span = values_of(data, name) if header.deep else None
    colour = None if header.grey else _is_colour(uploads.decode(data, name, span).image) if decoded else None
    return _Look(picture, header, blake2b(data).digest(), colour, span)


def _is_colour(image: np.ndarray) -> bool:
    """Whether channels differ by more than what JPEG adds to a grey picture. image: uint8 [H, W, C]."""
    return bool(np.ptp(image.astype(np.int16), axis=2).mean() > 4)


def _pair(numbers: np.ndarray) -> tuple[int, int]:
    return int(numbers[0]), int(numbers[1])


# --- arrays -----------------------------------------------------------------------------------------------------------


def _report_on_arrays(understood: Understood, skipped: Skipped) -> FolderReport:
    dataset = understood.arrays
    assert dataset
    channels, height, width = dataset.shape
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes)).tolist()
    training = np.bincount(dataset.labels[: dataset.train_count], minlength=len(dataset.classes)).tolist()
    halves = {name: (a, b - a) for name, a, b in zip(dataset.classes, training, counts, strict=True)}
    alike = copies(dataset)
    size = (width, height)
    return FolderReport(
        classes=dict(zip(dataset.classes, counts, strict=True)),
        skipped=tuple(skipped),
        smallest=size,
        median=size,
        largest=size,
        channels=channels,
        side=None,
        duplicates=int((alike >= 0).sum()) - len(set(alike[alike >= 0].tolist())),
        contradictions=0,
        sentence=understood.sentence,
        halves=halves if understood.halved else {},
        left_out=understood.left_out,
        value_range=dataset.value_range,
    )


def _resized(dataset: Dataset, size: int | None, channels: int) -> Dataset:
    """Arrays at the size asked for, None for their own."""
    height, width = (size, size) if size else dataset.shape[1:]
    return replace(dataset, images=conform(dataset.images, (channels, height, width)))
