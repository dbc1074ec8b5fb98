"""One folder a class: the first level of folders that tells pictures apart."""

import os

from core.data.layouts.halves import is_mask, merged
from core.data.layouts.tree import Tree
from core.data.layouts.understood import Picture, Understood, unused_notes


def recognise(tree: Tree) -> Understood:
    """Each picture with its class: the first folder below the one that holds all pictures.

    Pictures that all lie in one folder are one class, called like that folder (the source itself where it is that).
    Files that aren't called like pictures are tried too.
    """
    masks = [file for file in tree.pictures if is_mask(file)]
    if len(masks) == len(tree.pictures):  # a folder of masks alone is what was asked for
        masks = []
    files = [file for file in tree.files if file not in set(masks)] if masks else list(tree.files)
    folders = [file.parts[:-1] for file in files if file.is_picture] or [file.parts[:-1] for file in files]
    top = tuple(os.path.commonprefix(folders))  # of tuples: folder by folder
    one_class = all(folder == top for folder in folders)
    pictures = []
    for file in files:
        inside = file.parts[: len(top)] == top
        if inside and len(file.parts) > len(top) + 1:
            pictures.append(Picture(file, file.parts[len(top)]))
        elif inside and one_class:
            pictures.append(Picture(file, [tree.name, *top][-1]))
        else:
            tree.skipped.append((file.name, "It lies outside the folders of the classes."))
    sentence = "One folder a class." if not one_class else "Pictures of one class."
    below = {p.file.name: p.file.parts[len(top) + 1 : -1] for p in pictures if p.file.is_picture}
    loose = sum(file.is_picture for file in files) - sum(picture.file.is_picture for picture in pictures)
    left_out = {"masks": len(masks)} if masks else {}
    left_out |= {"pictures outside the folders of classes": loose} if loose else {}
    return Understood(sentence + merged(below) + unused_notes(tree), tuple(pictures), left_out=left_out)
