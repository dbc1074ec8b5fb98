"""What a task will show a detector, before it is trained: its numbers, and a few images of either kind."""

from dataclasses import dataclass

import numpy as np

from core import data, scenarios
from core.scenarios import TaskSpec


@dataclass(frozen=True, eq=False)
class Preview:
    """A task in numbers and pictures.

    counts: images by role: train, valid, normal and novel test images.  normal, novel: uint8 [n, C, H, W], a few test
    images of each, spread over their classes; normal_names, novel_names: theirs.  note: what to know of the data.
    """

    counts: dict[str, int]
    normal: np.ndarray
    normal_names: tuple[str, ...]
    novel: np.ndarray
    novel_names: tuple[str, ...]
    note: str


def preview(spec: TaskSpec, most: int = 8) -> Preview:
    """The task with at most `most` normal and as many novel images.  Raises MissingData, WrongRequest."""
    task = scenarios.build(spec)
    classes = task.class_names("test")
    parts = []
    for kind in (0, 1):
        places = np.flatnonzero(task.novel == kind)
        places = places[_in_turn(classes[places])]
        places = places[_in_turn(task.source[places])][:most]
        shown = places[np.lexsort((classes[places], task.source[places]))]
        parts.append((task.images("test")[shown], tuple(classes[shown].tolist())))
    notes = dict.fromkeys([task.note, *(pool.note for pool in task.pools)])
    normal, novel = parts
    return Preview(task.counts, *normal, *novel, note=" ".join(filter(None, notes)))


def _in_turn(kinds: np.ndarray) -> np.ndarray:
    """An order in which the kinds take turns, so that any beginning holds as many of each; int64 [N] for kinds [N]."""
    order = np.argsort(kinds, kind="stable")
    _, first, counts = np.unique(kinds[order], return_index=True, return_counts=True)
    turn = np.arange(len(kinds)) - np.repeat(first, counts)
    return order[np.argsort(turn, kind="stable")]


def class_images(name: str) -> np.ndarray:
    """One image of each class of a set, uint8 [classes, C, H, W]; black where a class has none.  Raises MissingData."""
    dataset = data.load(name)
    images = np.zeros((len(dataset.classes), *dataset.shape), np.uint8)
    present, first = np.unique(dataset.labels, return_index=True)
    images[present] = dataset.images[first]
    return images
