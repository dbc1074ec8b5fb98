"""All classes but one are normal."""

from dataclasses import dataclass

import numpy as np

from core.data import Dataset
from core.knobs import knob
from core.scenarios.protocols import assembled, divided
from core.scenarios.splits import Rows, drawn, others
from core.scenarios.table import scenario
from core.scenarios.task import NOVEL, Task, TaskSpec


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
    asks="The novel class",
    idea="nnnnnnnnn|x",
    words="all but {classes}",
    hides=True,
    normal=lambda entry, target, options: tuple(name for name in entry.classes if name not in target),
    options=MultimodalOptions,
)
def multimodal(spec: TaskSpec, dataset: Dataset, options: MultimodalOptions) -> Task:
    """Normals of train and test merged, 60/20/20; novel images in the test set only.

    With a novelty share rho, novel images are drawn to int(normal * rho / (1 - rho)), or, where there are fewer, the
    normal test images down to int(novel / rho - novel).
    """
    train, valid, normal, novel = divided(spec, dataset, others(dataset, spec.target), spec.target, "pooled")
    share = options.novelty_share
    if share > 0:
        rng = np.random.default_rng((spec.split_seed, 1))
        if len(novel) > share * (len(novel) + len(normal)):
            novel = drawn(novel, int(len(normal) * share / (1 - share)), rng)
        else:
            normal = drawn(normal, int(len(novel) / share - len(novel)), rng)
    return assembled(spec, [dataset], Rows.of(train), Rows.of(valid), Rows.of(normal), {NOVEL: Rows.of(novel)})
