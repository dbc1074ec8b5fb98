"""Scenarios: rules that make some classes normal and some novel, and so turn a dataset into a task.

Every split is seeded, stored as indices, and keeps a group of images (tracks of one sign, copies of one file) on one
side. Hidden class labels travel with the test set for pictures; a method learns from classes only by `Task.labels`.

To add a scenario, write one function and decorate it with `@scenario`.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core import data, knobs
from core.data import Dataset
from core.errors import WrongRequest
from core.knobs import knob
from core.scenarios.splits import Rows, drawn, has_both_halves, interleaved, labelled, others, shares, without_groups_of

NORMAL, NOVEL = "normal", "novel"


@dataclass(frozen=True)
class TaskSpec:
    """What names a task: dataset, scenario and its choices, split seed.  JSON both ways."""

    dataset: str
    scenario: str
    target: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    split_seed: int = 0

    @property
    def hash(self) -> str:
        """Ten hex digits that two runs share exactly when they trained and tested on the same images."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]


@dataclass(frozen=True, eq=False)
class Task:
    """Train, valid and test as index sets, with the novelty of every test image.

    pools: the datasets, of one image shape.  train, valid: normal images (in `contaminated`, with the impurities).
    test: everything scored.  novel: uint8 [T], 1 = novel.  source: [T], `normal`, `novel` or an anomaly set.
    labels: int64 [train], hidden class of each training image where a method may learn from it, else None.
    seen: foreign images that a method may train on, or None.
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
    note: str = ""

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


@dataclass(frozen=True)
class Scenario:
    """One kind of task.

    choose: what the person picks: `one` class, `several` classes, a `super-category`.
    offers: what a method's card may ask for.
    """

    kind: str
    title: str
    sentence: str
    source: str
    choose: str
    options: type
    build: Callable[[TaskSpec, Dataset, Any], Task]
    offers: frozenset[str] = frozenset()


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    kind: str, *, title: str, sentence: str, source: str, choose: str, options: type, offers: Sequence[str] = ()
) -> Callable[[Callable], Callable]:
    """Register the decorated function as the builder of this kind."""

    def register(build: Callable) -> Callable:
        SCENARIOS[kind] = Scenario(kind, title, sentence, source, choose, options, build, frozenset(offers))
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

    Raises WrongRequest for an unknown dataset, scenario, class, option or a seed below 0, MissingData where only an
    absent file names the classes.
    """
    entry, rule = data.entry(dataset), named(kind)
    if not entry.classes:
        data.load(dataset)  # only its file names its classes, and this says how to get it
    words = [target] if isinstance(target, str) else list(target)
    words = [word.strip() for each in words for word in str(each).split(",") if word.strip()]
    if rule.choose == "super-category":
        chosen: tuple[str, ...] = (_super_category(entry, words),)
    else:
        chosen = tuple(dict.fromkeys(_class_name(entry, word) for word in words))
        if rule.choose == "one" and len(chosen) != 1:
            raise WrongRequest(f"The scenario {kind} takes exactly one class of {entry.title}, not {len(chosen)}.")
        if not chosen:
            raise WrongRequest(f"Choose at least one class of {entry.title}: {', '.join(entry.classes[:12])}.")
        if rule.choose == "several":
            chosen = tuple(sorted(chosen, key=entry.classes.index))
            if len(chosen) == len(entry.classes) and kind != "cross-dataset":
                raise WrongRequest(
                    f"If all {len(chosen)} classes of {entry.title} are normal, none is left to be novel. Choose fewer."
                )
    if split_seed < 0:
        raise WrongRequest(f"The split seed can't be {split_seed}. Choose a whole number of at least 0.")
    checked = knobs.changed(rule.options(), options or {})
    return TaskSpec(dataset, kind, chosen, knobs.values(checked), split_seed)


def build(spec: TaskSpec) -> Task:
    """The task: loads the data and splits it.  Raises MissingData, or WrongRequest where a split would be empty."""
    rule, dataset = named(spec.scenario), data.load(spec.dataset)
    task = rule.build(spec, dataset, rule.options(**spec.options))
    for name, count in task.counts.items():
        if count < 2:
            raise WrongRequest(
                f"{dataset.title}, {spec.scenario} with {', '.join(spec.target)}, leaves {count} {name} images. "
                "Choose other classes."
            )
    return task


def _class_name(entry: data.Entry, word: str) -> str:
    if word in entry.classes:
        return word
    if word.isdigit() and int(word) < len(entry.classes):
        return entry.classes[int(word)]
    listing = ", ".join(entry.classes[:12]) + (", ..." if len(entry.classes) > 12 else "")
    raise WrongRequest(
        f"{entry.title} has no class {word!r}. Choose from {listing}, or a number from 0 to {len(entry.classes) - 1}."
    )


def _super_category(entry: data.Entry, words: list[str]) -> str:
    groups = super_categories(entry)
    if not groups:
        raise WrongRequest(
            f"{entry.title} has no super-categories. Choose another dataset or the scenario several-normal."
        )
    if len(words) != 1 or words[0] not in groups:
        raise WrongRequest(
            f"{entry.title} has no super-category {', '.join(words)!r}. Choose one of {', '.join(groups)}."
        )
    return words[0]


def super_categories(entry: data.Entry) -> dict[str, tuple[str, ...]]:
    """The first grouping of the dataset's classes: super-category -> class names."""
    return next(iter(entry.groupings.values()), {})


# --- splitting --------------------------------------------------------------------------------------------------------


def _task(
    spec: TaskSpec,
    pools: Sequence[Dataset],
    train: Rows,
    valid: Rows,
    normal: Rows,
    foreign: Mapping[str, Rows],
    **more: Any,
) -> Task:
    """A task from its normal test images and its novel ones by source."""
    test = Rows.joined([normal, *foreign.values()])
    source = np.concatenate(
        [np.full(len(normal), NORMAL, dtype=object), *(np.full(len(r), n, dtype=object) for n, r in foreign.items())]
    )
    novel = (source != NORMAL).astype(np.uint8)
    return Task(spec, tuple(pools), train, valid, test, novel, source.astype(str), **more)


def _split(
    spec: TaskSpec, dataset: Dataset, normal: Sequence[str], novel: Sequence[str], split: str
) -> tuple[np.ndarray, ...]:
    """(train, valid, test-normal, novel) by the `pooled` or the `official` protocol."""
    rng = np.random.default_rng(spec.split_seed)
    if split == "pooled":
        train, valid, test = shares(labelled(dataset, normal), dataset.groups, (0.6, 0.2), rng)
        return train, valid, test, labelled(dataset, novel)
    if not has_both_halves(dataset):
        raise WrongRequest(f"{dataset.title} has no official test set. Set split to pooled.")
    train, valid = shares(labelled(dataset, normal, test=False), dataset.groups, (0.9,), rng)
    return train, valid, labelled(dataset, normal, test=True), labelled(dataset, novel, test=True)


# --- the kinds --------------------------------------------------------------------------------------------------------


def _split_knob(default: str) -> Any:
    return knob(
        default,
        label="Split",
        group="Scenario",
        choices=("pooled", "official"),
        help="pooled: normal images of train and test merged, then 60/20/20. official: the official training images, "
        "10 % of them held out for validation, and the whole official test set.",
    )


@dataclass(frozen=True)
class MultimodalOptions:
    novelty_share: float = knob(
        0.0,
        label="Share of novel test images",
        group="Scenario",
        low=0.0,
        high=0.9,
        help="0 keeps every novel image (the published code); 0.35 is the share that the paper's comparison states.",
    )


@scenario(
    "multimodal",
    title="All classes but one are normal",
    sentence="The detector learns every class but one; that one is novel.",
    source="RaPP, Kim et al., ICLR 2020",
    choose="one",
    options=MultimodalOptions,
)
def multimodal(spec: TaskSpec, dataset: Dataset, options: MultimodalOptions) -> Task:
    """Normals of train and test merged, 60/20/20; novel images in the test set only.

    With a novelty share rho, novel images are drawn to int(normal * rho / (1 - rho)), or, where there are fewer, the
    normal test images down to int(novel / rho - novel).
    """
    train, valid, normal, novel = _split(spec, dataset, others(dataset, spec.target), spec.target, "pooled")
    share = options.novelty_share
    if share > 0:
        rng = np.random.default_rng((spec.split_seed, 1))
        if len(novel) > share * (len(novel) + len(normal)):
            novel = drawn(novel, int(len(normal) * share / (1 - share)), rng)
        else:
            normal = drawn(normal, int(len(novel) / share - len(novel)), rng)
    return _task(spec, [dataset], Rows.of(train), Rows.of(valid), Rows.of(normal), {NOVEL: Rows.of(novel)})


@dataclass(frozen=True)
class UnimodalOptions:
    split: str = _split_knob("pooled")
    balanced: bool = knob(
        True,
        label="As many novel as normal test images",
        group="Scenario",
        help="With the pooled split, as in RaPP: novel images are drawn to the number of normal test images. "
        "The official split keeps all.",
    )


@scenario(
    "unimodal",
    title="One class is normal",
    sentence="The detector learns one class; every other class is novel.",
    source="RaPP, ICLR 2020; Deep SVDD, Ruff et al., ICML 2018",
    choose="one",
    options=UnimodalOptions,
)
def unimodal(spec: TaskSpec, dataset: Dataset, options: UnimodalOptions) -> Task:
    train, valid, normal, novel = _split(spec, dataset, spec.target, others(dataset, spec.target), options.split)
    if options.balanced and options.split == "pooled":
        novel = drawn(novel, len(normal), np.random.default_rng((spec.split_seed, 1)))
    return _task(spec, [dataset], Rows.of(train), Rows.of(valid), Rows.of(normal), {NOVEL: Rows.of(novel)})


@dataclass(frozen=True)
class SeveralOptions:
    split: str = _split_knob("official")


@scenario(
    "several-normal",
    title="Several classes are normal",
    sentence="The detector learns the classes you choose, without their labels; every other class is novel.",
    source="Multi Radius Deep One-Class Classification, Trivedi and Thirimanne, 2022",
    choose="several",
    options=SeveralOptions,
    offers=("labels",),
)
def several_normal(spec: TaskSpec, dataset: Dataset, options: SeveralOptions) -> Task:
    train, valid, normal, novel = _split(spec, dataset, spec.target, others(dataset, spec.target), options.split)
    return _task(
        spec,
        [dataset],
        Rows.of(train),
        Rows.of(valid),
        Rows.of(normal),
        {NOVEL: Rows.of(novel)},
        labels=dataset.labels[train],
    )


@dataclass(frozen=True)
class LatentOptions:
    split: str = _split_knob("official")


@scenario(
    "latent-super-category",
    title="One group of hidden classes is normal",
    sentence="Classes are merged into groups; the detector learns one group without knowing its classes, the other "
    "groups are novel.",
    source="CLAD, Park et al., ICLR 2021 workshop",
    choose="super-category",
    options=LatentOptions,
)
def latent_super_category(spec: TaskSpec, dataset: Dataset, options: LatentOptions) -> Task:
    groups = super_categories(data.entry(spec.dataset))
    normal = groups[spec.target[0]]
    novel = [name for group, names in groups.items() if group != spec.target[0] for name in names]
    train, valid, test, foreign = _split(spec, dataset, normal, novel, options.split)
    return _task(spec, [dataset], Rows.of(train), Rows.of(valid), Rows.of(test), {NOVEL: Rows.of(foreign)})


@dataclass(frozen=True)
class ContaminatedOptions:
    rate: float = knob(
        0.03,
        label="Share of impurities",
        group="Scenario",
        low=0.0,
        high=0.5,
        help="Share of images of other classes mixed into training, validation and test.",
    )


@scenario(
    "contaminated",
    title="One class is normal, and its training set is not clean",
    sentence="The detector learns one class from a set into which a few images of all other classes have slipped, "
    "unlabelled.",
    source="VAE threshold on EMNIST Letters",
    choose="one",
    options=ContaminatedOptions,
)
def contaminated(spec: TaskSpec, dataset: Dataset, options: ContaminatedOptions) -> Task:
    """Five sixths of the class's official training images train, one sixth validate, its official test images test.

    Each with impurities up to the rate, spread evenly over the other classes. With no official test set, 60/20/20.
    """
    rng = np.random.default_rng(spec.split_seed)
    official = has_both_halves(dataset)
    if official:
        train, valid = shares(labelled(dataset, spec.target, test=False), dataset.groups, (5 / 6,), rng)
        test = labelled(dataset, spec.target, test=True)
    else:
        train, valid, test = shares(labelled(dataset, spec.target), dataset.groups, (0.6, 0.2), rng)
    wanted = [round(options.rate / (1 - options.rate) * len(part)) for part in (train, valid, test)]
    pools = [interleaved(dataset, spec.target, half, rng) for half in ((False, True) if official else (None,))]
    extra, left = [], pools[0]
    for count in wanted[:2]:
        extra.append(left[:count])
        left = without_groups_of(extra[-1], left[count:], dataset)
    novel = (pools[1] if official else left)[: max(2, wanted[2])]
    mixed = [rng.permutation(np.concatenate([part, more])) for part, more in zip((train, valid), extra, strict=True)]
    return _task(
        spec,
        [dataset],
        Rows.of(mixed[0]),
        Rows.of(mixed[1]),
        Rows.of(test),
        {NOVEL: Rows.of(novel)},
        valid_novel=np.isin(mixed[1], extra[1]).astype(np.uint8),
    )


@dataclass(frozen=True)
class CrossOptions:
    anomalies: str = knob(
        "gaussian-noise,uniform-noise",
        label="Anomaly sets",
        group="Scenario",
        help="Other datasets (their test images) or gaussian-noise, uniform-noise, separated by commas.",
    )
    seen: str = knob(
        "",
        label="Seen in training",
        group="Scenario",
        help="One further dataset whose training images a method may learn from as foreign; its test images are scored "
        "as their own source.",
    )
    most: int = knob(
        2000,
        label="Images per anomaly set",
        group="Scenario",
        low=10,
        high=100_000,
        help="At most this many of each, drawn.",
    )


@scenario(
    "cross-dataset",
    title="Other datasets are the anomalies",
    sentence="The chosen classes are known; the dataset's other classes are novelty, other datasets and noise are "
    "anomalies.",
    source="Metric learning for novelty and anomaly detection, Masana et al., BMVC 2018",
    choose="several",
    options=CrossOptions,
    offers=("labels", "seen"),
)
def cross_dataset(spec: TaskSpec, dataset: Dataset, options: CrossOptions) -> Task:
    split = "official" if has_both_halves(dataset) else "pooled"
    train, valid, test, held_out = _split(spec, dataset, spec.target, others(dataset, spec.target), split)
    rng = np.random.default_rng((spec.split_seed, 1))
    pools, foreign, seen = [dataset], {}, None
    if len(held_out):
        foreign[NOVEL] = Rows.of(drawn(held_out, options.most, rng))
    known = options.seen.strip()
    if "," in known:
        raise WrongRequest(f"Only one dataset can be seen in training, not {known}. Name one.")
    for name in dict.fromkeys(word.strip() for word in f"{options.anomalies},{known}".split(",") if word.strip()):
        other = _foreign_pool(name, dataset, options.most, rng)
        learned, tested = np.flatnonzero(~other.is_test), np.flatnonzero(other.is_test)
        if name == known:
            if not len(learned) or not len(tested):  # a set of one half is divided: no image is both seen and tested
                learned, tested = shares(np.arange(len(other.images)), other.groups, (0.5,), rng)
            seen = Rows.of(learned, len(pools))
        foreign[name] = Rows.of(tested if len(tested) else learned, len(pools))
        pools.append(other)
    return _task(
        spec, pools, Rows.of(train), Rows.of(valid), Rows.of(test), foreign, labels=dataset.labels[train], seen=seen
    )


def _foreign_pool(name: str, dataset: Dataset, most: int, rng: np.random.Generator) -> Dataset:
    """A dataset or noise in the shape of the first: at most `most` training and `most` test images of it, drawn."""
    if name in ("gaussian-noise", "uniform-noise"):
        images = data.noise(name.removesuffix("-noise"), 2 * most, dataset.shape, seed=int(rng.integers(2**31)))
        return Dataset(name, name.replace("-", " "), (name,), images, np.zeros(2 * most, dtype=np.int64), most, None)
    if name == dataset.name:
        raise WrongRequest(
            f"{dataset.title} can't be its own anomaly set. Choose another dataset, gaussian-noise or uniform-noise."
        )
    other = data.load(name)
    halves = [drawn(np.flatnonzero(other.is_test == half), most, rng) for half in (False, True)]
    index = np.concatenate(halves)
    images = data.conform(other.images[index], dataset.shape)
    groups = None if other.groups is None else other.groups[index]
    return Dataset(name, other.title, other.classes, images, other.labels[index], len(halves[0]), groups, other.note)
