"""Tiny-ImageNet (Stanford CS231n): `train/ID/images`, `val/images` with `val_annotations.txt`, names in `words.txt`."""

import re

from core.data.layouts.tables import columns
from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import TEST, TRAIN, Picture, Understood, unused_notes

ID = re.compile(r"n\d{8}")


def recognise(tree: Tree) -> Understood | None:
    """Its training images and, as the test half, its validation images; None where `train/ID/images` is missing.

    A class is called by the first of its words, or by all where two classes begin with the same.
    """
    trained = [file for file in tree.pictures if _is_training(file)]
    if not trained:
        return None
    named = {file.parts[-1]: file for file in tree.files}
    notes = named.get("val_annotations.txt")
    label_of = {row[0]: row[1] for row in columns(notes) if len(row) > 1} if notes else {}
    validation = [file for file in tree.pictures if file.parts[-3:-1] == ("val", "images")]
    tested = [file for file in validation if file.parts[-1] in label_of]
    ids = {file.parts[-3] for file in trained} | {label_of[file.parts[-1]] for file in tested}
    words = named.get("words.txt")
    names = _names(words, ids) if words else {each: each for each in ids}
    half = TRAIN if tested else ""
    pictures = [Picture(file, names[file.parts[-3]], half) for file in trained]
    pictures += [Picture(file, names[label_of[file.parts[-1]]], TEST) for file in tested]
    rest = len(tree.pictures) - len(pictures)
    told = " Its validation images are the test half." if tested else " There are no annotated validation images."
    told += "" if words else " There is no words.txt, so classes are called by their ids."
    used = [file for file in (notes, words, named.get("wnids.txt")) if file]
    used += [file for file in tree.files if file.parts[-1].endswith("_boxes.txt")]
    left_out = {"pictures without a class": rest} if rest else {}
    return Understood(f"Tiny-ImageNet.{told}{unused_notes(tree, used)}", tuple(pictures), left_out=left_out)


def _is_training(file: File) -> bool:
    return len(file.parts) > 3 and file.parts[-2] == "images" and bool(ID.fullmatch(file.parts[-3]))


def _names(words: File, ids: set[str]) -> dict[str, str]:
    """Id -> name."""
    all_words = {row[0]: row[1] for row in columns(words) if len(row) > 1 and row[0] in ids}
    first = {key: value.split(",")[0].strip() for key, value in all_words.items()}
    often = [name for name in first.values() if list(first.values()).count(name) > 1]
    return {key: all_words[key] if first.get(key) in often else first.get(key, key) for key in ids}
