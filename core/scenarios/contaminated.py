"""One class is normal, and its training set is not clean."""

from dataclasses import dataclass

import numpy as np

from core.data import Dataset
from core.knobs import knob
from core.scenarios.protocols import assembled
from core.scenarios.splits import Rows, drawn, has_both_halves, interleaved, labelled, shares, without_groups_of
from core.scenarios.table import scenario
from core.scenarios.task import NOVEL, Task, TaskSpec

IMPURE = (
    0.03031  # one image in 33, as published, and so little above that counts of whole images come out: 125 of 4,125
)


@dataclass(frozen=True)
class ContaminatedOptions:
    rate: float = knob(
        IMPURE,
        label="Share of impurities",
        group="Scenario",
        low=0.0,
        high=0.5,
        help="Share of images of other classes mixed into training, validation and test.",
    )
    images: int = knob(
        0,
        label="Normal images for training and validation",
        group="Scenario",
        low=0,
        high=1_000_000,
        help="4,800 are those of the published task on EMNIST Letters: 4,000 train, 800 validate, and at most as many "
        "as validate are tested. 0 takes all.",
    )
    all_others: bool = knob(
        False,
        label="Test all images of the other classes",
        group="Scenario",
        help="As novel images, instead of a share as small as in training: a few images make noisy figures.",
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

    Each with impurities up to the rate, spread evenly over the other classes. With no official test set, 60/20/20; so
    many images as `images` asks for are cut into 5/7, 1/7 and 1/7.
    """
    rng = np.random.default_rng(spec.split_seed)
    official = has_both_halves(dataset)
    train, valid, test = _normal(spec, dataset, options.images, official, rng)
    wanted = [round(options.rate / (1 - options.rate) * len(part)) for part in (train, valid, test)]
    pools = [interleaved(dataset, spec.target, half, rng) for half in ((False, True) if official else (None,))]
    extra, left = [], pools[0]
    for count in wanted[:2]:
        extra.append(left[:count])
        left = without_groups_of(extra[-1], left[count:], dataset)
    novel = pools[1] if official else left
    if not options.all_others:
        novel = novel[: max(2, wanted[2])]
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


def _normal(
    spec: TaskSpec, dataset: Dataset, images: int, official: bool, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """The normal images that train, validate and test.  images: that train and validate, 0 for all."""
    if official:
        fitted = labelled(dataset, spec.target, test=False)
        train, valid = shares(drawn(fitted, images or len(fitted), rng), dataset.groups, (5 / 6,), rng)
        test = labelled(dataset, spec.target, test=True)
        return train, valid, drawn(test, len(valid), rng) if images else test
    every = labelled(dataset, spec.target)
    if images:
        return tuple(shares(drawn(every, images + images // 6, rng), dataset.groups, (5 / 7, 1 / 7), rng))
    return tuple(shares(every, dataset.groups, (0.6, 0.2), rng))
