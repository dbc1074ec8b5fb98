"""Cost of NAP on MNIST: the multimodal task's 37,715 training images, ten layers, after one epoch of training.

    python -m tests.benchmarks.bench_nap

Prints seconds and added memory of the fit, and seconds of scoring 10,000 images: SAP and NAP of one window, and NAP of
every window, of this pathway and of the same with four units that hardly vary, by turns. Bounds: fit under 20 s and
1 GB; one window under 3 s; every window under 20 s (two cores), and at most twice that with the faint units.
"""

import resource
import time

import numpy as np
import torch

from core import knobs, methods, scenarios
from core.algorithms.nap import AllWindows, Pathway, Statistics
from core.methods.base import build
from core.training import Progress, on_device


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    task = scenarios.build(scenarios.task_spec("mnist", "multimodal", "3"))
    tensors, tested = on_device(task, torch.device("cpu")), task.images("test")[:10_000]
    settings = knobs.preset(methods.card("rapp-ae").knobs, "paper", task.shape)
    detector = build(methods.load("rapp-ae"), settings, task.shape, 0).to(tensors.device)
    training = detector.stages(tensors)[0]
    training.begin(tensors, Progress())
    training.epoch(1)
    before, began = peak_megabytes(), time.perf_counter()
    detector.fit_statistics(tensors.train)
    print(
        f"fit: {time.perf_counter() - began:.1f} s, {peak_megabytes() - before:.0f} MB above model and images",
        flush=True,
    )
    began = time.perf_counter()
    detector.score(tested)
    print(f"SAP and NAP of one window, 10,000 images: {time.perf_counter() - began:.1f} s", flush=True)
    began = time.perf_counter()
    every = detector.all_windows()
    print(
        f"factors of every window: {time.perf_counter() - began:.1f} s, {len(every.singles)} of their own", flush=True
    )
    detector.explain(tested)
    print(f"NAP of every window, 10,000 images, factors included: {time.perf_counter() - began:.1f} s", flush=True)
    with torch.inference_mode():
        rows = torch.cat([detector.differences(torch.from_numpy(part))[0] for part in np.array_split(tested, 10)])
    sound, faint = times(detector.statistics, detector.pathway, rows)
    print(f"the same from differences: {sound:.1f} s; with four faint units {faint:.1f} s, ratio {faint / sound:.2f}")


@torch.inference_mode()
def times(statistics: Statistics, pathway: Pathway, rows: torch.Tensor) -> list[float]:
    """Seconds of every window's NAP of differences [N, D], factors included: as they are, and with faint units."""
    scale = torch.ones(len(statistics.mean), dtype=torch.float64)
    scale[torch.linspace(3, len(scale) - 100, 4).long()] = 1e-6
    spent = [0.0, 0.0]
    for _ in range(2):
        for side, by in enumerate((torch.ones_like(scale), scale)):
            changed = Statistics(statistics.count, statistics.mean * by, statistics.scatter * by * by[:, None])
            began = time.perf_counter()
            every = AllWindows(changed, pathway)
            for part in (rows * by.float()).split(1024):
                every.nap(part)
            spent[side] += (time.perf_counter() - began) / 2
    return spent


if __name__ == "__main__":
    main()
