"""How well clusters agree with classes that no method saw: for diagnosis alone."""

import numpy as np
from numpy.typing import ArrayLike

from core.errors import WrongRequest


def contingency(clusters: ArrayLike, classes: ArrayLike) -> np.ndarray:
    """Images of each cluster and class, int64 [K, C], both in sorted order.

    clusters, classes: [N], N at least 1, numbers or names.  Raises WrongRequest where they don't name the same images.
    """
    clusters, classes = np.asarray(clusters), np.asarray(classes)
    if clusters.ndim != 1 or clusters.shape != classes.shape or not len(clusters):
        raise WrongRequest(
            f"Clusters {clusters.shape} and classes {classes.shape} must name the same images. Pass [N] twice."
        )
    kinds, row = np.unique(clusters, return_inverse=True)
    names, column = np.unique(classes, return_inverse=True)
    return np.bincount(row * len(names) + column, minlength=len(kinds) * len(names)).reshape(len(kinds), len(names))


def purity(table: np.ndarray) -> float:
    """Share of images that are of their cluster's largest class, in (0, 1].  table: [K, C].  Rises with K by itself."""
    return float(table.max(1).sum() / table.sum())


def normalised_mutual_information(table: np.ndarray) -> float:
    """Mutual information over the mean of both entropies, in [0, 1]; 1 where neither partition splits anything.

    table: [K, C].  Source: N. X. Vinh, J. Epps, J. Bailey, JMLR 11, 2010 (NMI with the arithmetic mean).
    """
    joint = table / table.sum()
    rows, columns = joint.sum(1), joint.sum(0)
    mean = (_entropy(rows) + _entropy(columns)) / 2
    shared = _entropy(rows) + _entropy(columns) - _entropy(joint.ravel())
    return float(np.clip(shared / mean, 0, 1)) if mean > 0 else 1.0


def adjusted_rand_index(table: np.ndarray) -> float:
    """Share of pairs of images on which both partitions agree, corrected for chance: 1 if equal, about 0 if random.

    table: [K, C].  Below 0 where they agree less than by chance.  Source: L. Hubert, P. Arabie, J. Classification 2,
    1985.
    """
    together, rows, columns, all_pairs = (_pairs(each) for each in (table, table.sum(1), table.sum(0), table.sum()))
    most = (rows + columns) / 2
    chance = rows * columns / max(all_pairs, 1)
    return float((together - chance) / (most - chance)) if most > chance else 1.0


def _pairs(counts: np.ndarray) -> float:
    counts = np.asarray(counts, np.float64)
    return float((counts * (counts - 1) / 2).sum())


def matched_accuracy(table: np.ndarray) -> float:
    """Share of images whose class is the one that its cluster is matched with, one to one, in [0, 1].

    table: [K, C].  Images of clusters that are left over count as wrong, so it doesn't rise with K by itself.
    """
    return float(table[matching(table)].sum() / table.sum())


def matching(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clusters and classes paired one to one so that the pairs hold the most images: two arrays [min(K, C)] of places.

    table: [K, C].  Exact, by shortest augmenting paths (H. W. Kuhn, 1955; R. Jonker, A. Volgenant, 1987).
    """
    if len(table) > len(table[0]):
        classes, clusters = matching(table.T)
        return clusters, classes
    cost = -table.astype(np.float64)
    rows, columns = cost.shape
    above, beside = np.zeros(rows), np.zeros(columns + 1)  # dual prices
    owner = np.full(columns + 1, -1)  # the row of each column; a path begins at the additional one
    for row in range(rows):
        owner[columns] = row
        column, reached = columns, np.zeros(columns + 1, bool)
        shortest, came_from = np.full(columns, np.inf), np.full(columns, columns)
        while owner[column] >= 0:
            reached[column] = True
            fresh = ~reached[:columns]
            at = owner[column]
            reduced = cost[at] - above[at] - beside[:columns]
            better = fresh & (reduced < shortest)
            shortest[better], came_from[better] = reduced[better], column
            nearest = int(np.where(fresh, shortest, np.inf).argmin())
            step = shortest[nearest]
            above[owner[reached]] += step
            beside[reached] -= step
            shortest[fresh] -= step
            column = nearest
        while column != columns:
            before = came_from[column]
            owner[column], column = owner[before], before
    taken = np.flatnonzero(owner[:columns] >= 0)
    order = np.argsort(owner[taken])
    return owner[taken][order], taken[order]


def _entropy(shares: np.ndarray) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())
