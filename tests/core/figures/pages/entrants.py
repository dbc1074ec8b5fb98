"""Two methods on a hundred made-up images, sixty of them normal."""

import numpy as np

from core import evaluation
from core.figures import Kinds
from core.figures.pages.compare_lines import Entrant

NOVEL = np.repeat([0, 1], [60, 40]).astype(np.uint8)
KINDS = Kinds.of_test(NOVEL)
CLASSES = np.array([*"0" * 30, *"1" * 30, *"5" * 25, *"7" * 15])


def entrant(rng: np.random.Generator, name: str, shift: float = 1.0, seconds: float | None = 10.0) -> Entrant:
    values, normal = rng.normal(size=100) + shift * NOVEL, rng.normal(size=80)
    threshold = evaluation.Quantile().threshold(None, normal)
    metrics = evaluation.metrics(values, NOVEL, threshold, draws=50)
    return Entrant(name, "NAP", values, normal, threshold, metrics, {}, seconds=seconds)
