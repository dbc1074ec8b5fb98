"""The built-in part of Fashion-MNIST: 320 training and 80 test images of each class, from the official halves.

Fashion-MNIST is by Zalando Research (Xiao, Rasul and Vollgraf, 2017), under the MIT licence, copyright (c) 2017
Zalando SE, https://tech.zalando.com. `python -m core.data.fashion_part` makes `fashion-part.npz` anew from the whole
set below NOVELTY_DATA.
"""

from typing import Any

import numpy as np

from core.data.catalogue import BUILT_IN, load
from core.data.dataset import Dataset

IN_TRAIN, IN_TEST = 320, 80  # images of each class
NOTE = (
    "A part of Fashion-MNIST by Zalando Research (MIT licence, copyright (c) 2017 Zalando SE): figures measured on it "
    "are not the published ones."
)


def part_of(whole: Dataset) -> dict[str, np.ndarray]:
    """The arrays of the file: a seeded choice from each class of either half, in the order of the set."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {"class_names": np.array(whole.classes), "note": np.array(NOTE)}
    for half, count in (("train", IN_TRAIN), ("test", IN_TEST)):
        of_half = whole.is_test == (half == "test")
        chosen = [
            rng.choice(np.flatnonzero(of_half & (whole.labels == label)), count, replace=False)
            for label in range(len(whole.classes))
        ]
        places = np.sort(np.concatenate(chosen))
        arrays |= {f"{half}_images": whole.images[places, 0], f"{half}_labels": whole.labels[places].astype(np.uint8)}
    return arrays


if __name__ == "__main__":
    arrays: dict[str, Any] = part_of(load("fashion-mnist"))
    np.savez_compressed(BUILT_IN / "fashion-part.npz", **arrays)
