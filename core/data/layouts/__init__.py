"""The layouts in which image sets of the field come, each read as its authors meant it.

A layout is one small file with `recognise(tree)`: it gives what was understood, None for files of another layout, or
raises WrongRequest with what to give instead. The first that recognises the source counts.
"""

from core.data.layouts import (
    cifar_files,
    classes,
    gtsrb,
    halves,
    idx_files,
    matlab,
    numpy_files,
    omniglot,
    tiny_imagenet,
    visa,
)
from core.data.layouts.tree import Tree
from core.data.layouts.understood import Picture, SeveralSets, Understood, clean_names, natural
from core.errors import WrongRequest

__all__ = ["Picture", "SeveralSets", "Tree", "Understood", "clean_names", "natural", "understand"]

OF_SEVERAL = (numpy_files, idx_files, visa)  # whose sources may hold more than one set
ALONE = (cifar_files, matlab, tiny_imagenet, gtsrb, omniglot)


def understand(tree: Tree, part: str = "") -> Understood:
    """What the source is. part: which of its sets, where it holds several.

    Raises SeveralSets where it does and none is named, WrongRequest where its layout can't be told or is refused.
    """
    for layout in ALONE:
        if understood := layout.recognise(tree):
            return _alone(tree, understood, part)
    for layout in OF_SEVERAL:
        if understood := layout.recognise(tree, part):
            return understood
    return halves.recognise(tree, part) or _alone(tree, classes.recognise(tree), part)


def _alone(tree: Tree, understood: Understood, part: str) -> Understood:
    if part:
        raise WrongRequest(f"{tree.name} is one set, without a part called {part!r}. Leave the part out.")
    return understood
