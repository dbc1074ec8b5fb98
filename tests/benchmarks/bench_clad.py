"""CLAD's clustering against a bare loop of the same step, and ODIN against a plain pass, alternating in one process.

    python -m tests.benchmarks.bench_clad [--rounds 5] [--images 8192] [--scored 2048] [--width 64]

Prints images/s of both and the ratio of the medians (clustering: at least 0.9; ODIN's time: at most 3.5 plain passes).
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from core import knobs, methods
from core.algorithms import odin
from core.methods.base import build
from core.training import Progress, TaskTensors


def bare_clustering(detector, train: torch.Tensor) -> Callable[[], None]:
    """One update: every batch a step of SGD on the divergence, then target and labels anew from all images."""
    encoder, centres = detector.networks["encoder"], torch.nn.Parameter(detector.centres.detach().clone())
    descent = torch.optim.SGD([*encoder.parameters(), centres], 0.01, momentum=0.9)
    images = detector.pixels(train)

    def assignment(codes: torch.Tensor) -> torch.Tensor:
        inverse = 1 / (1 + torch.cdist(codes, centres).square())
        return inverse / inverse.sum(1, keepdim=True)

    def target() -> torch.Tensor:
        with torch.no_grad():
            soft = assignment(torch.cat([encoder(part) for part in images.split(512)]))
        sharp = soft.square() / soft.sum(0)
        return sharp / sharp.sum(1, keepdim=True)

    kept = [target()]

    def update() -> None:
        encoder.eval()
        for batch in torch.randperm(len(images)).split(256):
            soft, wanted = assignment(encoder(images[batch])), kept[0][batch]
            loss = (wanted * (wanted / soft).log()).sum(1).mean()
            descent.zero_grad(set_to_none=True)
            loss.backward()
            descent.step()
        kept[0] = target()

    return update


def alternated(rounds: int, *sides: Callable[[], object]) -> list[float]:
    """Median seconds of each side, by turns, after one round that doesn't count."""
    taken: list[list[float]] = [[] for _ in sides]
    for number in range(rounds + 1):
        for side, seconds in zip(sides, taken, strict=True):
            began = time.perf_counter()
            side()
            if number:
                seconds.append(time.perf_counter() - began)
    return [statistics.median(each) for each in taken]


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--images", type=int, default=8192)
    words.add_argument("--scored", type=int, default=2048)
    words.add_argument("--width", type=int, default=64)
    asked = words.parse_args()
    shape = (1, 28, 28)
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (asked.images, *shape), dtype=torch.uint8, generator=generator)
    settings = knobs.changed(knobs.preset(methods.card("clad").knobs, "quick", shape), {"width": asked.width})
    detector = build(methods.load("clad"), settings, shape, 0)
    task = TaskTensors(train, train[:64])
    _, _, centres, cluster, _, _ = detector.stages(task)
    centres.begin(task, Progress())
    centres.epoch(1)
    bare = bare_clustering(build(methods.load("clad"), settings, shape, 0), train)
    cluster.begin(task, Progress())
    ours, theirs = alternated(asked.rounds, lambda: cluster.epoch(1 if not hasattr(cluster, "target") else 2), bare)
    rates = f"{asked.images / ours:,.0f} images/s, bare {asked.images / theirs:,.0f}"
    print(f"clustering: {rates}, ratio {theirs / ours:.2f}", flush=True)

    prepared = detector.standardised(train[: asked.scored])

    def scored() -> None:
        for part in prepared.split(detector.chunk):
            direction, still = odin.ascent(detector.asked, part, 1000.0)
            odin.after_steps(detector.asked, part, direction, still, (0.005,), detector.deviation)

    def plain() -> None:
        with torch.inference_mode():
            for part in prepared.split(detector.chunk):
                detector.asked(part)

    detector.networks.eval()
    ours, theirs = alternated(asked.rounds, scored, plain)
    print(f"ODIN of {asked.scored:,} images: {ours:.2f} s, a plain pass {theirs:.2f} s, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
