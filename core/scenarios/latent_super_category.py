"""One group of hidden classes is normal."""

from dataclasses import dataclass

from core import data
from core.data import Dataset
from core.scenarios.protocols import assembled, divided, split_knob
from core.scenarios.splits import Rows
from core.scenarios.table import scenario, super_categories
from core.scenarios.task import NOVEL, Task, TaskSpec


@dataclass(frozen=True)
class LatentOptions:
    split: str = split_knob("official")


@scenario(
    "latent-super-category",
    title="One group of hidden classes is normal",
    sentence="Classes are merged into groups; the detector learns one group without knowing its classes, the other "
    "groups are novel.",
    source="CLAD, Park et al., ICLR 2021 workshop",
    choose="super-category",
    asks="The normal group",
    idea="nnnn|xxxx|xxxx",
    normal=lambda entry, target: super_categories(entry)[target[0]],
    options=LatentOptions,
)
def latent_super_category(spec: TaskSpec, dataset: Dataset, options: LatentOptions) -> Task:
    groups = super_categories(data.entry(spec.dataset))
    normal = groups[spec.target[0]]
    novel = [name for group, names in groups.items() if group != spec.target[0] for name in names]
    train, valid, test, foreign = divided(spec, dataset, normal, novel, options.split)
    return assembled(spec, [dataset], Rows.of(train), Rows.of(valid), Rows.of(test), {NOVEL: Rows.of(foreign)})
