"""What `why` draws of one image: its row of what the detector explained, and the same of held-out normal images."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Rows = dict[str, NDArray]


def of_image(stored: Mapping[str, NDArray], place: int) -> Rows:
    """The reasons for one test image of a run.

    stored: a run's `explanations`, test/<name> [T, ...] and valid/<name> [V, ...].  place: in the test set.
    Returns <name>, the image's row, and normal_<name>, those of the validation images.
    """
    rows = {name.removeprefix("test/"): values[place] for name, values in stored.items() if name.startswith("test/")}
    return rows | held_out(stored)


def held_out(stored: Mapping[str, NDArray]) -> Rows:
    """normal_<name>: the rows of the validation images.  stored: as in `of_image`."""
    valid = {name.removeprefix("valid/"): values for name, values in stored.items() if name.startswith("valid/")}
    return {f"normal_{name}": values for name, values in valid.items()}


def class_names(members: NDArray, classes: NDArray) -> Rows:
    """class_names: what the known classes are called, [K].

    members: the place of each training image's class among them, [n].  classes: its name, [n].
    """
    return {"class_names": classes[np.unique(members, return_index=True)[1]]}
