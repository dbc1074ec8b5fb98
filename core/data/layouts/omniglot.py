"""Omniglot (Lake et al., Science 2015): `images_background|images_evaluation/ALPHABET/characterNN/CLASS_HAND.png`."""

import re

from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import TEST, TRAIN, Picture, Understood, unused_notes

CHARACTER = re.compile(r"character\d+", re.IGNORECASE)
HALVES = {"images_background": TRAIN, "images_evaluation": TEST}


def recognise(tree: Tree) -> Understood | None:
    """A class for every character of every alphabet; None where the lowest folders aren't called characterNN.

    The drawings of one hand in one alphabet share a group.
    """
    pictures = tree.pictures
    if not pictures or not all(len(file.parts) > 2 and CHARACTER.fullmatch(file.parts[-2]) for file in pictures):
        return None
    found = tuple(Picture(file, "/".join(file.parts[-3:-1]), _half(file), _hand(file)) for file in pictures)
    if {picture.half for picture in found} == {TRAIN, TEST}:
        halves = " The background alphabets are for training, the evaluation alphabets for testing."
    else:
        halves, found = "", tuple(Picture(each.file, each.label, "", each.group) for each in found)
    told = "Omniglot: a class for each character of each alphabet; one hand's drawings of an alphabet stay together."
    return Understood(told + halves + unused_notes(tree), found)


def _half(file: File) -> str:
    return next((HALVES[part.lower()] for part in file.parts if part.lower() in HALVES), "")


def _hand(file: File) -> str:
    stem = file.parts[-1].rsplit(".", 1)[0]
    return f"{file.parts[-3]}/{stem.rsplit('_', 1)[-1]}" if "_" in stem else ""
