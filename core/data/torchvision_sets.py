"""The child of `fetching`: `python -m core.data.torchvision_sets NAME SOURCE FOLDER [--download]`.

Downloads NAME below SOURCE with torchvision, or takes what lies there, and writes FOLDER/NAME.npz unless NAME comes as
idx. torchvision compares checksums before it unpickles anything, with and without a download. The last line printed is
the reason of a failure.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from core.data.known import CIFAR, DIGITS, SIGNS
from core.data.npz import write_arrays

SIDE = 32  # pixels of a traffic sign's side


def pack(name: str, source: Path, folder: Path, download: bool) -> None:
    """Writes FOLDER/NAME.npz, or leaves the idx files where torchvision puts them."""
    arrays = READERS[name](source, download)
    if arrays:
        write_arrays(folder / f"{name}.npz", arrays)


def _idx(name: str, **options: str):
    def read(source: Path, download: bool) -> dict[str, np.ndarray]:
        from torchvision import datasets

        getattr(datasets, name)(source, download=download, **options)
        return {}

    return read


def _cifar10(source: Path, download: bool) -> dict[str, np.ndarray]:
    from torchvision.datasets import CIFAR10

    arrays = {"class_names": np.array(CIFAR)}
    for half in ("train", "test"):
        part = CIFAR10(source, train=half == "train", download=download)
        arrays |= {f"{half}_images": part.data, f"{half}_labels": np.array(part.targets, np.int64)}
    return arrays


def _svhn(source: Path, download: bool) -> dict[str, np.ndarray]:
    from torchvision.datasets import SVHN

    arrays = {"class_names": np.array(DIGITS)}
    for half in ("train", "test"):
        part = SVHN(source, split=half, download=download)
        images = np.ascontiguousarray(np.moveaxis(part.data, 1, -1))
        arrays |= {f"{half}_images": images, f"{half}_labels": part.labels.astype(np.int64)}
    return arrays


def _gtsrb(source: Path, download: bool) -> dict[str, np.ndarray]:
    """Frames resized to 32x32 (bilinear, antialiased, aspect ratio not kept); a frame is called TRACK_NUMBER.ppm."""
    from torchvision.datasets import GTSRB

    arrays = {"class_names": np.array(SIGNS)}
    for half in ("train", "test"):
        samples = GTSRB(source, split=half, download=download)._samples
        images = np.empty((len(samples), SIDE, SIDE, 3), np.uint8)
        for index, (path, _) in enumerate(samples):
            with Image.open(path) as image:
                images[index] = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        arrays |= {f"{half}_images": images, f"{half}_labels": np.array([label for _, label in samples], np.int64)}
        if half == "train":
            arrays["train_tracks"] = np.array([int(Path(path).name.split("_")[0]) for path, _ in samples])
    return arrays


READERS = {
    "mnist": _idx("MNIST"),
    "fashion-mnist": _idx("FashionMNIST"),
    "emnist-letters": _idx("EMNIST", split="letters"),
    "cifar10": _cifar10,
    "svhn": _svhn,
    "gtsrb": _gtsrb,
}

if __name__ == "__main__":
    name, source, folder, *options = sys.argv[1:]
    try:
        pack(name, Path(source), Path(folder), "--download" in options)
    except Exception as error:  # whatever it is, the parent turns its last line into a sentence
        sys.exit(" ".join(f"{type(error).__name__}: {error}".split()))
