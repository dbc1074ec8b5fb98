"""One group of hidden classes is normal."""

from dataclasses import dataclass

from core import data
from core.data import Dataset
from core.knobs import knob
from core.scenarios.groups import super_categories
from core.scenarios.protocols import assembled, divided, split_knob
from core.scenarios.splits import Rows
from core.scenarios.table import scenario
from core.scenarios.task import NOVEL, Task, TaskSpec


@dataclass(frozen=True)
class LatentOptions:
    split: str = split_knob("official")
    groups: str = knob(
        "",
        label="Own groups",
        group="Groups",
        help="Classes in groups of your own, by name or number: 'curly: 0, 3, 8; straight: 1, 4, 7'. Classes in no "
        "group take no part. Empty: the dataset's own groups.",
    )


@scenario(
    "latent-super-category",
    title="One group of hidden classes is normal",
    sentence="Classes are merged into groups; the detector learns one group without knowing its classes, the other "
    "groups are novel.",
    source="CLAD, Park et al., ICLR 2021 workshop",
    choose="super-category",
    asks="The normal group",
    idea="nnnn|xxxx|xxxx",
    normal=lambda entry, target, options: super_categories(entry, options.groups)[target[0]],
    options=LatentOptions,
)
def latent_super_category(spec: TaskSpec, dataset: Dataset, options: LatentOptions) -> Task:
    """The group that was chosen is normal, the other groups are novel; classes in no group take no part."""
    groups = super_categories(data.entry(spec.dataset), options.groups)
    normal = groups[spec.target[0]]
    novel = [name for group, names in groups.items() if group != spec.target[0] for name in names]
    train, valid, test, foreign = divided(spec, dataset, normal, novel, options.split)
    return assembled(spec, [dataset], Rows.of(train), Rows.of(valid), Rows.of(test), {NOVEL: Rows.of(foreign)})
