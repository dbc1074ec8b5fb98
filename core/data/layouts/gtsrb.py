"""GTSRB (Stallkamp et al., Neural Networks 2012), as published, as torchvision leaves it, and as Kaggle hands it out.

`Final_Training/Images/00000/TRACK_FRAME.ppm` with `GT-00000.csv`, or `Training/00000/...`; `Final_Test/Images` with
`GT-final_test.csv`, whose semicolons part the columns. Kaggle's has `Train/0/SIGN_TRACK_FRAME.png`, `Test/00000.png`
with `Test.csv`, whose commas part them and whose `Path` begins with the folder, and drawings of the signs in `Meta`.
"""

import re
from collections.abc import Iterator

from core.data.known import SIGNS
from core.data.layouts.tables import rows
from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import TEST, TRAIN, Picture, Understood, listed, unused_notes
from core.errors import WrongRequest

FRAME = re.compile(r"(\d{5})_\d{5}\.(ppm|png|jpg)", re.IGNORECASE)
FOLDER = re.compile(r"\d{5}")
KAGGLE_FRAME = re.compile(r"\d{5}_(\d{5})_\d{5}\.png", re.IGNORECASE)
KAGGLE_FOLDER = re.compile(r"\d{1,2}")
KAGGLE_TABLES = {"train.csv", "test.csv", "meta.csv"}


def recognise(tree: Tree) -> Understood | None:
    """The signs by their names; None where no folder of a sign holds frames. A track's frames share a group.

    Raises WrongRequest where frames lie in two places or their folder is no sign.
    """
    tracks = {file: track for file in tree.pictures if (track := _track(file))}
    if not tracks:
        return None
    places = sorted({"/".join(file.parts[:-2]) for file in tracks})
    if len(places) > 1:
        raise WrongRequest(f"{tree.name} holds the training images twice, in {listed(places)}. Give one of them alone.")
    highest = max((file.parts[-2] for file in tracks), key=int)
    if int(highest) >= len(SIGNS):
        last = str(len(SIGNS) - 1).zfill(len(highest))
        raise WrongRequest(f"{tree.name} has a folder {highest}; the signs of GTSRB go to {last}.")
    label_of = dict(_test_labels(tree))
    others = [file for file in tree.pictures if file not in tracks]
    drawn = [file for file in others if file.parts[-2:-1] and file.parts[-2].lower() == "meta"]
    tested = {file: label for file in others for place in _places(file) if (label := label_of.get(place)) is not None}
    half = TRAIN if tested else ""
    pictures = [Picture(file, SIGNS[int(file.parts[-2])], half, track) for file, track in tracks.items()]
    pictures += [Picture(file, SIGNS[label], TEST) for file, label in tested.items()]
    without = len(others) - len(tested) - len(drawn)
    left_out = {"test images without a class": without} if without else {}
    left_out |= {"drawings of the signs": len(drawn)} if drawn else {}
    told = "GTSRB: signs by their names, the frames of one sign's track stay together."
    if without and not tested:
        told += f" Test images need {'Test.csv' if _is_kaggle(next(iter(tracks))) else 'GT-final_test.csv'}"
        told += " with a column ClassId."
    used = [file for file in tree.files if file.suffix == ".csv" and _is_table(file)]
    return Understood(told + unused_notes(tree, used), tuple(pictures), left_out=left_out)


def _track(file: File) -> str:
    """The track that a training image is a frame of, empty for any other file."""
    if len(file.parts) < 2:
        return ""
    folder, name = file.parts[-2:]
    frame = FRAME.fullmatch(name) if FOLDER.fullmatch(folder) else None
    if KAGGLE_FOLDER.fullmatch(folder):
        frame = KAGGLE_FRAME.fullmatch(name)
    return f"{folder}/{frame[1]}" if frame else ""


def _is_kaggle(file: File) -> bool:
    return bool(KAGGLE_FRAME.fullmatch(file.parts[-1]))


def _is_table(file: File) -> bool:
    return file.parts[-1].startswith("GT-") or file.parts[-1].lower() in KAGGLE_TABLES


def _test_labels(tree: Tree) -> Iterator[tuple[str, int]]:
    """(name of a test image, or Kaggle's path of it, number of its sign)."""
    for file in tree.files:
        name = file.parts[-1].lower()
        published = file.suffix == ".csv" and "final_test" in name
        if not published and name != "test.csv":
            continue
        for row in rows(file, ";" if published else ","):
            where, label = row.get("Filename" if published else "Path"), row.get("ClassId", "")
            if where and label.isdecimal() and int(label) < len(SIGNS):
                yield where.replace("\\", "/"), int(label)


def _places(file: File) -> tuple[str, ...]:
    """What a table may call it."""
    return file.parts[-1], "/".join(file.parts[-2:])
