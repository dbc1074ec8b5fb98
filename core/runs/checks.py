"""What the small files and the arrays of a run hold; one check for reading them and for importing a stranger's zip.

A shape says what a JSON value may be: a `Kind`, a mapping of entries (a name with a question mark may be absent, others
are ignored), or `Each` of a mapping's values.  `wrong` names the first entry that is otherwise.

Of an array, `ARRAYS` says kind and dimensions: equal letters are equal lengths, T, V and N count test, validation and
training images.  What a method keeps of its own (portrait, explanations, snapshots) is listed in run.json when the run
ends (`described`).  `wrong_arrays` compares with both.
"""

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.evaluation import METRICS

MOST_DEPTH = 32  # of nested JSON: the deepest that a run writes is 6


@dataclass(frozen=True)
class Kind:
    """What a value is, in words, and whether one is it."""

    words: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class Each:
    """A mapping whose values all have one shape."""

    shape: "Shape"


Shape = Kind | Each | Mapping[str, Any]


def _number(value: Any) -> bool:
    return type(value) in (int, float) and -1e300 < value < 1e300


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


NUMBER = Kind("a number", _number)
AMOUNT = Kind("a number of at least 0", lambda value: _number(value) and value >= 0)
COUNT = Kind("a whole number of at least 0", _count)
TIME = Kind("a time in seconds since 1970", lambda value: _number(value) and 0 <= value < 2**33)
TEXT = Kind("a text", lambda value: isinstance(value, str))
TEXT_OR_NONE = Kind("a text or null", lambda value: value is None or isinstance(value, str))
TEXTS = Kind(
    "a list of texts", lambda value: isinstance(value, list) and bool(value) and all(isinstance(x, str) for x in value)
)
PLAIN = Kind("a number, a text or a truth value", lambda value: isinstance(value, (bool, str)) or _number(value))
PERHAPS = Kind("a number or null", lambda value: value is None or _number(value))
CURVE = Kind("a number", lambda value: type(value) in (int, float))  # of an epoch: a training may diverge
NAME = Kind("a name of 1 to 80 characters", lambda value: isinstance(value, str) and 0 < len(value.strip()) <= 80)
DEVICE = Kind("auto, cpu or cuda", lambda value: value in ("auto", "cpu", "cuda"))
SHARE = Kind("a share from 0 to 1", lambda value: _number(value) and 0 <= value <= 1)


def _range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_number, value)) and value[0] <= value[1]


RANGE = Kind("two numbers, the lower one first, or null", lambda value: value is None or _range(value))

ESTIMATE = {"value": PERHAPS, "low?": PERHAPS, "high?": PERHAPS}
METRICS_OF_ONE = {f"{name}?": ESTIMATE for name in METRICS}

SPEC = {
    "dataset": TEXT,
    "scenario": TEXT,
    "target": TEXTS,
    "method": TEXT,
    "knobs": Each(PLAIN),
    "options?": Each(PLAIN),
    "split_seed?": COUNT,
    "seed?": COUNT,
    "device?": DEVICE,
    "images?": TEXT,
}
ENVIRONMENT = {
    "device": TEXT,
    "gpu?": TEXT_OR_NONE,
    "threads": Kind("a number of threads", lambda value: type(value) is int and 0 < value <= 1024),
    "python?": TEXT,
    "machine?": TEXT,
    "versions?": Each(TEXT),
}
RESULTS = {  # of a finished run
    "timings": {"training": AMOUNT, "total": AMOUNT},
    "counts": {"train": COUNT, "valid": COUNT, "normal": COUNT, "novel": COUNT},
    "thresholds": Each(NUMBER),
    "metrics": Each({**METRICS_OF_ONE, "by_source?": Each(METRICS_OF_ONE)}),
}
RUN: Shape = {
    "format": Kind("1", lambda value: value == 1 and type(value) is int),
    "spec": SPEC,
    "created": TIME,
    "environment?": ENVIRONMENT,
    "command?": TEXT,
    "started?": TIME,
    "finished?": TIME,
    "note?": TEXT,
    "alarms?": Each(TEXT),
    "rule?": {"rule": TEXT, "share": NUMBER},
    "arrays?": Each(Each(TEXT)),
    "accuracy?": ESTIMATE,
    "value_range?": RANGE,
    **{f"{name}?": shape for name, shape in RESULTS.items()},
}
STATE: Shape = {
    "state": Kind(
        "a state", lambda value: value in ("queued", "running", "finished", "failed", "cancelled", "interrupted")
    ),
    "since": TIME,
    "submitted?": TIME,
    "imported?": TIME,
    "sentence?": TEXT,
    "follows?": TEXTS,
    "pid?": Kind("the number of a process", lambda value: type(value) is int and 1 < value < 2**31),
    "host?": TEXT,
}
TRIVIAL = {"accept-everything?": {"normal_f1": NUMBER}, "everything-novel?": {"f1": NUMBER}}
EPOCH: Shape = {
    "stage": TEXT,
    "number": COUNT,
    "stages?": COUNT,
    "epochs?": COUNT,
    "epoch": COUNT,
    "curves": Each(CURVE),
    "seconds": AMOUNT,
    "rate": AMOUNT,
    "time?": TIME,
}
LIVE: Shape = {
    "stage": TEXT,
    "epochs": COUNT,
    "epoch": COUNT,
    "share": SHARE,
    "rate": AMOUNT,
    "eta": Kind("seconds or null", lambda value: value is None or _number(value)),
}


def wrong(value: Any, shape: Shape, at: str = "") -> str:
    """What is wrong with a JSON value, as in `metrics.nap.auroc is not a number`; an empty text for one that fits."""
    if isinstance(shape, Kind):
        return "" if shape.fits(value) else f"{at or 'its content'} is not {shape.words}"
    if not isinstance(value, dict):
        return f"{at or 'its content'} is not a group of entries"
    if isinstance(shape, Each):
        parts = ((name, shape.shape) for name in value)
    else:
        parts = ((name.rstrip("?"), each) for name, each in shape.items() if name[-1] != "?" or name[:-1] in value)
    for name, each in parts:
        path = f"{at}.{name}" if at else name
        if name not in value:
            return f"{path[:80]} is missing"
        if told := wrong(value[name], each, path[:80]):
            return told
    return ""


def depth(value: Any) -> int:
    """How deeply JSON is nested: 0 for a number, a text, an empty group."""
    level, levels = [value], -1
    while level:
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list))]
        level, levels = [item for items in inner for item in items], levels + 1
    return levels


# --- arrays -----------------------------------------------------------------------------------------------------------

KINDS = {
    "image": "u",
    "flag": "bui",
    "whole": "iu",
    "choice": "iu",
    "real": "fiu",
    "open": "f",
    "text": "U",
    "any": "biufU",
}
CURVES = {
    **{f"roc/*/{axis}?": "real L@" for axis in ("fpr", "tpr")},
    **{f"pr/*/{axis}?": "real L@" for axis in ("recall", "precision")},
    "*/*/threshold?": "open L@",  # the first one is infinite
}
ARRAYS: dict[str, dict[str, str]] = {
    "test": {
        "images": "image T C H W",
        "novel": "flag T <2",
        "valid_novel?": "flag V <2",
        "source?": "text T",
        "kind?": "text T",
        "classes": "text T",
        "pool?": "whole T",
        "index?": "whole T",
    },
    "scores": {"test/*?": "real T", "valid/*?": "real V", "train/*?": "real n"},
    "train": {"classes": "text N"},
    "explanations": {"test/*?": "any T ...", "valid/*?": "any V ..."},
    "probe": {"images": "image P C H W", "novel": "flag P <2", "place": "choice P <T"},
    "neighbours": {
        "bank": "image B C H W",
        "classes": "text B",
        "bank_of?": "choice B <N",
        "places": "whole T K <B",
        "distances": "real T K",
        "of": "whole",
    },
    "projection": {
        "train_of": "choice n <N",
        "test_of": "choice m <T",
        "embedding": "real n D",
        "pca/train": "real n 2",
        "pca/test": "real m 2",
        "pca/centres?": "real K 2",
        "pca/mean": "real D",
        "pca/axes": "real 2 D",
        "pca/ratio": "real 2",
        "umap/train?": "real n 2",
        "umap/test?": "real m 2",
        "umap3/train?": "real n 3",
        "umap3/test?": "real m 3",
        "umap_note?": "text",
    },
    "curves": CURVES,
    "controls": {"test/*?": "real T", "valid/*?": "real V", **CURVES},
}

OWN = ("portrait", "explanations", "snapshots/*")  # files whose arrays are the method's own affair

Arrays = Mapping[str, np.ndarray]
Sizes = dict[str, int]


def described(array: np.ndarray) -> str:
    """Type and shape in one text, `<f4 270 8`; `open` where some value is no finite number."""
    return " ".join([array.dtype.str, *map(str, array.shape), *([] if _finite(array) else ["open"])])


def wrong_arrays(file: str, arrays: Arrays, sizes: Sizes, listed: Mapping[str, str], whole: bool) -> str:
    """What is wrong with the arrays of one npz, `radii is not as the run wrote it`; an empty text where all is well.

    file: without its ending.  sizes: lengths that are known, by letter.  listed: what the run says of this file.
    whole: these are all arrays of the file, so none may be missing.
    """
    table, sizes = ARRAYS.get(file, {}), dict(sizes)
    needed = {*listed, *(name for name in table if name[-1] != "?")} if whole else set()
    for name in sorted(needed - arrays.keys()):
        return f"{name} is missing"
    for name, array in arrays.items():
        if name in listed:
            if listed[name] != described(array):
                return f"{name} is not as the run wrote it"
        elif told := _misfit(name, array, _expected(name, table), sizes):
            return f"{name} {told}"
    return ""


def _expected(name: str, table: Mapping[str, str]) -> str:
    return next((told for each, told in table.items() if fnmatch.fnmatchcase(name, each.rstrip("?"))), "any ...")


def _misfit(name: str, array: np.ndarray, expected: str, sizes: Sizes) -> str:
    """What is wrong with one array; its free lengths are entered into sizes."""
    kind, *rest = expected.split()
    below = rest.pop()[1:] if rest and rest[-1][0] == "<" else ""
    if array.dtype.kind not in KINDS[kind] or (kind == "image" and array.dtype != np.uint8):
        return f"holds {'text' if array.dtype.kind == 'U' else array.dtype.name} in place of {kind} values"
    if rest[-1:] == ["..."]:
        rest = [*rest[:-1], *(f"?{place}" for place in range(len(rest) - 1, array.ndim))]
    group = name.rpartition("/")[0]
    for letter, size in zip(rest, array.shape, strict=False):
        wanted = int(letter) if letter.isdigit() else sizes.get(letter.replace("@", group), size)
        if letter[0] != "?" and size != wanted:
            return f"has {size:,} rows or columns where {wanted:,} belong"
        sizes.setdefault(letter.replace("@", group), size)
    if len(rest) != array.ndim:
        return f"has {array.ndim} dimensions in place of {len(rest)}"
    if kind == "image" and array.shape[-3] not in (1, 3):
        return f"has {array.shape[-3]} channels, an image has 1 or 3"
    if kind == "real" and not _finite(array):
        return "holds values that are no finite numbers"
    if kind == "choice" and len(np.unique(chosen := array[array >= 0])) < len(chosen):
        return "holds a place twice"
    most = sizes.get(below, int(below) if below.isdigit() else 2**62)
    if below and array.size and not -1 <= int(array.min()) <= int(array.max()) < most:
        return f"holds places outside 0 to {most - 1:,}"
    return ""


def _finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
