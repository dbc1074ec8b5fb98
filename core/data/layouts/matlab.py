"""MATLAB files: SVHN's cropped digits (`train_32x32.mat`: `X` [H, W, 3, N], `y`, where 10 is digit 0) and CIFAR's.

scipy reads them; what they hold is looked at first, and only plain numbers of a bounded size are read.
"""

import io
from math import prod

import numpy as np

from core.data.dataset import Dataset
from core.data.known import CIFAR
from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import Understood, listed
from core.errors import WrongRequest

MOST_BYTES = 4_000_000_000
NUMBERS = {
    "uint8": 1,
    "int8": 1,
    "uint16": 2,
    "int16": 2,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "single": 4,
    "double": 8,
}


def recognise(tree: Tree) -> Understood | None:
    """SVHN's cropped digits or CIFAR-10; None without a `.mat` file. SVHN's extra images are left out and said.

    Raises WrongRequest for files of another make.
    """
    files = {file.parts[-1].lower(): file for file in tree.files if file.suffix == ".mat"}
    if not files or tree.pictures:
        return None
    arrays = {name: _numbers(file) for name, file in files.items() if "meta" not in name and "extra" not in name}
    extra = [file.name for name, file in files.items() if "extra" in name]
    parts = {name: _part(each, files[name]) for name, each in arrays.items()}
    halves = [[name for name in parts if ("test" in name) == tested] for tested in (False, True)]
    names = [*sorted(halves[0]), *sorted(halves[1])]
    if not names:
        raise WrongRequest(f"{tree.name} holds no MATLAB file of training or test images.")
    images = np.concatenate([parts[name][0] for name in names])
    labels = np.concatenate([parts[name][1] for name in names])
    cifar = images.shape[1:] == (3, 32, 32) and any("data" in each for each in arrays.values())
    values, numbers = np.unique(labels, return_inverse=True)
    known = cifar and values.max() < len(CIFAR) and "fine_labels" not in next(iter(arrays.values()))
    classes = tuple(CIFAR[value] if known else f"{value}" for value in values)
    train = sum(len(parts[name][1]) for name in halves[0])
    told = "CIFAR as MATLAB files." if cifar else "SVHN, cropped digits as MATLAB files; label 10 is the digit 0."
    told += f" Not used: {listed(extra)}." if extra else ""
    dataset = Dataset(tree.name, tree.name, classes, images, numbers.ravel().astype(np.int64), train)
    return Understood(told, arrays=dataset)


def _numbers(file: File) -> dict[str, np.ndarray]:
    """The numeric arrays of a file. Raises WrongRequest where it holds too much or can't be read."""
    from scipy.io import loadmat, whosmat

    content = io.BytesIO(file.read())
    try:
        shapes = {name: (shape, kind) for name, shape, kind in whosmat(content)}
        plain = [name for name, (_, kind) in shapes.items() if kind in NUMBERS]
        total = sum(prod(shapes[name][0]) * NUMBERS[shapes[name][1]] for name in plain)
        if total > MOST_BYTES:
            raise WrongRequest(
                f"{file.name} unpacks to {total / 1e9:,.1f} GB, and {MOST_BYTES / 1e9:,.0f} are the most."
            )
        content.seek(0)
        found = loadmat(content, variable_names=plain)
        return {name: found[name] for name in plain}
    except WrongRequest:
        raise
    except NotImplementedError as error:
        raise WrongRequest(f"{file.name} is a MATLAB 7.3 file: save it again with the option -v7.") from error
    except Exception as error:  # scipy raises nearly anything on a damaged file
        raise WrongRequest(f"{file.name} isn't a MATLAB file that can be read.") from error


def _part(arrays: dict[str, np.ndarray], file: File) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N, C, H, W] and labels int64 [N]."""
    labels = next((arrays[name] for name in ("y", "fine_labels", "labels") if name in arrays), None)
    images = arrays.get("X", arrays.get("data"))
    if images is None or labels is None or images.dtype != np.uint8:
        raise WrongRequest(
            f"{file.name} holds {listed(arrays) or 'nothing'}, not bytes X with y (SVHN) or data with labels (CIFAR)."
        )
    if images.ndim == 4 and images.shape[2] in (1, 3):  # SVHN: rows, columns, colours, images
        images = np.ascontiguousarray(np.moveaxis(images, (3, 2), (0, 1)))
        labels = np.where(labels == 10, 0, labels)
    elif images.ndim == 2 and images.shape[1] == 3072:
        images = images.reshape(-1, 3, 32, 32)
    else:
        raise WrongRequest(f"{file.name} holds images of shape {images.shape}, which is neither SVHN's nor CIFAR's.")
    if labels.size != len(images):
        raise WrongRequest(f"{file.name} holds {labels.size:,} labels for {len(images):,} images.")
    return images, labels.reshape(-1).astype(np.int64)
