"""Cost of NAP on MNIST: the multimodal task's 37,715 training images, ten layers, after one epoch of training.

    python -m tests.benchmarks.bench_nap

Prints seconds and added memory of the fit, and seconds of scoring 10,000 images: SAP and NAP of one window, and NAP of
every window. Bounds: fit under 20 s and 1 GB; one window under 3 s; every window under 20 s (two cores).
"""

import resource
import time

import torch

from core import knobs, methods, scenarios
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


if __name__ == "__main__":
    main()
