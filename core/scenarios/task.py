"""A task: images divided into training, validation and test, with the novelty of every test image."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.data import Dataset
from core.knobs import Shape
from core.scenarios.splits import Rows

NORMAL, NOVEL = "normal", "novel"


@dataclass(frozen=True)
class TaskSpec:
    """What names a task: dataset, scenario and its choices, split seed, and which images it reads.  JSON both ways.

    images: a digest of all that is read, pixels, labels, halves and groups (core/data, `digest`); empty where the
    images were not at hand, and in run folders of before it was kept.
    """

    dataset: str
    scenario: str
    target: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    split_seed: int = 0
    images: str = ""

    @property
    def hash(self) -> str:
        """Ten hex digits that two runs share exactly when they trained and tested on the same images.

        Images are known by their digest, so neither a set of another content under an old name nor a new name for the
        same content deceives it; only where the digest is unknown does the name stand in.
        """
        content = dataclasses.asdict(self)
        content.pop("dataset" if self.images else "images")
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


@dataclass(frozen=True)
class Offer:
    """What a task offers to a method, known before a run of it exists.

    shape: (C, H, W) of its images.  kind: of the scenario.  classes: how many hidden classes are normal.
    labels: whether a method may learn from the hidden classes of training images.  seen: whether there are foreign
    images that it may train on.  train: how many training images there are, None where they are not on this machine.
    fewest: training images of the known class that has the fewest, None where no method may know classes, or nobody
    knows.  options: of the scenario.
    """

    shape: Shape
    kind: str
    classes: int = 1
    labels: bool = False
    seen: bool = False
    train: int | None = None
    fewest: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Brought:
    """How images of another set were brought into the shape of the first.

    title: of the set.  changes: what was done, in words.  before, after: a few images, uint8 [n, C, H, W] each.
    """

    title: str
    changes: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray

    @property
    def sentence(self) -> str:
        return f"{self.title}: {', '.join(self.changes)}."


@dataclass(frozen=True, eq=False)
class Task:
    """Train, valid and test as index sets, with the novelty of every test image.

    pools: the datasets, of one image shape.  train, valid: normal images (in `contaminated`, with the impurities).
    test: everything scored.  novel: uint8 [T], 1 = novel.  source: [T], `normal`, `novel`, an anomaly set, or the name
    of what was seen.  labels: int64 [train], hidden class of each training image where a method may learn from it, as
    its place in the classes of the first pool, else None.
    seen: foreign images that a method may train on, or None; seen_source: the source of the test images like them.
    note: what to know of the images together, beside the notes of the pools.  brought: what was done to other sets.
    valid_novel: uint8 [valid], 1 for the impurities, or None; for the evaluation alone: no threshold may know them.
    """

    spec: TaskSpec
    pools: tuple[Dataset, ...]
    train: Rows
    valid: Rows
    test: Rows
    novel: np.ndarray
    source: np.ndarray
    labels: np.ndarray | None = None
    seen: Rows | None = None
    valid_novel: np.ndarray | None = None
    seen_source: str = ""
    note: str = ""
    brought: tuple[Brought, ...] = ()

    @property
    def kind(self) -> np.ndarray:
        """[T] of str: `normal`, `novelty`, `seen` (foreign, and some like it were in training) or `anomaly`."""
        named = {NORMAL: NORMAL, NOVEL: "novelty"} | ({self.seen_source: "seen"} if self.seen_source else {})
        sources, place = np.unique(self.source, return_inverse=True)
        return np.array([named.get(str(each), "anomaly") for each in sources])[place]

    @property
    def notes(self) -> tuple[str, ...]:
        """All that a person must know of its images, in sentences, each once."""
        told = (*(each.sentence for each in self.brought), self.note, *(pool.note for pool in self.pools))
        return tuple(dict.fromkeys(filter(None, told)))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.pools[0].shape

    def rows(self, split: str) -> Rows:
        return getattr(self, split)

    def images(self, split: str | Rows) -> np.ndarray:
        """uint8 [N, C, H, W] of one split, gathered."""
        rows = self.rows(split) if isinstance(split, str) else split
        gathered = np.empty((len(rows), *self.shape), dtype=np.uint8)
        for number, pool in enumerate(self.pools):
            here = rows.pool == number
            gathered[here] = pool.images[rows.index[here]]
        return gathered

    def class_names(self, split: str) -> np.ndarray:
        """The hidden class of every image of a split by name, for pictures only.  [N] of str."""
        rows = self.rows(split)
        names = np.empty(len(rows), dtype=object)
        for number, pool in enumerate(self.pools):
            here = rows.pool == number
            names[here] = np.asarray(pool.classes, dtype=object)[pool.labels[rows.index[here]]]
        return names.astype(str)

    @property
    def counts(self) -> dict[str, int]:
        """Images by role: train, valid, test normal, test novel."""
        novel = int(self.novel.sum())
        return {"train": len(self.train), "valid": len(self.valid), "normal": len(self.test) - novel, "novel": novel}
