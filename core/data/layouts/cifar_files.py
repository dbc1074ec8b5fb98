"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009): the binary version is read, the Python version never.

Python's batches are pickles, which run code when they are loaded, and a restricted unpickler would have to be trusted
with whatever a stranger puts there. torchvision loads them in a process of its own, after comparing their checksums.
"""

import numpy as np

from core.data.dataset import Dataset
from core.data.known import CIFAR
from core.data.layouts.tables import text
from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import Understood
from core.errors import WrongRequest

PIXELS = 3072
PICKLES = {*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"}
NAMES = ("batches.meta.txt", "fine_label_names.txt")


def recognise(tree: Tree) -> Understood | None:
    """The binary version; None where there are no such files. Raises WrongRequest for the Python version."""
    names = {file.parts[-1] for file in tree.files}
    if names & PICKLES and not tree.pictures:
        raise WrongRequest(
            f"{tree.name} holds CIFAR's Python version, whose files can run code and are never opened. Give its binary "
            "or MATLAB version, or put the folder cifar-10-batches-py into a data root, where its checksums are "
            "compared first."
        )
    files = sorted((file for file in tree.files if file.suffix == ".bin"), key=lambda file: file.name)
    if not files or tree.pictures:
        return None
    hundred = any(file.parts[-1] in ("train.bin", "test.bin") for file in files)
    head = 2 if hundred else 1  # CIFAR-100 has the coarse label before the fine one
    training = [file for file in files if "test" not in file.parts[-1]]
    testing = [file for file in files if "test" in file.parts[-1]]
    records = [_records(file, head) for file in [*training, *testing]]
    labels = np.concatenate([each[:, head - 1] for each in records])
    images = np.concatenate([each[:, head:] for each in records]).reshape(-1, 3, 32, 32)
    values, numbers = np.unique(labels, return_inverse=True)
    classes = _classes(tree, hundred, values)
    train = sum(len(each) for each in records[: len(training)])
    dataset = Dataset(tree.name, tree.name, classes, images, numbers.ravel().astype(np.int64), train)
    return Understood(f"CIFAR-{100 if hundred else 10}, binary version.", arrays=dataset)


def _records(file: File, head: int) -> np.ndarray:
    """Bytes of every image with its labels, uint8 [N, head + 3072]."""
    if not file.size or file.size % (head + PIXELS):
        raise WrongRequest(f"{file.name} has {file.size:,} bytes, which is no number of CIFAR's images.")
    return np.frombuffer(file.read(), np.uint8).reshape(-1, head + PIXELS)


def _classes(tree: Tree, hundred: bool, values: np.ndarray) -> tuple[str, ...]:
    listing = next((file for file in tree.files if file.parts[-1] == NAMES[hundred]), None)
    names = [line.strip() for line in text(listing).splitlines() if line.strip()] if listing else []
    names = names or ([] if hundred else list(CIFAR))
    return tuple(names[value] if value < len(names) else f"{value}" for value in values)
