"""Deep SVDD and multi-radius on groups of normal MNIST digits: do plural centres, radii or both make the difference?

    python -m tests.benchmarks.svdd_mnist [--groups 0,1 0,1,3 0,1,2,3] [--seeds 3] [--first-seed 0] [--pretrain 20]
        [--epochs 30] [--published]

--published: epochs, rates and warm-up as published (150 and 150 epochs) instead of the shortened protocol.

For each group and seed one autoencoder is trained, and every variant goes on from it, so rows differ in nothing else.
Official split, 10 % of the training images held out, whole test set. Prints test AUROC of `distance` and `boundary` for
each variant.
"""

import argparse
import copy
import time

import torch

from core import data, knobs, methods, scenarios
from core.evaluation import auroc
from core.methods.base import build
from core.training import Checkpoint, on_device, train

VARIANTS = {
    "one centre, one-class": ("deep-svdd", {"objective": "one-class"}),
    "one centre, soft-boundary": ("deep-svdd", {}),
    "FINCH centres, one-class": ("multi-radius-svdd", {"objective": "one-class"}),
    "FINCH centres, soft-boundary": ("multi-radius-svdd", {}),
    "hidden classes, soft-boundary": ("multi-radius-svdd", {"labels": "classes"}),
}


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--groups", nargs="+", default=["0,1", "0,1,3", "0,1,2,3"])
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--first-seed", type=int, default=0)
    words.add_argument("--pretrain", type=int, default=20)
    words.add_argument("--epochs", type=int, default=30)
    words.add_argument("--scenario", default="several-normal")
    words.add_argument("--variants", nargs="+", default=list(VARIANTS))
    words.add_argument("--published", action="store_true")
    asked = words.parse_args()
    shape = data.entry("mnist").shape
    shorter: dict[str, float] = {} if asked.published else shortened(asked.pretrain, asked.epochs)
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        for group in asked.groups:
            options = {"split": "official"}
            task = scenarios.build(scenarios.task_spec("mnist", asked.scenario, group, options))
            tensors = on_device(task, torch.device("cpu"))
            tested, pretrained = task.images("test"), None
            for name in asked.variants:
                method, changes = VARIANTS[name]
                settings = knobs.changed(knobs.preset(methods.card(method).knobs, "paper", shape), shorter | changes)
                detector = build(methods.load(method), settings, shape, seed).to(tensors.device)
                kept: list[Checkpoint] = []
                last = (1, settings.pretrain_epochs)

                def keep(stage, epoch, checkpoint, kept=kept, last=last) -> None:
                    if (stage, epoch) == last:
                        kept.append(copy.deepcopy(checkpoint()))  # the training goes on in the same tensors

                began = time.perf_counter()
                train(detector, tensors, seed=seed, after_epoch=keep, resume=pretrained)
                pretrained = pretrained or kept[0]
                scores = detector.score(tested)
                figures = ", ".join(
                    f"{each} {auroc(scores[each], task.novel):.4f}" for each in ("distance", "boundary")
                )
                seconds = time.perf_counter() - began
                print(
                    f"{group} seed {seed} {name}: {figures}, K = {len(detector.centres)}, {seconds:.0f} s", flush=True
                )


def shortened(pretrain: int, epochs: int) -> dict[str, float]:
    """The changes that make the paper preset short: fewer epochs, and a larger rate for the autoencoder."""
    return {
        "pretrain_epochs": pretrain,
        "pretrain_rate": 1e-3,
        "pretrain_rate_drop": pretrain * 3 // 4,
        "epochs": epochs,
        "rate_drop": epochs * 2 // 3,
        "warm_up": min(5, epochs),
    }


if __name__ == "__main__":
    main()
