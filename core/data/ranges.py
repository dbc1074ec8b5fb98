"""One range of pixel values for a whole image set, so that what tells its images apart survives the way to 8 bits."""

from collections.abc import Iterable

import numpy as np

Range = tuple[float, float]  # the values that become 0 and 255


def range_of(arrays: Iterable[np.ndarray]) -> Range:
    """Lowest and highest value of all arrays together. Raises ValueError where a value isn't a finite number."""
    low, high = np.inf, -np.inf
    for array in arrays:
        if array.size:
            low, high = min(low, float(array.min())), max(high, float(array.max()))
    if not np.isfinite([low, high]).all():
        raise ValueError("it holds values that are not numbers")
    return low, high


def scaled(values: np.ndarray, span: Range) -> tuple[np.ndarray, float]:
    """Values as uint8 of the same shape, `span` mapped to 0..255, and the share that lay outside and was clipped."""
    low, high = span
    outside = float(np.mean((values < low) | (values > high))) if values.size else 0.0
    position = (values.astype(np.float64) - low) / max(high - low, 1e-12) * 255
    return np.rint(position.clip(0, 255)).astype(np.uint8), outside


def said(span: Range) -> str:
    """`Values 0 to 4,095 became 0 to 255.`"""
    return f"Values {span[0]:,.6g} to {span[1]:,.6g} became 0 to 255, by one range for the whole set."
