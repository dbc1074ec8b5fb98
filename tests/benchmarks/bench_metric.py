"""Metric learning against a bare loop of the same network, and the pairs of an epoch, alternating in one process.

    python -m tests.benchmarks.bench_metric [--rounds 5] [--images 4096] [--side 28] [--batch 256]

Prints images/s of both and the ratio of the medians (at least 0.95), with and without seen images; then milliseconds
for an epoch's pairs of 50,000 images in batches of 512 pairs (at most 20).
"""

import argparse
from collections.abc import Callable
from functools import partial

import torch

from core import knobs, methods
from core.algorithms.contrastive import Partners, epoch_of_pairs
from core.methods.base import build
from core.training import Progress, TaskTensors
from tests.benchmarks.bench_clad import alternated

CLASSES = 10


def bare(detector, task: TaskTensors, batch: int) -> Callable[[], None]:
    """An epoch on float tensors that lie in memory: partners drawn for the whole epoch, loss in three lines."""
    network, half = detector.network, batch // 2
    adam = torch.optim.Adam(network.parameters(), 1e-3, weight_decay=1e-4, fused=True)
    images, labels = task.train.float() / 255, task.labels

    def epoch() -> None:
        network.train()
        left, right = torch.randperm(len(images)), torch.randint(len(images), (len(images),))
        for one, other in zip(left.split(half), right.split(half), strict=True):
            first, second = network(torch.cat([images[one], images[other]])).chunk(2)
            apart = ((first - second).square().sum(1) + 1e-12).sqrt()
            loss = torch.where(labels[one] == labels[other], apart**2, (10 - apart).relu() ** 2).mean() / 2
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()

    return epoch


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--images", type=int, default=4096)
    words.add_argument("--side", type=int, default=28, choices=(8, 28, 32))
    words.add_argument("--batch", type=int, default=256)
    asked = words.parse_args()
    shape = (3 if asked.side == 32 else 1, asked.side, asked.side)
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (asked.images, *shape), dtype=torch.uint8, generator=generator)
    labels = torch.randint(CLASSES, (asked.images,), generator=generator)
    task = TaskTensors(train, train[:64], labels, train.flip(0))
    for name in ("metric-learning", "metric-learning-odm"):
        settings = knobs.changed(knobs.preset(methods.card(name).knobs, "quick", shape), {"batch_size": asked.batch})
        detector, other = (build(methods.load(name), settings, shape, 0) for _ in range(2))
        classes, embedding, _ = detector.stages(task)
        classes.begin(task, Progress())
        classes.epoch(1)
        embedding.begin(task, Progress())
        ours, theirs = alternated(asked.rounds, partial(embedding.epoch, 1), bare(other, task, asked.batch))
        rates = f"{2 * asked.images / ours:,.0f} images/s, bare {2 * asked.images / theirs:,.0f}"
        print(f"{name}, {asked.side} x {asked.side}: {rates}, ratio {theirs / ours:.2f}", flush=True)
    partners = Partners.of(torch.randint(CLASSES, (50_000,)))
    (seconds,) = alternated(20, lambda: epoch_of_pairs(partners, 512, foreign=73_257))
    print(f"the pairs of 50,000 images: {1e3 * seconds:.1f} ms")


if __name__ == "__main__":
    main()
