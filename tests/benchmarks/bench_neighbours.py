"""Exact nearest neighbours of 10,000 MNIST images among 60,000, against scikit-learn's brute force, in one process.

    python -m tests.benchmarks.bench_neighbours [--dataset mnist] [--rounds 3]

Prints seconds of each (preparing the bank included), their ratio, the added peak memory of ours, and how many of the
neighbours are the same. Bounds: at most half of scikit-learn's time, at most 500 MB.
"""

import argparse
import resource
import statistics
import time

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from core import data
from core.algorithms.neighbours import nearest

COUNT = 5


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--dataset", default="mnist")
    words.add_argument("--rounds", type=int, default=3)
    asked = words.parse_args()
    dataset = data.load(asked.dataset)
    pixels = dataset.images.reshape(len(dataset.images), -1)
    # Divided as they are converted: a second copy would hide the peak that is to be measured.
    bank = np.divide(pixels[~dataset.is_test], 255, dtype=np.float32)
    images = np.divide(pixels[dataset.is_test][:10_000], 255, dtype=np.float32)
    nearest(torch.from_numpy(images[:8]), torch.from_numpy(bank[:1000]))  # loads what the first call loads
    before, added, seconds = peak_megabytes(), 0.0, []
    for _ in range(asked.rounds):
        began = time.perf_counter()
        distances, places = nearest(torch.from_numpy(images), torch.from_numpy(bank), COUNT)
        ours = time.perf_counter() - began
        added = added or peak_megabytes() - before  # scikit-learn has not run yet
        began = time.perf_counter()
        other = NearestNeighbors(n_neighbors=COUNT, algorithm="brute").fit(bank)
        expected, order = other.kneighbors(images)
        seconds.append((ours, time.perf_counter() - began))
    ours, theirs = (statistics.median(each) for each in zip(*seconds, strict=True))
    print(f"{len(images):,} images among {len(bank):,} of {bank.shape[1]} pixels, {COUNT} neighbours")
    print(f"ours {ours:.1f} s, scikit-learn {theirs:.1f} s, ratio {ours / theirs:.2f}; {added:,.0f} MB added")
    same, apart = (places.numpy() == order).mean(), np.abs(distances.numpy() - expected).max()
    print(f"the same neighbours: {same:.4%}; largest difference of a distance {apart:.1g}")


if __name__ == "__main__":
    main()
