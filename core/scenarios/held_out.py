"""Which classes of a set are known, seen in training, and novelty: chosen by a person, or drawn by the split seed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core import data
from core.data import Dataset, Entry
from core.errors import WrongRequest
from core.scenarios.names import class_names
from core.scenarios.splits import has_both_halves


@dataclass(frozen=True)
class Parts:
    """Classes by name, in the dataset's order; no class is in two parts, some may be in none.

    known: those that are normal.  seen: held out, but some of their images are in training.  novelty: the unseen ones.
    """

    known: tuple[str, ...]
    seen: tuple[str, ...]
    novelty: tuple[str, ...]


def parts(entry: Entry, target: tuple[str, ...], options: Any, split_seed: int) -> Parts:
    """The classes by their part.

    target: the known classes, none where they are drawn.  options: with draw, draw_seen, least, seen_classes, novelty.
    Raises WrongRequest for an unknown class, one in two parts, too few classes to draw from, and classes that are both
    drawn and named.
    """
    seen, novelty = (class_names(entry, [text]) for text in (options.seen_classes, options.novelty))
    if options.draw or options.draw_seen:
        target, seen = _drawn(entry, target, seen, options, split_seed)
    _check(entry, target, seen, novelty)
    rest = tuple(name for name in entry.classes if name not in target and name not in seen)
    return Parts(*(tuple(sorted(some, key=entry.classes.index)) for some in (target, seen, novelty or rest)))


def _drawn(
    entry: Entry, target: tuple[str, ...], seen: tuple[str, ...], options: Any, split_seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The known and the seen classes, where one or both are drawn from the classes with enough images."""
    if seen and options.draw_seen:
        raise WrongRequest(
            "Seen classes are drawn, so none is named as well. Empty seen_classes, or set draw_seen to 0."
        )
    enough = with_enough(data.load(entry.name), options.least)
    taken = () if options.draw else target
    order = np.random.default_rng((split_seed, 3)).permutation([name for name in enough if name not in (*taken, *seen)])
    wanted = options.draw + options.draw_seen
    if len(order) < wanted:
        raise WrongRequest(
            f"{wanted} classes can't be drawn: only {len(order)} of {entry.title} have at least {options.least} "
            "training images and a test image. Draw fewer, or lower least."
        )
    names = tuple(order.tolist())
    known = names[: options.draw]
    if options.draw and target and set(target) != set(known):
        raise WrongRequest("Known classes are drawn, so none is chosen as well. Name no target, or set draw to 0.")
    return known or target, names[options.draw : wanted] or seen


def with_enough(dataset: Dataset, least: int) -> list[str]:
    """The classes with at least this many training images and a test image; of a set of one half, this many images."""
    train, test = (
        np.bincount(dataset.labels[dataset.is_test == half], minlength=len(dataset.classes)) for half in (False, True)
    )
    enough = (train >= least) & (test > 0) if has_both_halves(dataset) else train + test >= least
    return [name for name, there in zip(dataset.classes, enough, strict=True) if there]


def _check(entry: Entry, known: tuple[str, ...], seen: tuple[str, ...], novelty: tuple[str, ...]) -> None:
    """Raise WrongRequest where a class is in two parts."""
    for some, first, others, second in (
        (seen, "seen in training", known, "known"),
        (novelty, "novelty", known, "known"),
        (novelty, "novelty", seen, "seen in training"),
    ):
        if both := [name for name in some if name in others]:
            raise WrongRequest(
                f"{', '.join(both)} of {entry.title} can't be {second} and {first} at once. Leave "
                f"{'it' if len(both) == 1 else 'them'} in one of the two lists."
            )
