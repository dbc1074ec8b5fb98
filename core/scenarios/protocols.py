"""The two ways in which papers divide a dataset, and a task put together from the parts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.data import Dataset
from core.errors import WrongRequest
from core.knobs import knob
from core.scenarios.splits import Rows, has_both_halves, labelled, shares
from core.scenarios.task import NORMAL, Task, TaskSpec


def split_knob(default: str) -> Any:
    """The option that chooses between the two."""
    return knob(
        default,
        label="Split",
        group="Scenario",
        choices=("pooled", "official"),
        help="pooled: normal images of train and test merged, then 60/20/20. official: the official training images, "
        "10 % of them held out for validation, and the whole official test set.",
    )


def divided(
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


def assembled(
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
