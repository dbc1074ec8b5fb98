"""idx files, as MNIST, Fashion-MNIST and EMNIST come in: named with dots or dashes, raw or gzipped, in any folder."""

import re
from dataclasses import dataclass

import numpy as np

from core.data import idx
from core.data.dataset import Dataset
from core.data.layouts.tables import text
from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import SeveralSets, Understood, natural
from core.errors import WrongRequest

NAME = re.compile(
    r"(.*?)[-_.]?(train|t10k|test)[-_.]?(images|labels)([-_.]?idx[13][-_.]?ubyte)?(\.idx[13])?(\.gz)?", re.IGNORECASE
)


@dataclass(frozen=True)
class _Found:
    """One idx file. set: what its name begins with.  half, kind: train or test; images or labels."""

    file: File
    set: str
    half: str
    kind: str


def recognise(tree: Tree, part: str = "") -> Understood | None:
    """A set of idx files; None where there is none. EMNIST's pictures are turned upright.

    part: which set, where several lie together, as EMNIST's splits do.  Raises SeveralSets, and WrongRequest where
    images lack their labels or a file is damaged.
    """
    found = [each for file in tree.files if (each := _named(file))]
    if not found or tree.pictures:
        return None
    sets = sorted({each.set for each in found}, key=natural)
    if len(sets) > 1 and part not in sets:
        raise SeveralSets(tree.name, "idx files of several sets", [each for each in sets if each] or sets)
    chosen = part if part in sets else sets[0]
    files = {(each.half, each.kind): each.file for each in found if each.set == chosen}
    missing = [f"{half} {kind}" for half, kind in _wanted(files) if (half, kind) not in files]
    if missing:
        raise WrongRequest(f"{tree.name} lacks the idx file of the {' and the '.join(missing)}.")
    halves = [half for half in ("train", "test") if (half, "images") in files]
    images = [_array(files[half, "images"], 3) for half in halves]
    labels = [_array(files[half, "labels"], 1).astype(np.int64) for half in halves]
    for half, pictures, numbers in zip(halves, images, labels, strict=True):
        if len(pictures) != len(numbers) or pictures.shape[1:] != images[0].shape[1:]:
            raise WrongRequest(
                f"{files[half, 'images'].name} holds {len(pictures):,} images of {pictures.shape[1:]}, "
                f"{files[half, 'labels'].name} {len(numbers):,} labels: take both from the same set."
            )
    told = f"idx files{f' of {chosen}' if chosen else ''}."
    pixels = np.concatenate(images)[:, None]
    if chosen.lower().startswith("emnist"):
        pixels = np.ascontiguousarray(pixels.swapaxes(2, 3))
        told += " EMNIST stores its pictures lying on their side; they are turned upright."
    values, numbers = np.unique(np.concatenate(labels), return_inverse=True)
    classes = _classes(tree, chosen, values)
    train = len(images[0]) if halves[0] == "train" else 0
    dataset = Dataset(tree.name, tree.name, classes, pixels, numbers.ravel().astype(np.int64), train)
    return Understood(told, arrays=dataset)


def _named(file: File) -> _Found | None:
    found = NAME.fullmatch(file.parts[-1])
    if not found or not (found[4] or found[5]):
        return None
    return _Found(file, found[1], "train" if found[2].lower() == "train" else "test", found[3].lower())


def _wanted(files: dict[tuple[str, str], File]) -> list[tuple[str, str]]:
    return [(half, kind) for half in {half for half, _ in files} for kind in ("images", "labels")]


def _array(file: File, dimensions: int) -> np.ndarray:
    try:
        return idx.parse(file.read(), dimensions)
    except ValueError as error:
        raise WrongRequest(f"{file.name} isn't an idx file that can be read: {error}.") from error


def _classes(tree: Tree, chosen: str, values: np.ndarray) -> tuple[str, ...]:
    """Names from EMNIST's mapping (label, code of the sign, code of its small letter), else the labels themselves."""
    mapping = next((file for file in tree.files if file.parts[-1] == f"{chosen}-mapping.txt"), None)
    names = {}
    for line in text(mapping).splitlines() if mapping else []:
        codes = [int(word) for word in line.split() if word.isdecimal()]
        if len(codes) > 1 and all(32 < code < 127 for code in codes[1:2]):
            names[codes[0]] = chr(codes[1])
    if chosen.lower().startswith("emnist-letters") and not names:
        names = {number: chr(64 + number) for number in range(1, 27)}
    found = tuple(names.get(int(value), f"{value}") for value in values)
    return found if len(set(found)) == len(found) else tuple(f"{value}" for value in values)
