"""Folders that divide a set into halves above its classes: `train|val|valid|test/CLASS/picture`.

So torchvision's ImageFolder is laid out, and so are MVTec AD (Bergmann et al., CVPR 2019: `train/good`, `test/good`,
`test/DEFECT`, `ground_truth/DEFECT`) and its relatives.
"""

from collections import Counter

from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import TEST, TRAIN, Picture, SeveralSets, Understood, listed, natural, unused_notes
from core.errors import WrongRequest

VALID = "valid"
HALVES = {
    **dict.fromkeys(("train", "training", "train_images"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALID),
    **dict.fromkeys(("test", "testing", "test_public", "test_images"), TEST),
}
MASKS = {"ground_truth", "groundtruth", "masks", "segmentation", "segmentations", "annotations"}
GOOD = {"good", "ok", "normal"}


def is_mask(file: File) -> bool:
    """Whether a picture lies in a folder of masks."""
    return any(part.lower() in MASKS for part in file.parts[:-1])


def half_at(file: File) -> int | None:
    """Where in its path the first folder stands that names a half."""
    return next((place for place, part in enumerate(file.parts[:-1]) if part.lower() in HALVES), None)


def half_of(file: File, at: int) -> str:
    return HALVES[file.parts[at].lower()]


def recognise(tree: Tree, part: str = "") -> Understood | None:
    """The halves of a set; None where no folder names one.

    part: which set, where the source holds several.  Raises SeveralSets, and WrongRequest for pictures beside the
    halves.
    """
    masks = [file for file in tree.pictures if is_mask(file)]
    pictures = [file for file in tree.pictures if not is_mask(file)]
    placed = [(file, half_at(file)) for file in pictures]
    inside = [(file, at) for file, at in placed if at is not None]
    if not inside:
        return None
    outside = [file for file, at in placed if at is None]
    tops = sorted({file.parts[:at] for file, at in inside}, key=lambda top: natural("/".join(top)))
    flat = [(file, at) for file, at in inside if len(file.parts) == at + 2]
    if len(tops) > 1 and len(flat) == len(inside):
        return _halves_below_classes(tree, inside, outside)
    names = {"/".join(top) if len({top[-1:] for top in tops}) < len(tops) else "".join(top[-1:]): top for top in tops}
    if len(tops) > 1 and part not in names:
        raise SeveralSets(tree.name, "each with folders for training and testing", list(names))
    if part and part not in names:
        raise WrongRequest(f"{tree.name} has no part called {part!r}. Leave the part out.")
    if len(tops) > 1:
        return recognise(tree.having(lambda file: file.parts[: len(names[part])] == names[part]))
    beside = {"/".join(file.parts[:-1]) for file in outside if len(file.parts) > len(tops[0]) + 1}
    if beside and len(flat) == len(inside) and len({half_of(*each) for each in inside}) == 1:
        return None  # a class that happens to be called like a half, `train` among `bus` and `car`
    if beside:
        halves = listed(sorted({file.parts[at] for file, at in inside}))
        raise WrongRequest(
            f"{tree.name} has folders that divide it ({halves}), and pictures beside them in {listed(sorted(beside))}. "
            f"Give a folder that holds {halves} alone, or one with a folder for each class."
        )
    tree.skipped.extend((file.name, "It lies outside the folders of the halves.") for file in outside)
    return _understood(tree, inside, flat, masks)


def _understood(
    tree: Tree, inside: list[tuple[File, int]], flat: list[tuple[File, int]], masks: list[File]
) -> Understood:
    loose = Counter(half_of(file, at) for file, at in flat)
    classed = [(file, at) for file, at in inside if len(file.parts) > at + 2]
    found = {half_of(file, at) for file, at in classed}
    if not classed or (loose and TRAIN in loose):
        where = next(file.parts[at] for half in (TRAIN, VALID, TEST) for file, at in flat if half_of(file, at) == half)
        raise WrongRequest(
            f"{tree.name} holds pictures in {where} itself, where folders of classes are expected: move them to "
            f"{where}/CLASS, or give {where} alone as one class."
        )
    meaning, said = _meaning(found)
    pictures = tuple(Picture(file, file.parts[at + 1], meaning[half_of(file, at)]) for file, at in classed)
    sentence = (
        _title(pictures)
        + said
        + merged({p.file.name: p.file.parts[at + 2 : -1] for p, (_, at) in zip(pictures, classed, strict=True)})
    )
    left_out = {"masks": len(masks)} if masks else {}
    if flat:
        left_out["pictures without a class"] = len(flat)
    return Understood(sentence + unused_notes(tree), pictures, left_out=left_out)


WORDS = {TRAIN: "training", VALID: "validation", TEST: "testing"}


def _meaning(found: set[str]) -> tuple[dict[str, str], str]:
    """Which half each folder becomes, and a sentence on it."""
    if len(found) == 1:
        (only,) = found
        return {only: ""}, f" There is only the folder for {WORDS[only]}, so a share of its images is held out."
    if found == {TRAIN, TEST}:
        return {TRAIN: TRAIN, TEST: TEST}, " Its halves are kept."
    if found == {TRAIN, VALID}:
        return {TRAIN: TRAIN, VALID: TEST}, " Its halves are kept; the validation images are the test images."
    if found == {VALID, TEST}:
        return {VALID: TRAIN, TEST: TEST}, " Its halves are kept; the validation images are the training images."
    return {TRAIN: TRAIN, VALID: TRAIN, TEST: TEST}, " Its halves are kept; the validation images join training."


def _title(pictures: tuple[Picture, ...]) -> str:
    normal = {picture.label for picture in pictures if picture.half == TRAIN}
    tested = {picture.label for picture in pictures if picture.half == TEST}
    if len(normal) == 1 and {each.lower() for each in normal} <= GOOD and tested:
        kind = "defects beside it" if tested - normal else "no defects"
        return f"Laid out as MVTec AD: {next(iter(normal))} is normal, with {kind} in the test half."
    return "Folders of classes below folders of halves, as torchvision's ImageFolder takes them."


def merged(below: dict[str, tuple[str, ...]]) -> str:
    """A sentence on folders below the classes, which make no classes of their own. below: file -> those folders."""
    names = sorted({"/".join(folders) for folders in below.values() if folders}, key=natural)
    return f" Folders below a class ({listed(names)}) don't divide it." if names else ""


def _halves_below_classes(tree: Tree, inside: list[tuple[File, int]], outside: list[File]) -> Understood:
    """`CLASS/train/picture`: halves within every class."""
    tree.skipped.extend((file.name, "It lies outside the folders of the halves.") for file in outside)
    meaning, said = _meaning({half_of(file, at) for file, at in inside})
    pictures = tuple(Picture(file, file.parts[at - 1], meaning[half_of(file, at)]) for file, at in inside)
    return Understood(f"Folders of halves below folders of classes.{said}{unused_notes(tree)}", pictures)
