"""The bootstrap: percentile intervals from resamples in which normal and novel images are drawn separately.

A resample is never a list of scores. It is a histogram with one level per distinct score, so the scores are sorted once
for all draws, and every metric comes from the same cumulative counts.
Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.errors import WrongRequest

COVERAGE = 0.95
CELLS = 2**17  # counts in one block of draws: one megabyte an array, which stays in the processor's cache

Estimate = dict[str, float | None]  # value, low, high


def estimate(value: float, draws: np.ndarray, least: tuple[float, float] | None = None) -> Estimate:
    """{value, low, high} as plain floats: the value and the middle 95 % of its bootstrap draws [D].

    None stands for what is undefined; draws in which the number is undefined are left out of the interval.
    least: bounds that the interval must hold, where the draws are too sure of themselves.
    """
    if np.isnan(value):
        return {"value": None, "low": None, "high": None}
    defined = draws[~np.isnan(draws)]
    if len(defined) == 0:
        return {"value": float(value), "low": None, "high": None}
    low, high = np.quantile(defined, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    if least is not None:
        low, high = min(low, least[0]), max(high, least[1])
    return {"value": float(value), "low": float(low), "high": float(high)}


@dataclass(frozen=True)
class Histograms:
    """D resamples as counts of images on each of the L distinct scores, ascending; every row has the same totals."""

    normal: np.ndarray  # [D, L]
    novel: np.ndarray  # [D, L]

    @cached_property
    def normal_at_most(self) -> np.ndarray:
        """Normal images with this score or a lower one, [D, L]."""
        return self.normal.cumsum(axis=1)

    @cached_property
    def novel_at_most(self) -> np.ndarray:
        """Novel images with this score or a lower one, [D, L]."""
        return self.novel.cumsum(axis=1)

    @property
    def normals(self) -> int:
        return int(self.normal_at_most[0, -1])

    @property
    def novels(self) -> int:
        return int(self.novel_at_most[0, -1])


def levels(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct scores [L], ascending, and the level of each image: the position of its score among them [N]."""
    return np.unique(scores, return_inverse=True)


def observed(level: np.ndarray, novel: np.ndarray) -> Histograms:
    """The images as they are, without resampling: Histograms of one row."""
    length = level.max() + 1
    return Histograms(*(np.bincount(level[of], minlength=length)[None] for of in (~novel, novel)))


def resampled(level: np.ndarray, novel: np.ndarray, draws: int, seed: int) -> Iterator[Histograms]:
    """`draws` resamples with replacement, normal and novel images separately, in blocks of bounded memory.

    They depend on the seed and the labels alone, so two scores of the same images meet the same resamples.
    Raises WrongRequest where `draws` is below 1.
    """
    if draws < 1:
        raise WrongRequest(f"A bootstrap interval needs at least one draw, not {draws}.")
    length = level.max() + 1
    rows = max(1, CELLS // length)
    # One generator a class, read row after row: the draws don't depend on the size of the blocks.
    of_normal, of_novel = np.random.default_rng(seed).spawn(2)
    for start in range(0, draws, rows):
        block = min(rows, draws - start)
        yield Histograms(
            normal=_drawn(level[~novel], block, length, of_normal), novel=_drawn(level[novel], block, length, of_novel)
        )


def _drawn(level: np.ndarray, rows: int, length: int, generator: np.random.Generator) -> np.ndarray:
    """Counts per level [rows, length] in `rows` resamples of the images with these levels [N]; zeros where N is 0."""
    if len(level) == 0:
        return np.zeros((rows, length), np.intp)
    image = generator.integers(len(level), size=(rows, len(level)))
    cell = level.take(image) + length * np.arange(rows)[:, None]
    return np.bincount(cell.ravel(), minlength=rows * length).reshape(rows, length)
