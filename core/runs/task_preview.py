"""What a task will show a detector, before it is trained: its numbers, and a few images of each kind."""

from dataclasses import dataclass

import numpy as np

from core import data, scenarios
from core.scenarios import Brought, TaskSpec


@dataclass(frozen=True, eq=False)
class Sample:
    """A few test images of one kind.

    role: normal, novelty, seen or anomaly.  title: of the kind.  count: test images of it.  images: uint8
    [n, C, H, W], spread over its classes.  names: of their classes.  classes: all that the kind has.
    """

    role: str
    title: str
    count: int
    images: np.ndarray
    names: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Preview:
    """A task in numbers and pictures.

    counts: images by role: train, valid, normal and novel test images.  samples: of each kind, normal first.
    seen: foreign images that a method may train on.  brought: what was done to images of other sets, in pictures.
    note: what to know of the data.
    """

    counts: dict[str, int]
    samples: tuple[Sample, ...]
    seen: int
    brought: tuple[Brought, ...]
    note: str


def preview(spec: TaskSpec, most: int = 8) -> Preview:
    """The task with at most `most` images of each kind.  Raises MissingData, WrongRequest."""
    task = scenarios.build(spec)
    classes, titles = task.class_names("test"), {pool.name: pool.title for pool in task.pools[1:]}
    samples, roles = [], task.kind.tolist()
    for source in dict.fromkeys(task.source.tolist()):  # in the order of the task, normal first
        there = np.flatnonzero(task.source == source)
        shown = there[_in_turn(classes[there])][:most]
        shown = shown[np.argsort(classes[shown], kind="stable")]
        images, names = task.images(task.test[shown]), tuple(classes[shown].tolist())
        every = tuple(np.unique(classes[there]).tolist())
        samples.append(Sample(roles[there[0]], titles.get(source, source), len(there), images, names, every))
    done = {each.sentence for each in task.brought}
    note = " ".join(each for each in task.notes if each not in done)
    return Preview(task.counts, tuple(samples), 0 if task.seen is None else len(task.seen), task.brought, note)


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
