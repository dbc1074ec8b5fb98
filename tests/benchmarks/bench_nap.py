"""Cost of NAP at MNIST's size: 37,905 training images, ten layers, D = 3,634 without the input.

    python tests/benchmarks/bench_nap.py

Prints seconds and added memory of the fit, and seconds of scoring 10,000 images: SAP and NAP of one window, and NAP of
every window. Bounds: fit under 20 s and 1 GB; one window under 3 s; every window under 20 s (two cores).
"""

import resource
import time

import torch

from core import knobs, methods
from core.methods.base import build


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    shape = (1, 28, 28)
    card = methods.card("rapp-ae")
    detector = build(methods.load("rapp-ae"), knobs.preset(card.knobs, "paper", shape), shape, 0)
    images = torch.randint(0, 256, (37_905, *shape), dtype=torch.uint8)
    before, began = peak_megabytes(), time.perf_counter()
    detector.fit_statistics(images)
    print(
        f"fit: {time.perf_counter() - began:.1f} s, {peak_megabytes() - before:.0f} MB above the model and images",
        flush=True,
    )
    tested = images[:10_000]
    began = time.perf_counter()
    detector.score(tested)
    print(f"SAP and NAP of one window, 10,000 images: {time.perf_counter() - began:.1f} s", flush=True)
    began = time.perf_counter()
    detector.explain(tested)
    print(f"NAP of every window, 10,000 images, factors included: {time.perf_counter() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
