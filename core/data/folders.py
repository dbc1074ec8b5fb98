"""A folder or a zip of `class name/image` files: looked at, then packed into one npz.

Nothing is unpacked to disk, no link is followed, a file's size is known before it is read and its pixels are counted
before it is decoded, so a stranger's zip can waste no more memory and time than the limits here allow.
"""

import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np

from core.data import npz, uploads
from core.data.catalogue import NAME, Entry, catalogue, entry, roots
from core.data.dataset import Dataset
from core.data.fetching import Progress, silent
from core.data.known import KNOWN
from core.errors import WrongRequest

MAX_FILES = 200_000
MAX_TOTAL_BYTES = 20_000_000_000  # of all files together, unpacked
MAX_PACKED_BYTES = 4_000_000_000  # of all images in memory, at the size asked for
BOMB_BYTES, BOMB_RATIO = 50_000_000, 100  # image files hardly compress: this much from so little holds no pictures
SIDES = (8, 256)
SAMPLED = 64  # colour files decoded to see whether they hold grey pictures
WINDOW = 256  # files decoded between two reports of progress
DECODERS = 4  # threads, each of which may hold a picture as large as an upload may be
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}

Skipped = list[tuple[str, str]]  # (file, reason)


@dataclass(frozen=True)
class FolderReport:
    """What lies in a folder or zip, before it is imported.

    classes: class name -> readable images.  skipped: (file, reason).  smallest, median, largest: (width, height), each
    number on its own.  channels, side: what to import it with; 1 channel where the pictures are grey.  duplicates:
    files equal to one before them.  contradictions: pictures that lie in more than one class.
    """

    classes: dict[str, int]
    skipped: tuple[tuple[str, str], ...]
    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]
    channels: int
    side: int
    duplicates: int
    contradictions: int


@dataclass(frozen=True)
class _File:
    """One file that may be an image. parts: its path below the source.  size: in bytes, as its folder or zip says."""

    parts: tuple[str, ...]
    size: int
    open: Callable[[], bytes]

    @property
    def name(self) -> str:
        return "/".join(self.parts)

    def read(self) -> bytes:
        """Its bytes. Raises WrongRequest where they can't be read."""
        try:
            return self.open()
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise WrongRequest(f"{self.name} can't be read ({error}).") from error


@dataclass(frozen=True)
class _Look:
    """What a look at one file shows. colour: None where it wasn't decoded."""

    label: str
    header: uploads.Header
    digest: bytes
    colour: bool | None


def inspect(source: Path | str, progress: Progress = silent) -> FolderReport:
    """What an import would find: every file is read and its header checked, colour is judged on a sample.

    Raises WrongRequest where `source` is neither a folder nor a zip, breaks a limit, or holds no readable image.
    """
    looks: list[_Look] = []
    with _opened(Path(source)) as (files, skipped):
        step = max(1, len(files) // SAMPLED)
        for index, (label, file) in enumerate(files):
            progress(index / len(files), f"Looking at {file.name}")
            try:
                looks.append(_look(label, file, decoded=index % step == 0))
            except WrongRequest as error:
                skipped.append((file.name, str(error)))
    _require_images(len(looks), source, skipped)
    sizes = np.array([(look.header.width, look.header.height) for look in looks])
    median = np.median(sizes, axis=0).astype(int)
    labels_of: dict[bytes, set[str]] = {}
    for look in looks:
        labels_of.setdefault(look.digest, set()).add(look.label)
    return FolderReport(
        classes=dict(sorted(Counter(look.label for look in looks).items())),
        skipped=tuple(skipped),
        smallest=_pair(sizes.min(axis=0)),
        median=_pair(median),
        largest=_pair(sizes.max(axis=0)),
        channels=3 if any(look.colour for look in looks) else 1,
        side=max((side for side in (28, 32, 64) if side <= median.min()), default=28),
        duplicates=len(looks) - len(labels_of),
        contradictions=sum(len(labels) > 1 for labels in labels_of.values()),
    )


def import_images(
    source: Path | str,
    name: str,
    size: int = 32,
    channels: int = 3,
    test_share: float = 0.2,
    seed: int = 0,
    progress: Progress = silent,
) -> Entry:
    """Packs the images into `name`.npz in the first data root and gives its line of the catalogue.

    Every image is fitted as an upload is: shown whole, with a border where it isn't square.  size: the side in pixels,
    8 to 256.  channels: 1 or 3.  test_share: held out of each class, below 1.  Pictures that come out equal share a
    group.  Raises WrongRequest for a name that is taken or unsafe, an argument out of range, or a source that
    `inspect` refuses.
    """
    _check(name, size, channels, test_share)
    with _opened(Path(source)) as (files, skipped):
        if len(files) * channels * size**2 > MAX_PACKED_BYTES:
            raise WrongRequest(f"{len(files):,} images at {size}x{size} need too much memory: choose a smaller size.")
        images, labels = _fitted(files, (channels, size, size), skipped, progress)
    _require_images(len(images), source, skipped)
    progress(None, f"Writing {name}.npz")
    pixels, (classes, numbers) = np.stack(images), np.unique(labels, return_inverse=True)
    groups = _copies(images)
    is_test = held_out(numbers, test_share, seed, groups)
    order = np.argsort(is_test, kind="stable")
    note = f"Imported from {Path(source).name} at {size}x{size}."
    if skipped:
        note += f" {len(skipped)} files were skipped, the first because: {skipped[0][1]}"
    dataset = Dataset(
        *(name, name, tuple(classes.tolist()), pixels[order], numbers[order].astype(np.int64)),
        train_count=int(np.sum(~is_test)),
        groups=groups[order],
        note=note,
    )
    try:
        npz.write(roots()[0] / f"{name}.npz", dataset)
    except OSError as error:
        raise WrongRequest(f"{name}.npz can't be written to {roots()[0]} ({error.strerror}).") from error
    return entry(name)


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


def _check(name: str, size: int, channels: int, test_share: float) -> None:
    if not NAME.fullmatch(name):
        raise WrongRequest(
            f"{name!r} can't be a dataset's name: take up to 40 letters, digits, - and _, a letter first."
        )
    if name.lower() in {one.name.lower() for one in catalogue()} | KNOWN.keys():
        raise WrongRequest(f"There is a dataset called {name} already: choose another name.")
    if not SIDES[0] <= size <= SIDES[1] or channels not in (1, 3) or not 0 <= test_share < 1:
        raise WrongRequest(
            f"Images can't be imported with side {size}, {channels} channels and {test_share:g} of them for testing: "
            f"choose a side from {SIDES[0]} to {SIDES[1]}, 1 or 3 channels, and a share from 0 to below 1."
        )
    if not npz.writable(roots()[0]):
        raise WrongRequest(f"{roots()[0]} can't be written: choose another first data root.")


def _require_images(count: int, source: Path | str, skipped: Skipped) -> None:
    if not count:
        why = f", the first because: {skipped[0][1]}" if skipped else ""
        raise WrongRequest(
            f"{Path(source).name} holds no image that can be read; {len(skipped)} files were skipped{why}"
        )


def _look(label: str, file: _File, decoded: bool) -> _Look:
    data = file.read()
    header = uploads.header(data, file.name)
    colour = None if header.grey else _is_colour(uploads.decode(data, file.name).image) if decoded else None
    return _Look(label, header, blake2b(data).digest(), colour)


def _is_colour(image: np.ndarray) -> bool:
    """Whether channels differ by more than what JPEG adds to a grey picture. image: uint8 [H, W, C]."""
    return bool(np.ptp(image.astype(np.int16), axis=2).mean() > 4)


def _pair(numbers: np.ndarray) -> tuple[int, int]:
    return int(numbers[0]), int(numbers[1])


def _fitted(
    files: list[tuple[str, _File]], shape: tuple[int, int, int], skipped: Skipped, progress: Progress
) -> tuple[list[np.ndarray], list[str]]:
    """The images that can be decoded, uint8 [C, H, W] each, and their class names; adds the others to `skipped`."""
    images, labels = [], []
    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(files), WINDOW):
            progress(start / len(files), f"Reading image {start + 1:,} of {len(files):,}")
            window = files[start : start + WINDOW]
            for (label, file), result in zip(window, pool.map(partial(_fit, shape=shape), window), strict=True):
                if isinstance(result, str):
                    skipped.append((file.name, result))
                else:
                    images.append(result)
                    labels.append(label)
    return images, labels


def _fit(labelled: tuple[str, _File], shape: tuple[int, int, int]) -> np.ndarray | str:
    """One image in `shape`, or why not."""
    _, file = labelled
    try:
        return uploads.fit(uploads.decode(file.read(), file.name).image, shape)[0]
    except WrongRequest as error:
        return str(error)


def _copies(images: list[np.ndarray]) -> np.ndarray:
    """Group numbers that equal images share, int64 [N], -1 for an image without a copy."""
    digests = np.array([blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images])
    _, group, count = np.unique(digests, return_inverse=True, return_counts=True)
    return np.where(count[group] > 1, group, -1).astype(np.int64)


@contextmanager
def _opened(source: Path) -> Iterator[tuple[list[tuple[str, _File]], Skipped]]:
    """(class name, file) of everything that may be an image, and the list of what is skipped, to be carried on."""
    skipped: Skipped = []
    if source.is_dir():
        yield _with_classes(_within_limits(list(_walked(source, skipped))), source.resolve().name, skipped), skipped
    elif source.is_file() and zipfile.is_zipfile(source):
        try:
            archive = zipfile.ZipFile(source)
        except (OSError, zipfile.BadZipFile) as error:
            raise WrongRequest(f"{source.name} is a damaged zip: pack it again.") from error
        with archive:
            _refuse_bomb(archive, source.name)
            yield _with_classes(_within_limits(list(_zipped(archive, skipped))), source.stem, skipped), skipped
    else:
        raise WrongRequest(
            f"{source} is neither a folder nor a zip: give one with a subfolder of images for each class."
        )


def _walked(folder: Path, skipped: Skipped) -> Iterator[_File]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for path in [Path(root, name) for name in sorted([*names, *folders])]:
            parts = path.relative_to(folder).parts
            if path.is_symlink():
                skipped.append(("/".join(parts), "It is a link, and links aren't followed."))
            elif path.is_file() and not _refused(parts, path.stat().st_size, skipped):
                yield _File(parts, path.stat().st_size, path.read_bytes)


def _zipped(archive: zipfile.ZipFile, skipped: Skipped) -> Iterator[_File]:
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        parts = tuple(part for part in info.filename.replace("\\", "/").split("/") if part not in ("", "."))
        if info.is_dir():
            continue
        if ".." in parts or info.filename[:1] in "/\\" or ":" in info.filename:
            skipped.append((info.filename, "Its path leads out of the zip."))
        elif stat.S_ISLNK(info.external_attr >> 16):
            skipped.append((info.filename, "It is a link, and links aren't followed."))
        elif info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            skipped.append((info.filename, "It is encrypted or packed in a rare way: pack it as an ordinary zip."))
        elif not _refused(parts, info.file_size, skipped):
            yield _File(parts, info.file_size, partial(archive.read, info))


def _refused(parts: tuple[str, ...], size: int, skipped: Skipped) -> bool:
    """Whether a file is skipped unread; if so, `skipped` says why."""
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        skipped.append(("/".join(parts), "It is hidden or belongs to the system."))
    elif size > uploads.MAX_BYTES:
        skipped.append(
            ("/".join(parts), f"It has {size / 1e6:,.0f} MB, an image may have {uploads.MAX_BYTES / 1e6:,.0f}.")
        )
    else:
        return False
    return True


def _refuse_bomb(archive: zipfile.ZipFile, name: str) -> None:
    infos = archive.infolist()
    packed, unpacked = sum(info.compress_size for info in infos), sum(info.file_size for info in infos)
    if unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * packed:
        raise WrongRequest(
            f"{name} unpacks to {unpacked / max(packed, 1):,.0f} times its size, which no image zip does."
        )


def _within_limits(files: list[_File]) -> list[_File]:
    total = sum(file.size for file in files)
    if len(files) > MAX_FILES or total > MAX_TOTAL_BYTES:
        raise WrongRequest(
            f"{len(files):,} files of {total / 1e9:,.1f} GB are too many: "
            f"at most {MAX_FILES:,} files and {MAX_TOTAL_BYTES / 1e9:,.0f} GB can be imported."
        )
    return files


def _with_classes(files: list[_File], own_name: str, skipped: Skipped) -> list[tuple[str, _File]]:
    """Each file with its class: the first folder below the one that holds all images.

    Images that all lie in one folder are one class, called like that folder (`own_name` where it is the source itself).
    """
    pictures = [file.parts[:-1] for file in files if Path(file.parts[-1]).suffix.lower() in SUFFIXES]
    folders = pictures or [file.parts[:-1] for file in files]
    top = tuple(os.path.commonprefix(folders))  # of tuples: folder by folder
    one_class = all(folder == top for folder in folders)
    labelled = []
    for file in files:
        inside = file.parts[: len(top)] == top
        if inside and len(file.parts) > len(top) + 1:
            labelled.append((_clean(file.parts[len(top)]), file))
        elif inside and one_class:
            labelled.append((_clean([own_name, *top][-1]), file))
        else:
            skipped.append((file.name, "It lies outside the folders of the classes."))
    return labelled


def _clean(name: str) -> str:
    """A class name without control characters, at most 60 long."""
    return "".join(letter if letter.isprintable() else "_" for letter in name).strip()[:60] or "unnamed"
