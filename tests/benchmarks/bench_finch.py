"""Seconds and peak memory of FINCH on random points: `python -m tests.benchmarks.bench_finch [points] [dimensions]`.

The bound is 60 s for 60,000 x 32 on two CPU threads, with memory far below the 14.4 GB of an n x n float32 matrix.
"""

import resource
import sys
import time

import torch

from core.algorithms.finch import finch


def peak_mib() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main(points: int = 60_000, dimensions: int = 32) -> None:
    torch.set_num_threads(2)
    data = torch.randn(points, dimensions, generator=torch.Generator().manual_seed(0))
    before, start = peak_mib(), time.perf_counter()
    hierarchy = finch(data)
    seconds = time.perf_counter() - start
    print(
        f"{points:,} x {dimensions}: {seconds:.1f} s, peak {peak_mib():,.0f} MiB ({before:,.0f} MiB before the search)"
    )
    print(f"clusters per level: {', '.join(f'{count:,}' for count in hierarchy.counts)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
