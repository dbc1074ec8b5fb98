"""Noise images: the anomalies that every detector should call novel."""

import numpy as np

from core.errors import WrongRequest

KINDS = ("gaussian", "uniform")
CHUNK = 4096  # images drawn at a time, so that 50,000 images don't need a float copy of all


def noise(kind: str, count: int, shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Seeded noise, uint8 [count, C, H, W]; the first images of a longer draw are those of a shorter one.

    "gaussian": N(0.5, 1) per value, clipped to [0, 1], so about 31 % of the values are exactly 0 and 31 % exactly 255
    (Masana et al., BMVC 2018).  "uniform": every value equally likely.  Raises WrongRequest for another kind or count.
    """
    if kind not in KINDS or count < 1:
        raise WrongRequest(
            f"There is no noise {kind!r} with {count} images. Choose {' or '.join(KINDS)}, at least one."
        )
    generator = np.random.default_rng(seed)
    images = np.empty((count, *shape), np.uint8)
    for start in range(0, count, CHUNK):
        block = images[start : start + CHUNK]
        if kind == "uniform":
            block[:] = generator.integers(0, 256, block.shape, np.uint8)
        else:
            values = generator.standard_normal(block.shape, np.float32) + 0.5
            block[:] = np.rint(np.clip(values, 0, 1) * 255)
    return images
