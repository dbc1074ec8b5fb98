"""Files of a run, each written as a temporary file and renamed, so that a kill or a full disk leaves the old one whole.

Tensors and arrays only, never pickles: opening a file from a stranger must not run code.
"""

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import DamagedRun
from core.runs import checks

ADVICE = "Delete the run, or import it again."


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that takes the place of `path` when the block ends well.

    Makes no folder: a run that was deleted while its control lines were computed must not come back. Ends in .part:
    what a kill leaves of it must not look like one of the files that are listed by their suffix.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_json(path: Path, shape: checks.Shape | None = None) -> Any:
    """Raises DamagedRun where the file is missing, isn't JSON or holds something else than the shape says."""
    run = path.parent.name
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if checks.depth(content) > checks.MOST_DEPTH:
            raise ValueError
    except FileNotFoundError:
        if not path.parent.exists():
            raise DamagedRun(f"The run {run} is not here any more.") from None
        raise DamagedRun(f"The run {run} has no {path.name}. {ADVICE}", path.parent) from None
    except (OSError, ValueError, RecursionError):
        raise DamagedRun(f"{path.name} of the run {run} can't be read. {ADVICE}", path.parent) from None
    if shape is not None and (told := checks.wrong(content, shape)):
        raise damaged(path, told)
    return content


def damaged(path: Path, told: str) -> DamagedRun:
    """What to raise for a file that can be read and doesn't hold what it should.  told: the entry, what is wrong."""
    folder = path.parents[path.parent.name == "snapshots"]
    name = path.relative_to(folder).as_posix()
    sentence = f"{name} of the run {folder.name} is damaged: {told}. {ADVICE}"
    return DamagedRun(sentence, folder)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """An npz; text as fixed-width unicode, so that it reads with allow_pickle=False."""
    plain: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **plain)


def told(arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """What a run says of the arrays of a file that are its method's own affair, as `checks.wrong_arrays` reads it."""
    return {name: checks.described(np.asarray(array)) for name, array in arrays.items()}


def described(folder: Path) -> dict[str, dict[str, str]]:
    """The same of all such files that a run has."""
    paths = sorted(path for name in checks.OWN for path in folder.glob(f"{name}.npz"))
    return {path.relative_to(folder).with_suffix("").as_posix(): told(read_arrays(path)) for path in paths}


class Arrays(dict[str, np.ndarray]):
    """Arrays of one npz by name; an absent one is damage, and the sentence names the file."""

    def __init__(self, path: Path, content: Mapping[str, np.ndarray]) -> None:
        super().__init__(content)
        self.path = path

    def __missing__(self, name: str) -> np.ndarray:
        raise damaged(self.path, f"{name} is missing")


def read_arrays(path: Path, *names: str) -> Arrays:
    """The arrays of an npz, or those named.  Raises DamagedRun where the file or an array is missing or broken."""
    # an npz is a zip: np.load would read a bare array, or unpickle, where it is none
    with _intact(path), zipfile.ZipFile(path), np.load(path, allow_pickle=False) as archive:
        return Arrays(path, {name: archive[name] for name in (names or archive.files)})


def array_shape(path: Path, name: str) -> tuple[int, ...]:
    """The shape of one array of an npz, from its header alone.  Raises DamagedRun as `read_arrays`."""
    with _intact(path), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(stream)[0]


@contextlib.contextmanager
def _intact(path: Path) -> Iterator[None]:
    """Tells a person what is wrong with an npz that can't be read."""
    folder = path.parents[path.parent.name == "snapshots"]
    run, file = folder.name, path.relative_to(folder).as_posix()
    try:
        yield
    except FileNotFoundError:
        raise DamagedRun(f"The run {run} has no {file}. {ADVICE}", folder) from None
    except KeyError as error:
        raise DamagedRun(f"{file} of the run {run} lacks an array: {error.args[0]}. {ADVICE}", folder) from None
    except Exception:  # a broken zip raises many kinds of error, and each means the same to a person
        raise DamagedRun(f"{file} of the run {run} is damaged. {ADVICE}", folder) from None


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Nested dictionaries and lists of tensors and plain values as one safetensors file.

    The structure is JSON in its header.
    """
    from safetensors.torch import save_file

    tensors: dict[str, Any] = {}
    structure = json.dumps(_pack(state, tensors))
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"structure": structure})


def read_state(path: Path) -> dict[str, Any]:
    """What `write_state` wrote, on the CPU.  Raises DamagedRun."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise DamagedRun(f"The run {path.parent.name} has no {path.name}. {ADVICE}", path.parent)
    try:
        with safe_open(path, framework="pt") as archive:
            structure = json.loads((archive.metadata() or {})["structure"])
            return _unpack(structure, archive.get_tensor)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RecursionError):
        raise DamagedRun(f"{path.name} of the run {path.parent.name} is damaged. {ADVICE}", path.parent) from None


def _pack(value: Any, tensors: dict[str, Any]) -> Any:
    """The value with every tensor replaced by its name, and every mapping by its pairs (JSON has no integer keys)."""
    import torch

    if isinstance(value, torch.Tensor):
        name = f"t{len(tensors)}"
        value = value.detach().cpu().contiguous()
        # A view would drag its whole storage into the file, and safetensors refuses shared memory.
        tensors[name] = value.clone() if value.untyped_storage().nbytes() != value.nbytes else value
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"pairs": [[key, _pack(each, tensors)] for key, each in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"items": [_pack(each, tensors) for each in value]}
    assert value is None or isinstance(value, (bool, int, float, str)), type(value)
    return {"value": value}


def _unpack(value: dict[str, Any], tensor: Any) -> Any:
    if "tensor" in value:
        return tensor(value["tensor"])
    if "pairs" in value:
        return {key: _unpack(each, tensor) for key, each in value["pairs"]}
    if "items" in value:
        return [_unpack(each, tensor) for each in value["items"]]
    return value["value"]
