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


def _entropy(shares: np.ndarray) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())
