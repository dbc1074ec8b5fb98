"""Other datasets are the anomalies."""

from dataclasses import dataclass

import numpy as np

from core import data
from core.data import Dataset
from core.errors import WrongRequest
from core.knobs import knob
from core.scenarios.protocols import assembled, divided
from core.scenarios.splits import Rows, drawn, has_both_halves, others, shares
from core.scenarios.table import scenario
from core.scenarios.task import NOVEL, Task, TaskSpec


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


def foreign_sets(options: CrossOptions) -> tuple[str, ...]:
    """The names of the anomaly sets and of the set that is seen in training, in this order, each once."""
    words = (word.strip() for word in f"{options.anomalies},{options.seen}".split(","))
    return tuple(dict.fromkeys(word for word in words if word))


@scenario(
    "cross-dataset",
    title="Other datasets are the anomalies",
    sentence="The chosen classes are known; the dataset's other classes are novelty, other datasets and noise are "
    "anomalies.",
    source="Metric learning for novelty and anomaly detection, Masana et al., BMVC 2018",
    choose="several",
    asks="Known classes",
    idea="nnnn|xx|aaaa",
    options=CrossOptions,
    labels=True,
    foreign=True,
    others=lambda options: tuple(name for name in foreign_sets(options) if not name.endswith("-noise")),
    sees=lambda options: bool(options.seen.strip()),
)
def cross_dataset(spec: TaskSpec, dataset: Dataset, options: CrossOptions) -> Task:
    split = "official" if has_both_halves(dataset) else "pooled"
    train, valid, test, held_out = divided(spec, dataset, spec.target, others(dataset, spec.target), split)
    rng = np.random.default_rng((spec.split_seed, 1))
    pools, foreign, seen = [dataset], {}, None
    if len(held_out):
        foreign[NOVEL] = Rows.of(drawn(held_out, options.most, rng))
    known = options.seen.strip()
    if "," in known:
        raise WrongRequest(f"Only one dataset can be seen in training, not {known}. Name one.")
    for name in foreign_sets(options):
        other = _foreign_pool(name, dataset, options.most, rng)
        learned, tested = np.flatnonzero(~other.is_test), np.flatnonzero(other.is_test)
        if name == known:
            if not len(learned) or not len(tested):  # a set of one half is divided: no image is both seen and tested
                learned, tested = shares(np.arange(len(other.images)), other.groups, (0.5,), rng)
            seen = Rows.of(learned, len(pools))
        foreign[name] = Rows.of(tested if len(tested) else learned, len(pools))
        pools.append(other)
    return assembled(
        spec,
        pools,
        Rows.of(train),
        Rows.of(valid),
        Rows.of(test),
        foreign,
        labels=dataset.labels[train],
        seen=seen,
        seen_source=known,
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
