"""Damaged copies of run folders, by a seeded generator: what kills, disks, editors and strangers do to files."""

import json
import math
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from core.runs import files

WRONG: tuple[Any, ...] = (None, "text", "", [], {}, [1], {"a": 1}, True, -1, 0, 1e308, 10**40, math.nan, math.inf)
SHALLOW, DEEP = 200, 20_000  # levels of nested lists
UNTOUCHED = ("lock", "heartbeat")  # hold nothing


def damaged(source: Path, folder: Path, seed: int) -> str:
    """Copy a run and damage one of its files; returns what was done, in words."""
    dice = random.Random(seed)
    shutil.copytree(source, folder)
    kept = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in UNTOUCHED)
    kinds = sorted({path.parent.name if path.parent != folder else path.name for path in kept})
    kind = dice.choice(kinds)  # twenty snapshots are no more likely than one portrait
    path = dice.choice([each for each in kept if kind in (each.name, each.parent.name)])
    ways = {".json": _entry, ".jsonl": _line, ".npz": _array, ".safetensors": _tensor}
    way = dice.choice([_bytes, *3 * [ways.get(path.suffix, _bytes)]])
    return f"{path.relative_to(folder)}: {way(path, dice)}"


def _bytes(path: Path, dice: random.Random) -> str:
    content = path.read_bytes()
    match dice.randrange(5):
        case 0:
            path.write_bytes(content[: dice.randrange(len(content) + 1)])
            return "truncated"
        case 1:
            path.write_bytes(b"")
            return "emptied"
        case 2:
            path.unlink()
            return "removed"
        case 3:
            place = dice.randrange(max(len(content), 1))
            path.write_bytes(content[:place] + dice.randbytes(8) + content[place + 8 :])
            return "eight bytes changed"
    path.unlink()
    path.mkdir()
    return "replaced by a folder"


def _nested(levels: int) -> Any:
    return json.loads("[" * levels + "]" * levels)


def _changed(content: Any, dice: random.Random) -> tuple[Any, str]:
    """JSON with one entry, at any depth, removed or of another type."""
    places: list[tuple[Any, Any]] = []
    inner = [content]
    while inner:
        each = inner.pop()
        pairs = each.items() if isinstance(each, dict) else enumerate(each) if isinstance(each, list) else ()
        for name, value in pairs:
            places.append((each, name))
            inner.append(value)
    if not places or dice.random() < 0.1:
        return dice.choice([*WRONG, _nested(SHALLOW)]), "another content"
    owner, name = dice.choice(places)
    if dice.random() < 0.2:
        del owner[name]
        return content, f"without {name}"
    value = dice.choice([*WRONG, _nested(SHALLOW)])
    owner[name] = value
    return content, f"{name} = {str(value)[:20]}"


def _entry(path: Path, dice: random.Random) -> str:
    if dice.random() < 0.1:
        path.write_text("[" * DEEP + "]" * DEEP)
        return "nested deeply"
    content, told = _changed(json.loads(path.read_text()), dice)
    path.write_text(json.dumps(content))
    return told


def _line(path: Path, dice: random.Random) -> str:
    lines = path.read_text().splitlines()
    place = dice.randrange(len(lines))
    content, told = _changed(json.loads(lines[place]), dice)
    lines[place] = json.dumps(content)
    path.write_text("\n".join(lines) + "\n")
    return f"line {place + 1} {told}"


def _other(array: np.ndarray, dice: random.Random) -> tuple[np.ndarray | None, str]:
    """An array of another type, shape, length or content; None for none."""
    numbers = array.dtype.kind in "biuf"
    match dice.randrange(9):
        case 0:
            return (array.astype(str) if numbers else np.arange(array.size).reshape(array.shape)), "of another kind"
        case 1:
            return (array.astype(np.float64) + 0.5 if numbers else array.astype("S")), "retyped"
        case 2:
            return array.reshape(-1)[: max(array.size // 2, 0)], "flat and short"
        case 3:
            return array[..., None], "with one more axis"
        case 4:
            return array[: len(array) // 2] if array.ndim else np.zeros(3), "cut"
        case 5:
            return array[:0] if array.ndim else np.zeros(0), "empty"
        case 6:
            return None, "removed"
        case 7:
            return np.array([{}], dtype=object), "an object"
    if array.dtype.kind == "f":
        broken = array.copy()
        broken.reshape(-1)[dice.randrange(max(array.size, 1)) :] = dice.choice([np.nan, np.inf])
        return broken, "not finite"
    return (np.full_like(array, 100) if numbers else np.full_like(array, "=1+1")), "of absurd values"


def _array(path: Path, dice: random.Random) -> str:
    with np.load(path) as archive:
        arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
    name = dice.choice(sorted(arrays))
    other, told = _other(arrays.pop(name), dice)
    np.savez(path, allow_pickle=True, **arrays, **({} if other is None else {name: other}))
    return f"{name} {told}"


def _tensor(path: Path, dice: random.Random) -> str:
    import torch

    state = files.read_state(path)
    places: list[tuple[dict, str]] = []
    inner = [state]
    while inner:
        each = inner.pop()
        for name, value in each.items():
            places.append((each, name))
            inner += [value] if isinstance(value, dict) else []
    owner, name = dice.choice(places)
    value = owner[name]
    if not isinstance(value, torch.Tensor):
        owner[name] = dice.choice([None, "text", 7, [], {}])
        return f"{name} replaced"
    other = [value[:0] if value.ndim else value[None], value[..., None], value.double() * torch.nan, value > 0]
    owner[name] = dice.choice(other).contiguous()
    files.write_state(path, state)
    return f"{name} of another shape, type or content"
