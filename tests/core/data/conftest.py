"""Fixtures of the data tests: an empty data root, and small image sets to put there."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data root that is the only one; whatever a test makes of NOVELTY_DATA ends with the test."""
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.setenv("NOVELTY_DATA", str(folder))
    return folder


@pytest.fixture
def arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The arrays of a small colour set in the plain layout: 5 training and 3 test images of two classes."""
    return {
        "train_images": rng.integers(0, 256, (5, 4, 6, 3), np.uint8),
        "train_labels": np.array([0, 1, 1, 0, 1]),
        "test_images": rng.integers(0, 256, (3, 4, 6, 3), np.uint8),
        "test_labels": np.array([1, 0, 1]),
        "class_names": np.array(["cat", "dog"]),
    }
