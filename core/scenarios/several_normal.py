"""Several classes are normal."""

from dataclasses import dataclass

from core.data import Dataset
from core.scenarios.protocols import assembled, divided, split_knob
from core.scenarios.splits import Rows, others
from core.scenarios.table import scenario
from core.scenarios.task import NOVEL, Task, TaskSpec


@dataclass(frozen=True)
class SeveralOptions:
    split: str = split_knob("official")


@scenario(
    "several-normal",
    title="Several classes are normal",
    sentence="The detector learns the classes you choose, without their labels; every other class is novel.",
    source="Multi Radius Deep One-Class Classification, Trivedi and Thirimanne, 2022",
    choose="several",
    asks="Normal classes",
    idea="nnn|xxxxxxx",
    options=SeveralOptions,
    labels=True,
)
def several_normal(spec: TaskSpec, dataset: Dataset, options: SeveralOptions) -> Task:
    train, valid, normal, novel = divided(spec, dataset, spec.target, others(dataset, spec.target), options.split)
    return assembled(
        spec,
        [dataset],
        Rows.of(train),
        Rows.of(valid),
        Rows.of(normal),
        {NOVEL: Rows.of(novel)},
        labels=dataset.labels[train],
    )
