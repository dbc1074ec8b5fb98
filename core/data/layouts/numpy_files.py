"""An `.npz` file: the app's own layout, Keras' or MedMNIST's, as `core.data.npz` reads them."""

from core.data import npz
from core.data.layouts.tree import Tree
from core.data.layouts.understood import SeveralSets, Understood, unused_notes
from core.errors import WrongRequest


def recognise(tree: Tree, part: str = "") -> Understood | None:
    """The images of the one npz of the source, or of that named by `part`; None where it has pictures or no npz.

    A folder of single arrays (`.npy`) is an npz that was unpacked, and is asked for as it came.
    """
    files = {file.parts[-1].removesuffix(".npz"): file for file in tree.files if file.suffix == ".npz"}
    if not files or tree.pictures:
        if not tree.pictures and any(file.suffix == ".npy" for file in tree.files):
            raise WrongRequest(f"{tree.name} holds single arrays (.npy): give the .npz that they were in.")
        return None
    if len(files) > 1 and part not in files:
        raise SeveralSets(tree.name, "one npz each", list(files))
    file = files[part] if part in files else next(iter(files.values()))
    dataset = npz.read_bytes(file.read(), file.name)
    return Understood(f"Arrays of {file.parts[-1]}. {dataset.note}".rstrip() + unused_notes(tree), arrays=dataset)
