"""One class is normal, and its training set is not clean."""

from dataclasses import dataclass

import numpy as np

from core.data import Dataset
from core.knobs import knob
from core.scenarios.protocols import assembled
from core.scenarios.splits import Rows, has_both_halves, interleaved, labelled, shares, without_groups_of
from core.scenarios.table import scenario
from core.scenarios.task import NOVEL, Task, TaskSpec


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
    asks="The normal class",
    idea="nnnnxnnn|xxxx",
    words="{classes}, impure",
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
    return assembled(
        spec,
        [dataset],
        Rows.of(mixed[0]),
        Rows.of(mixed[1]),
        Rows.of(test),
        {NOVEL: Rows.of(novel)},
        valid_novel=np.isin(mixed[1], extra[1]).astype(np.uint8),
    )
