"""The table of scenarios, and what it makes of a request: a checked TaskSpec, an Offer, a Task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core import data, knobs
from core.data import Dataset, Entry
from core.errors import WrongRequest
from core.scenarios import groups
from core.scenarios.names import class_names
from core.scenarios.task import Offer, Task, TaskSpec

Names = Callable[[Entry, tuple[str, ...], Any], tuple[str, ...]]
TITLED = 8  # classes that a title names; of more it names three and counts the others


def only_the_target(entry: Entry, target: tuple[str, ...], options: Any) -> tuple[str, ...]:
    """The normal classes are those that were chosen."""
    return target


def as_chosen(entry: Entry, target: tuple[str, ...], options: Any, split_seed: int) -> tuple[tuple[str, ...], Any]:
    """Classes and options as they were asked for."""
    return target, options


def no_other_sets(options: Any) -> tuple[str, ...]:
    """Reads no images but the dataset's own."""
    return ()


@dataclass(frozen=True)
class Scenario:
    """One kind of task; all that forms, titles and cards know of it is said here.

    choose: what the person picks: `one` class, `several` classes, a `super-category`, for which the options have
    `groups`; asks: the label of that choice.
    idea: its pictogram, groups of images divided by `|`: n normal, x novel, a from elsewhere; the first group is what
    the detector learns from.  words: what a title says of it, with `{classes}` for those chosen.
    foreign: whether novel images come from elsewhere, so that all classes may be normal.
    hides: whether the chosen class is the one that is kept from the detector.
    normal: (entry, target, options) -> names of the normal classes.  labels: whether a method may learn from them.
    others: options -> names of the further datasets that it reads.  sees: options -> whether some foreign images may be
    trained on.  draws: options -> whether the classes are drawn by the split seed, so that nobody chooses them.
    settle: (entry, classes, options, split seed) -> classes and options, checked together; raises WrongRequest.
    """

    kind: str
    title: str
    sentence: str
    source: str
    choose: str
    asks: str
    idea: str
    options: type
    build: Callable[[TaskSpec, Dataset, Any], Task]
    words: str = "{classes}"
    hides: bool = False
    foreign: bool = False
    normal: Names = only_the_target
    labels: bool = False
    others: Callable[[Any], tuple[str, ...]] = no_other_sets
    sees: Callable[[Any], bool] = lambda options: False
    draws: Callable[[Any], bool] = lambda options: False
    settle: Callable[[Entry, tuple[str, ...], Any, int], tuple[tuple[str, ...], Any]] = as_chosen

    def in_words(self, target: Sequence[str]) -> str:
        """What a title says of a task of this kind: `all but 3`, `i2, i4, i5 and 17 more`."""
        many = len(target) > TITLED
        classes = f"{', '.join(target[:3])} and {len(target) - 3} more" if many else ", ".join(target)
        return self.words.format(classes=classes)


SCENARIOS: dict[str, Scenario] = {}


def scenario(kind: str, **about: Any) -> Callable[[Callable], Callable]:
    """Register the decorated function as the builder of this kind.  about: the other fields of Scenario."""

    def register(build: Callable) -> Callable:
        SCENARIOS[kind] = Scenario(kind, build=build, **about)
        return build

    return register


def named(kind: str) -> Scenario:
    """The scenario of this kind.  Raises WrongRequest with the kinds there are."""
    if kind not in SCENARIOS:
        raise WrongRequest(f"There is no scenario {kind!r}. Choose from {', '.join(SCENARIOS)}.")
    return SCENARIOS[kind]


def task_spec(
    dataset: str, kind: str, target: Sequence[str] | str, options: Mapping[str, Any] | None = None, split_seed: int = 0
) -> TaskSpec:
    """A checked TaskSpec: classes by name or number become names, options are completed with their defaults.

    Raises WrongRequest for an unknown dataset, scenario, class, option, for groups that can't be or a seed below 0,
    MissingData where only an absent file names the classes.  Reads the images where they are on this machine, for
    their digest.
    """
    if split_seed < 0:
        raise WrongRequest(f"The split seed can't be {split_seed}. Choose a whole number of at least 0.")
    entry, rule = data.entry(dataset), named(kind)
    if not entry.classes:
        data.load(dataset)  # only its file names its classes, and this says how to get it
    checked = knobs.changed(rule.options(), options or {})
    words = [target] if isinstance(target, str) else [str(each) for each in target]
    if rule.choose == "super-category":
        checked = replace(checked, groups=groups.canonical(entry, checked.groups))
        chosen: tuple[str, ...] = (groups.normal_group(entry, checked.groups, words),)
    else:
        chosen, checked = rule.settle(entry, class_names(entry, words), checked, split_seed)
        if rule.choose == "one" and len(chosen) != 1:
            raise WrongRequest(f"The scenario {kind} takes exactly one class of {entry.title}, not {len(chosen)}.")
        if not chosen:
            raise WrongRequest(f"Choose at least one class of {entry.title}: {', '.join(entry.classes[:12])}.")
        if rule.choose == "several":
            chosen = tuple(sorted(chosen, key=entry.classes.index))
            if len(chosen) == len(entry.classes) and not rule.foreign:
                raise WrongRequest(
                    f"If all {len(chosen)} classes of {entry.title} are normal, none is left to be novel. Choose fewer."
                )
    spec = TaskSpec(dataset, kind, chosen, knobs.values(checked), split_seed)
    return replace(spec, images=digest(spec))


def sets_read(spec: TaskSpec) -> tuple[str, ...]:
    """The names of all datasets whose images a task reads, its own first."""
    rule = named(spec.scenario)
    return spec.dataset, *rule.others(knobs.changed(rule.options(), spec.options))


def digest(spec: TaskSpec) -> str:
    """The digest of all images that a task reads, in their order; empty where some are not on this machine."""
    names = sets_read(spec)
    if not all(data.entry(name).present for name in names):
        return ""
    return _joined([data.digest(name) for name in names])


def _joined(digests: Sequence[str]) -> str:
    return digests[0] if len(digests) == 1 else data.digest_of(digests)


def changed(spec: TaskSpec, quickly: bool = False) -> bool:
    """Whether the images under the names of a task are no longer those that it was made from.

    Where they are absent, or the task is older than its digest, nothing is known and nothing is said.
    quickly: nor where large sets would have to be read for it (`data.known_digest`).
    """
    if not spec.images:
        return False
    if quickly:
        found = [data.known_digest(name) for name in sets_read(spec)]
        known = [each for each in found if each]
        now = _joined(known) if len(known) == len(found) else ""
    else:
        now = digest(spec)
    return now not in ("", spec.images)


def build(spec: TaskSpec) -> Task:
    """The task: loads the data and splits it.

    Raises MissingData, or WrongRequest where the images have changed or a split would be empty.
    """
    rule, dataset = named(spec.scenario), data.load(spec.dataset)
    if changed(spec):
        raise WrongRequest(
            f"The images of {dataset.title} have changed since this task was made, so its numbers can't be computed "
            "again. Put the old images back, or train anew."
        )
    task = rule.build(spec, dataset, rule.options(**spec.options))
    alone = len(dataset.classes) == 1 and spec.scenario == "unimodal"  # nothing else was ever seen of it
    for name, count in task.counts.items():
        if count < 2 and not (alone and name == "novel"):
            raise WrongRequest(
                f"{dataset.title}, {spec.scenario} with {', '.join(spec.target)}, leaves {count} {name} images. "
                "Choose other classes."
            )
    return task


def offer(spec: TaskSpec) -> Offer:
    """What the task offers to a method.

    Raises WrongRequest as `build` does, where its images are on this machine.
    """
    entry, rule = data.entry(spec.dataset), named(spec.scenario)
    assert entry.shape, f"task_spec has loaded {spec.dataset}, so its shape is known"
    options = rule.options(**spec.options)
    train, fewest = _train_counts(spec) if spec.images else (None, None)
    return Offer(
        shape=entry.shape,
        kind=spec.scenario,
        classes=len(rule.normal(entry, spec.target, options)),
        labels=rule.labels,
        seen=rule.sees(options),
        train=train,
        fewest=fewest,
        options=spec.options,
    )


_TRAIN_COUNTS: dict[str, tuple[int, int | None]] = {}  # by task hash, which knows the images


def _train_counts(spec: TaskSpec) -> tuple[int, int | None]:
    """Training images, and those of the class that has the fewest, where a method may know classes."""
    if spec.hash not in _TRAIN_COUNTS:
        task = build(spec)
        fewest = None if task.labels is None else int(np.unique(task.labels, return_counts=True)[1].min())
        _TRAIN_COUNTS[spec.hash] = len(task.train), fewest
    return _TRAIN_COUNTS[spec.hash]
