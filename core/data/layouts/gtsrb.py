"""GTSRB (Stallkamp et al., Neural Networks 2012), as published and as torchvision leaves it.

`Final_Training/Images/00000/TRACK_FRAME.ppm` with `GT-00000.csv`, or `Training/00000/...`; `Final_Test/Images` with
`GT-final_test.csv`, whose semicolons part the columns.
"""

import re

from core.data.known import SIGNS
from core.data.layouts.tables import rows
from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import TEST, TRAIN, Picture, Understood, listed, unused_notes
from core.errors import WrongRequest

FRAME = re.compile(r"\d{5}_\d{5}\.(ppm|png|jpg)", re.IGNORECASE)
FOLDER = re.compile(r"\d{5}")


def recognise(tree: Tree) -> Understood | None:
    """The signs by their names; None where no folder 00000 to 00042 holds frames. A track's frames share a group.

    Raises WrongRequest where frames lie in two places or their folder is no sign.
    """
    trained = [file for file in tree.pictures if _is_training(file)]
    if not trained:
        return None
    places = sorted({"/".join(file.parts[:-2]) for file in trained})
    if len(places) > 1:
        raise WrongRequest(f"{tree.name} holds the training images twice, in {listed(places)}. Give one of them alone.")
    numbers = {int(file.parts[-2]) for file in trained}
    if max(numbers) >= len(SIGNS):
        raise WrongRequest(f"{tree.name} has a folder {max(numbers):05}; the signs of GTSRB go to {len(SIGNS) - 1:05}.")
    tables = [file for file in tree.files if file.suffix == ".csv" and "final_test" in file.parts[-1].lower()]
    label_of = {
        row["Filename"]: int(row["ClassId"])
        for file in tables
        for row in rows(file, ";")
        if row.get("Filename") and row.get("ClassId", "").isdecimal() and int(row["ClassId"]) < len(SIGNS)
    }
    others = [file for file in tree.pictures if not _is_training(file)]
    tested = [file for file in others if file.parts[-1] in label_of]
    pictures = [
        Picture(
            file, SIGNS[int(file.parts[-2])], TRAIN if tested else "", "/".join([file.parts[-2], file.parts[-1][:5]])
        )
        for file in trained
    ]
    pictures += [Picture(file, SIGNS[label_of[file.parts[-1]]], TEST) for file in tested]
    left_out = {"test images without a class": len(others) - len(tested)} if len(others) > len(tested) else {}
    told = "GTSRB: signs by their names, the frames of one sign's track stay together."
    if left_out and not tested:
        told += " Test images need GT-final_test.csv with a column ClassId."
    used = [file for file in tree.files if file.suffix == ".csv" and file.parts[-1].startswith("GT-")]
    return Understood(told + unused_notes(tree, used), tuple(pictures), left_out=left_out)


def _is_training(file: File) -> bool:
    if len(file.parts) < 2 or not FOLDER.fullmatch(file.parts[-2]):
        return False
    return bool(FRAME.fullmatch(file.parts[-1]))
