"""Other datasets are the anomalies; some classes of its own may be held out, unseen or seen in training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core import data
from core.data import Dataset, Entry
from core.errors import WrongRequest
from core.knobs import knob
from core.scenarios import names
from core.scenarios.held_out import parts
from core.scenarios.protocols import assembled, divided
from core.scenarios.splits import Rows, drawn, has_both_halves, labelled, shares
from core.scenarios.table import scenario
from core.scenarios.task import NOVEL, Brought, Task, TaskSpec

NOISE = ("gaussian-noise", "uniform-noise")
SEEN_CLASSES = "other classes"  # the source of held-out classes that are seen; no dataset's name holds a space
FEWEST = 2  # training images of a known class
SHOWN = 4  # images of a set before and after


@dataclass(frozen=True)
class CrossOptions:
    seen_classes: str = knob(
        "",
        label="Classes seen in training",
        group="Scenario",
        picks="classes",
        help="In place of a set: held-out classes whose training images a method may learn from as foreign, separated "
        "by commas; their test images are scored as their own source.",
    )
    novelty: str = knob(
        "",
        label="Novelty classes",
        group="Scenario",
        picks="classes",
        help="Classes that no training sees, separated by commas. Empty: all that are neither known nor seen.",
    )
    anomalies: str = knob(
        "gaussian-noise,uniform-noise",
        label="Anomaly sets",
        group="Scenario",
        picks="sets",
        help="Other datasets (their test images) or gaussian-noise, uniform-noise, separated by commas.",
    )
    seen: str = knob(
        "",
        label="Set seen in training",
        group="Scenario",
        picks="sets",
        help="One further dataset whose training images a method may learn from as foreign; its test images are scored "
        "as their own source.",
    )
    draw: int = knob(
        0,
        label="Known classes to draw",
        group="Scenario",
        low=0,
        high=1000,
        help="In place of chosen ones: so many known classes are drawn by the split seed. 0 draws none.",
    )
    draw_seen: int = knob(
        0,
        label="Seen classes to draw",
        group="Scenario",
        low=0,
        high=1000,
        help="In place of named ones: so many seen classes are drawn by the split seed. 0 draws none.",
    )
    least: int = knob(
        50,
        label="Training images of a drawn class",
        group="Scenario",
        low=2,
        high=100_000,
        help="At least so many has a class that is drawn, and at least one test image.",
    )
    most: int = knob(
        2000,
        label="Images per anomaly set",
        group="Scenario",
        low=10,
        high=100_000,
        help="At most this many of each, drawn: test images, and as many training images of what is seen.",
    )
    most_train: int = knob(
        0,
        label="Most training images",
        group="Scenario",
        low=0,
        high=1_000_000,
        help="At most this many of the known classes train, drawn by the split seed, and a ninth as many validate. 0 "
        "takes all.",
    )
    most_test: int = knob(
        0,
        label="Most normal test images",
        group="Scenario",
        low=0,
        high=1_000_000,
        help="At most this many of the known classes are tested, drawn by the split seed. 0 takes all.",
    )
    inverted: str = knob(
        "",
        label="Sets to invert",
        group="Scenario",
        picks="chosen sets",
        help="Other sets whose dark and light are swapped, as where one has black ink and the other white.",
    )


def foreign_sets(options: CrossOptions) -> tuple[str, ...]:
    """The names of the anomaly sets and of the set that is seen in training, in this order, each once."""
    return names.words(f"{options.anomalies},{options.seen}")


def settled(
    entry: Entry, target: tuple[str, ...], options: CrossOptions, split_seed: int
) -> tuple[tuple[str, ...], CrossOptions]:
    """The known classes, drawn where the options ask for it, and the options written in one way.

    Raises WrongRequest where sets or classes can't go together.
    """
    _check_sets(entry, options)
    found = parts(entry, target, options, split_seed)
    if options.seen and (options.seen_classes or options.draw_seen):
        raise WrongRequest(
            f"Either a set or some classes are seen in training, not {options.seen} and classes. Empty one of the two."
        )
    rest = set(entry.classes) - {*found.known, *found.seen}
    return found.known, replace(
        options,
        anomalies=",".join(names.words(options.anomalies)),
        seen=options.seen.strip(),
        inverted=",".join(names.words(options.inverted)),
        seen_classes=names.row(found.seen) if options.seen_classes.strip() else "",
        novelty=names.row(found.novelty) if options.novelty.strip() and set(found.novelty) != rest else "",
    )


def _check_sets(entry: Entry, options: CrossOptions) -> None:
    """Raise WrongRequest where the sets can't go together."""
    seen, sets = names.words(options.seen), foreign_sets(options)
    if len(seen) > 1:
        raise WrongRequest(f"Only one dataset can be seen in training, not {', '.join(seen)}. Name one.")
    if entry.name in seen:
        raise WrongRequest(
            f"{entry.title} can't be seen in training as foreign: it is the known set. Choose another set, or name "
            "some of its classes as seen_classes."
        )
    if entry.name in sets:
        raise WrongRequest(
            f"{entry.title} can't be its own anomaly set. Choose another dataset, gaussian-noise or uniform-noise."
        )
    titles: dict[str, str] = {}  # by content
    for other in (entry, *(data.entry(name) for name in sets if name not in NOISE)):
        content = data.digest(other.name) if other.present else other.name
        if content in titles:
            raise WrongRequest(f"{titles[content]} and {other.title} hold the same images. Name one of the two.")
        titles[content] = other.title
    if odd := [name for name in names.words(options.inverted) if name in NOISE or name not in sets]:
        raise WrongRequest(f"{odd[0]} can't be inverted: only anomaly sets and the seen set can. Add it there first.")


@scenario(
    "cross-dataset",
    title="Other datasets are the anomalies",
    sentence="The chosen classes are known; the dataset's other classes are novelty, other datasets and noise are "
    "anomalies. One other set, or some of the other classes, may be seen in training.",
    source="Metric learning for novelty and anomaly detection, Masana et al., BMVC 2018",
    choose="several",
    asks="Known classes",
    idea="nnnn|xx|aaaa",
    options=CrossOptions,
    labels=True,
    foreign=True,
    others=lambda options: tuple(name for name in foreign_sets(options) if name not in NOISE),
    sees=lambda options: bool(options.seen.strip() or options.seen_classes.strip() or options.draw_seen),
    draws=lambda options: bool(options.draw),
    settle=settled,
)
def cross_dataset(spec: TaskSpec, dataset: Dataset, options: CrossOptions) -> Task:
    """The known classes by the official halves, or 60/20/20 where there is one; each foreign source drawn to `most`.

    What is seen trains with its training half and is tested on its test half; a source of one half is divided.
    """
    held = parts(data.entry(spec.dataset), spec.target, options, spec.split_seed)
    split = "official" if has_both_halves(dataset) else "pooled"
    train, valid, test, novelty = divided(spec, dataset, held.known, held.novelty, split)
    rng, smaller = (np.random.default_rng((spec.split_seed, number)) for number in (1, 2))
    if options.most_train:
        train = drawn(train, options.most_train, smaller)
        valid = drawn(valid, max(2, options.most_train // 9), smaller)
    if options.most_test:
        test = drawn(test, options.most_test, smaller)
    _check_counts(dataset, held.known, train)
    pools, foreign, brought = [dataset], {}, []
    seen, seen_source = None, ""
    if len(novelty):
        foreign[NOVEL] = Rows.of(drawn(novelty, options.most, rng))
    if held.seen:
        index = labelled(dataset, held.seen)
        learned, tested = (drawn(half, options.most, smaller) for half in _halves(dataset, index, smaller))
        seen, seen_source, foreign[SEEN_CLASSES] = Rows.of(learned), SEEN_CLASSES, Rows.of(tested)
    for name in foreign_sets(options):
        other, change = _foreign_pool(name, dataset, options.most, name in names.words(options.inverted), rng)
        brought += [change] if change else []
        learned, tested = np.flatnonzero(~other.is_test), np.flatnonzero(other.is_test)
        if name == options.seen.strip():
            learned, tested = _halves(other, np.arange(len(other.images)), rng)
            seen, seen_source = Rows.of(learned, len(pools)), name
        foreign[name] = Rows.of(tested if len(tested) else learned, len(pools))
        pools.append(other)
    if seen is not None and min(len(seen), len(foreign[seen_source])) < 2:
        raise WrongRequest(
            f"What is seen has {len(seen)} training and {len(foreign[seen_source])} test images; it needs both. Choose "
            "other classes or another set to be seen."
        )
    return assembled(
        spec,
        pools,
        Rows.of(train),
        Rows.of(valid),
        Rows.of(test),
        foreign,
        labels=dataset.labels[train],
        seen=seen,
        seen_source=seen_source,
        note=compression(spec.dataset, foreign_sets(options)),
        brought=tuple(brought),
    )


def _check_counts(dataset: Dataset, known: tuple[str, ...], train: np.ndarray) -> None:
    """Raise WrongRequest where a known class has too few training images."""
    counts = np.bincount(dataset.labels[train], minlength=len(dataset.classes))
    few = {name: int(count) for name in known if (count := counts[dataset.classes.index(name)]) < FEWEST}
    if few:
        told = ", ".join(f"{name} ({count})" for name, count in few.items())
        raise WrongRequest(
            f"A known class needs at least {FEWEST} training images; too few has {told}. Leave "
            f"{'it' if len(few) == 1 else 'them'} out, or let more images train."
        )


def _halves(dataset: Dataset, index: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Those of the images that train and those that are tested: the official halves, or two of one half."""
    learned, tested = index[~dataset.is_test[index]], index[dataset.is_test[index]]
    if not len(learned) or not len(tested):  # no image is both seen and tested
        learned, tested = shares(index, dataset.groups, (0.5,), rng)
    return learned, tested


def _foreign_pool(
    name: str, dataset: Dataset, most: int, invert: bool, rng: np.random.Generator
) -> tuple[Dataset, Brought | None]:
    """A dataset or noise in the shape of the first: at most `most` training and `most` test images of it, drawn."""
    if name in NOISE:
        images = data.noise(name.removesuffix("-noise"), 2 * most, dataset.shape, seed=int(rng.integers(2**31)))
        title, labels = name.replace("-", " "), np.zeros(2 * most, dtype=np.int64)
        return Dataset(name, title, (name,), images, labels, most, None), None
    other = data.load(name)
    halves = [drawn(np.flatnonzero(other.is_test == half), most, rng) for half in (False, True)]
    index = np.concatenate(halves)
    chosen = other.images[index]
    images = data.conform(255 - chosen if invert else chosen, dataset.shape)
    groups = None if other.groups is None else other.groups[index]
    pool = Dataset(name, other.title, other.classes, images, other.labels[index], len(halves[0]), groups, other.note)
    changes = (*(["dark and light swapped"] if invert else []), *data.conforming(other.shape, dataset.shape))
    shown = np.linspace(0, len(index) - 1, min(SHOWN, len(index))).astype(int)
    return pool, Brought(other.title, changes, chosen[shown], images[shown]) if changes else None


def compression(name: str, sets: Sequence[str]) -> str:
    """One sentence where other sets went through another compression than a dataset, as far as that is known."""
    own, differing = data.entry(name), dict[str, list[str]]()
    for each in sets:
        title, through = (each.replace("-", " "), data.CLEAN) if each in NOISE else _history(each)
        if own.compression and through not in ("", own.compression):
            differing.setdefault(through, []).append(title)
    if not differing:
        return ""
    others = "; ".join(f"those of {' and '.join(titles)} through {through}" for through, titles in differing.items())
    return (
        f"The pixels of {own.title} went through {own.compression}, {others}. A detector can tell compressed pixels "
        "from others, so these look easier to tell apart than they are."
    )


def _history(name: str) -> tuple[str, str]:
    """The title of a set and what its pixels went through."""
    entry = data.entry(name)
    return entry.title, entry.compression
