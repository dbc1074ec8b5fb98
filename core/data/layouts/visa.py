"""VisA (Zou et al., ECCV 2022): `OBJECT/Data/Images/Normal|Anomaly`, `OBJECT/Data/Masks`, `split_csv/1cls.csv`."""

from core.data.layouts.tables import rows
from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import TEST, TRAIN, Picture, SeveralSets, Understood, natural, unused_notes
from core.errors import WrongRequest

KINDS = ("normal", "anomaly")
SPLIT = "1cls.csv"  # the split of the one-class setting


def recognise(tree: Tree, part: str = "") -> Understood | None:
    """One object of VisA; None where there is no `Images/Normal` or `Images/Anomaly`.

    part: which object, where the source holds several.  Raises SeveralSets, and WrongRequest for an unknown part.
    """
    pictures = [file for file in tree.pictures if _is_image(file)]
    if not pictures:
        return None
    objects = sorted({_object(file, tree) for file in pictures}, key=natural)
    if len(objects) > 1 and not part:
        raise SeveralSets(tree.name, "the objects of VisA", objects)
    if part and part not in objects:
        raise WrongRequest(f"{tree.name} has no part called {part!r}. Leave the part out.")
    chosen = part or objects[0]
    mine = tree.having(lambda file: len(objects) == 1 or chosen in file.parts or file.parts[-1] == SPLIT)
    masks = sum("masks" in [each.lower() for each in file.parts] for file in mine.pictures)
    split = next((file for file in tree.files if file.parts[-1] == SPLIT), None)
    halves = _halves(split, chosen) if split else {}
    found = tuple(
        Picture(file, file.parts[-2], halves.get("/".join(file.parts[-5:]).lower(), ""))
        for file in pictures
        if _object(file, tree) == chosen
    )
    divided = {TRAIN, TEST} <= {picture.half for picture in found}
    if divided:
        told = f" Halves are those of {split.name if split else ''}."
    else:
        found = tuple(Picture(each.file, each.label) for each in found)
        told = f" There is no {SPLIT} that divides it, so a share of each class is held out."
    undivided = [each for each in found if divided and not each.half]
    left_out = ({"masks": masks} if masks else {}) | ({"pictures without a half": len(undivided)} if undivided else {})
    used = [split] if split and divided else []
    sentence = f"VisA, object {chosen}: normal images and anomalies.{told}{unused_notes(mine, used)}"
    return Understood(sentence, tuple(each for each in found if each not in undivided), left_out=left_out)


def _is_image(file: File) -> bool:
    return len(file.parts) > 2 and file.parts[-3].lower() == "images" and file.parts[-2].lower() in KINDS


def _object(file: File, tree: Tree) -> str:
    """The folder above `Data/Images`, the source itself where that is the object."""
    above = [part for part in file.parts[:-3] if part.lower() != "data"]
    return above[-1] if above else tree.name


def _halves(split: File, name: str) -> dict[str, str]:
    """Picture (`object/Data/Images/Normal/0.JPG`, small letters) -> half."""
    return {
        row["image"].lower(): {"train": TRAIN, "test": TEST}.get(row.get("split", ""), "")
        for row in rows(split, ",")
        if row.get("object") == name and row.get("image")
    }
