"""One class is normal."""

from dataclasses import dataclass

import numpy as np

from core.data import Dataset
from core.knobs import knob
from core.scenarios.protocols import assembled, divided, split_knob
from core.scenarios.splits import Rows, drawn, others
from core.scenarios.table import scenario
from core.scenarios.task import NOVEL, Task, TaskSpec

NO_NOVEL = (
    "All images are normal, so the threshold is set from them and no novel one tests it: how well the detector ranks "
    "novel images (AUROC) can't be said."
)


@dataclass(frozen=True)
class UnimodalOptions:
    split: str = split_knob("pooled")
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
    asks="The normal class",
    idea="n|xxxxxxxxx",
    options=UnimodalOptions,
)
def unimodal(spec: TaskSpec, dataset: Dataset, options: UnimodalOptions) -> Task:
    train, valid, normal, novel = divided(spec, dataset, spec.target, others(dataset, spec.target), options.split)
    if options.balanced and options.split == "pooled":
        novel = drawn(novel, len(normal), np.random.default_rng((spec.split_seed, 1)))
    note = "" if len(dataset.classes) > 1 else NO_NOVEL
    return assembled(
        spec, [dataset], Rows.of(train), Rows.of(valid), Rows.of(normal), {NOVEL: Rows.of(novel)}, note=note
    )
