"""What can be said of found clusters beforehand, without the test set: how many, how well apart, and how stable."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedRun
from core.evaluation.agreement import adjusted_rand_index, contingency
from core.runs import store
from core.runs.run import FINISHED, Run

# Agreement between seeds below which a partition is called doubtful. Of eight groups of three digits of MNIST with two
# seeds each, AUROC of the seeds lay 0.01 to 0.04 apart in the three that agree better, 0.03 to 0.21 in the five that
# don't. Nothing that is told here says whether several centres beat one (tests/benchmarks/plural_centres.py).
DOUBTFUL, APART = 0.5, 0.21


@dataclass(frozen=True)
class Told:
    """What is said of partitions, empty where there is none, and whether seeds find too different ones."""

    text: str
    doubtful: bool = False


@dataclass(frozen=True)
class Facts:
    """Of the partition of each seed: clusters, silhouette, share of the smallest; and how far the seeds agree.

    agreement: None where there is one seed.
    """

    counts: tuple[int, ...]
    silhouettes: tuple[float, ...]
    smallest: tuple[float, ...]
    agreement: float | None


def of_seeds(run: Run) -> list[Run]:
    """The run, and a finished one for each other seed that differs from it in nothing else."""
    alike = dataclasses.replace(run.spec, seed=0).hash

    def fits(other: Run) -> bool:
        of_task = other.spec.method == run.spec.method and other.spec.seed != run.spec.seed
        return of_task and other.state == FINISHED and dataclasses.replace(other.spec, seed=0).hash == alike

    return [run, *{other.spec.seed: other for other in store.those(fits)}.values()]


def facts(runs: Sequence[Run]) -> Facts | None:
    """Of the partitions that the runs of one task found in their training images; None where none found any.

    The agreement between seeds is the mean adjusted Rand index of all pairs (Hubert and Arabie, 1985).
    """
    found = [each for each in (_partition(run.folder, run.version) for run in runs) if each]
    if not found:
        return None
    pairs = [
        adjusted_rand_index(contingency(one[0], two[0]))
        for one, two in itertools.combinations(found, 2)
        if one[0].shape == two[0].shape
    ]
    counts, silhouettes, smallest = zip(*(each[1:] for each in found), strict=True)
    return Facts(counts, silhouettes, smallest, float(np.mean(pairs)) if pairs else None)


def told(runs: Sequence[Run]) -> Told:
    """The same in words."""
    found = facts(runs)
    if found is None:
        return Told("")
    text = (
        f"{_and(map(str, found.counts))} clusters were found, "
        f"silhouette {_and(f'{value:.2f}' for value in found.silhouettes)}, "
        f"the smallest with {_and(f'{value:.0%}' for value in found.smallest)}"
    )
    if found.agreement is None:
        return Told(text)
    doubtful = found.agreement < DOUBTFUL
    text += f"; seeds agree by an adjusted Rand index of {found.agreement:.2f}"
    return Told(text + (": a doubtful partition" if doubtful else ""), doubtful)


def _and(words: Iterable[str]) -> str:
    listed = list(words)
    return " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))


@functools.lru_cache(maxsize=512)
def _partition(folder: Path, version: int) -> tuple[NDArray, int, float, float] | None:
    """Cluster of each training image, how many there are, their silhouette, the share of the smallest; None without."""
    run = Run(folder)
    try:
        if not run.has("portrait"):
            return None
        stored = run.arrays("portrait")
        chosen = int(stored["level_chosen"])
        if chosen < 0:
            return None
        clusters = stored["clusters"]
        sizes = np.unique(clusters, return_counts=True)[1]
        return clusters, len(sizes), float(stored["level_silhouettes"][chosen]), float(sizes.min() / sizes.sum())
    except (DamagedRun, KeyError, IndexError):
        return None
