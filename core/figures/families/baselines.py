"""Pictures of the baselines: why one image is novel or isn't to a method without a deep network.

Each method explains an image by arrays of its own names, so these tell which method it was. The pictures of a method's
own subject are beside this file: baselines_kernels.py (one-class SVM, SVDD), baselines_neighbours.py (nearest
neighbours, local outlier factor), baselines_forest.py, baselines_components.py (PCA error), baselines_gaussian.py,
baselines_networks.py (OC-NN, OC-CNN); baselines_runs.py has those of several runs.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.figures import Picture
from core.figures.families import (
    baselines_components,
    baselines_forest,
    baselines_gaussian,
    baselines_kernels,
    baselines_neighbours,
    baselines_networks,
)

Why = Callable[[Mapping[str, NDArray], NDArray[np.uint8]], list[Picture]]

# An array that only one method's explanation has; the first that is there decides.
BY_ARRAY: dict[str, Why] = {
    "squared_radius": baselines_kernels.why_inside_the_ball,
    "similarities": baselines_kernels.why_alike,
    "densities": baselines_neighbours.why_sparse,
    "neighbours": baselines_neighbours.why_far,
    "path_lengths": baselines_forest.why,
    "redrawn": baselines_components.why,
    "shares": baselines_gaussian.why,
    "bias": baselines_networks.why_answered,
    "rest": baselines_networks.why_noise,
}


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """What a method sees in one image, uint8 [C, H, W].

    explanation: the image's row of `explain` of any method of the family.  With normal_<name>, [V, ...] of held-out
    normal images, the pictures say how usual that is.
    """
    return next(reasons for name, reasons in BY_ARRAY.items() if name in explanation)(explanation, image)
