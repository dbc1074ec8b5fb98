"""The kind of every image, and how each kind looks: normal, novelty, seen, anomaly by source, training.

A figure takes one `Kinds` where it would take a label of 0 or 1: it draws a trace per kind that is there, and counts as
novel whatever isn't normal. Normal is a blue circle, novelty an orange diamond; images of other sets, seen in training
or not, are purple, and their sources differ by symbol, hatch and dash.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.figures.palette import ANOMALY, NORMAL, NOVEL, translucent


@dataclass(frozen=True)
class Kind:
    """What one kind of image is called and how it looks.

    role: normal, training, novelty, seen or anomaly.  source: as scenarios say it, the key of metrics by source.
    symbol, hatch, dash: of points, of bars and fills, of lines, as Plotly names them.  fill: opacity of faint areas.
    """

    role: str
    source: str
    name: str
    colour: str
    symbol: str
    hatch: str = ""
    dash: str = "solid"
    fill: float = 0.18

    @property
    def foreign(self) -> bool:
        """Whether its images are novel: whatever is not normal."""
        return self.role not in ("normal", "training")

    @property
    def label(self) -> str:
        """The name, safe in a figure: a source is the name of a dataset, which may come from a stranger."""
        return escape(self.name)

    def of_class(self, name: str) -> str:
        """An image of this kind and of a hidden class in words; noise is a class of its own, so its name comes once."""
        return self.name if name == self.name else f"class {name}, {self.name}"

    @property
    def open_symbol(self) -> str:
        return f"{self.symbol}-open"

    @property
    def faint(self) -> str:
        """Its colour for areas that lie below others."""
        return translucent(self.colour, self.fill)


NORMAL_KIND = Kind("normal", "normal", "normal", NORMAL, "circle", fill=0.22)
TRAINING = Kind("training", "training", "training", NORMAL, "circle", fill=0.07)
ROLES = ("novelty", "seen", "anomaly")  # of foreign images, in drawing order
COLOURS = {"novelty": NOVEL, "seen": ANOMALY, "anomaly": ANOMALY}
# Of the sources of a role, one after the other, then again from the first; the lengths differ, so that pairs last long.
SYMBOLS = {
    "novelty": ("diamond", "diamond-tall", "diamond-wide"),
    "seen": ("square",),
    "anomaly": ("triangle-up", "star", "triangle-down", "pentagon", "cross", "hexagon", "x"),
}
HATCHES = {"novelty": ("/",), "seen": ("-",), "anomaly": ("\\", ".", "+", "|", "x")}
DASHES = {"novelty": ("dash",), "seen": ("longdash",), "anomaly": ("dot", "dashdot", "longdashdot", "2px,6px")}


@dataclass(frozen=True, eq=False)
class Kinds:
    """The kind of every one of N images.

    kinds: those of the whole test set in drawing order, normal first.  of: int [N], places in kinds.
    A part of the images keeps all kinds, so that none changes its looks or its name.
    """

    kinds: tuple[Kind, ...]
    of: NDArray[np.intp]

    @classmethod
    def of_test(cls, novel: ArrayLike, source: ArrayLike | None = None, kind: ArrayLike | None = None) -> "Kinds":
        """Of the images of a test set.

        novel: [N], 0 or 1.  source: [N] of str, "normal", "novel" or an anomaly set; all novelty where it isn't known.
        kind: [N] of str, "normal", "novelty", "seen" or "anomaly"; where it isn't stored, the source says it.
        """
        is_novel = np.asarray(novel, bool)
        sources = np.where(is_novel, "novel" if source is None else np.asarray(source, str), "normal")
        derived = np.where(sources == "novel", "novelty", "anomaly")
        roles = derived if kind is None else np.asarray(kind, str)
        present = set(zip(roles[is_novel].tolist(), sources[is_novel].tolist(), strict=True))
        ordered = sorted(present, key=lambda each: (ROLES.index(each[0]), each[1]))
        kinds, of = [NORMAL_KIND], np.zeros(len(is_novel), np.intp)
        for role, name in ordered:
            of[is_novel & (roles == role) & (sources == name)] = len(kinds)
            rank = sum(kind.role == role for kind in kinds)
            kinds.append(_kind(role, name, rank, len(ordered) > 1))
        return cls(tuple(kinds), of)

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, places: NDArray | slice) -> "Kinds":
        """The kinds of some of the images: places or a mask."""
        return Kinds(self.kinds, self.of[places])

    def __iter__(self) -> Iterator[tuple[Kind, NDArray[np.bool_]]]:
        """Every kind that is there, in drawing order, with the mask [N] of its images."""
        for place, kind in enumerate(self.kinds):
            mask = self.of == place
            if mask.any():
                yield kind, mask

    @cached_property
    def novel(self) -> NDArray[np.bool_]:
        """Which images are novel, [N]: all that are not normal."""
        return self.of > 0

    @property
    def several(self) -> bool:
        """Whether the test set has more than one kind of novel images."""
        return len(self.kinds) > 2

    @property
    def foreign(self) -> tuple[Kind, ...]:
        """The kinds of novel images."""
        return self.kinds[1:]

    def kind(self, place: int) -> Kind:
        """Of one image."""
        return self.kinds[self.of[place]]

    @property
    def names(self) -> NDArray[np.str_]:
        """The name of each image's kind, [N]."""
        return np.array([kind.name for kind in self.kinds])[self.of]

    @property
    def counts(self) -> dict[str, int]:
        """Images of each kind that is there, by its name."""
        return {kind.name: int(mask.sum()) for kind, mask in self}

    @property
    def groups(self) -> dict[str, NDArray[np.bool_]]:
        """Masks [N] by the name of a column: normal, novel, and where novel images are of several kinds, each kind."""
        groups = {"normal": ~self.novel, "novel": self.novel}
        return groups | ({kind.name: mask for kind, mask in self if kind.foreign} if self.several else {})

    @property
    def columns(self) -> dict[str, NDArray]:
        """Of tables with a row for each image: novel, 0 or 1, and the kind where novel images are of several."""
        return {"novel": self.novel.astype(int)} | ({"kind": self.names} if self.several else {})

    def by_name(self, hits: NDArray[np.bool_]) -> str:
        """How many of each kind of novel images are hits, [N]: " (novelty 80 of 89, mnist 9 of 10)"; one kind: ""."""
        if not self.several:
            return ""
        told = (f"{kind.name} {hits[mask].sum():,} of {mask.sum():,}" for kind, mask in self if kind.foreign)
        return f" ({', '.join(told)})"

    def by_turns(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Places of images reordered so that their kinds take turns, each in the order that it has."""
        turn = np.zeros(len(places), np.intp)
        for _, mask in self[places]:
            turn[mask] = np.arange(mask.sum())
        return places[np.argsort(turn, kind="stable")]

    def of_probe(self, places: NDArray[np.intp], novel: ArrayLike) -> "Kinds":
        """Of images that a replay follows.

        places: [P], in this test set, or -1 for a validation image.  novel: [P], 0 or 1; a novel validation image, an
        impurity, is of the first kind of novel images.
        """
        held_out = np.asarray(novel, bool).astype(np.intp)
        return Kinds(self.kinds, np.where(places >= 0, self.of[places], held_out))


def _kind(role: str, source: str, rank: int, among_others: bool) -> Kind:
    """The looks of a source of foreign images, the rank-th of its role; novelty alone is simply called novel."""
    name = {"novelty": "novelty" if among_others else "novel", "seen": f"seen {source}"}.get(role, source)
    if role == "novelty" and source != "novel":
        name = source
    symbol, hatch, dash = (each[role][rank % len(each[role])] for each in (SYMBOLS, HATCHES, DASHES))
    return Kind(role, source, name, COLOURS[role], symbol, hatch, dash)
