"""A dataset in memory: labelled uint8 images with class names, training images first."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import MissingData, WrongRequest


@dataclass(frozen=True)
class Summary:
    """What can be said of an image set without reading its images. shape: (channels, height, width).

    note: what its own file says about it.  value_range: as in Dataset, None where it isn't known unread.
    normal: the class that is alone in the training half, as in sets made for novelty detection, else empty.
    """

    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    train_count: int
    test_count: int
    note: str = ""
    value_range: tuple[float, float] | None = None
    normal: str = ""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images, shared by everyone who loads them, so the arrays are read-only.

    images: uint8 [N, C, H, W], the official training images first, then the test images.  labels: int64 [N], indices
    into `classes`.  groups: int64 [N] or None; images of one group (a track of one traffic sign, the drawings of one
    hand) belong on one side of every split, -1 is an image without a group.  note: what a person must know before
    trusting a number measured on it.  value_range: the original values that became 0 and 255, where its
    files held more than 8 bits; images scored later are scaled by it too.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    images: np.ndarray
    labels: np.ndarray
    train_count: int
    groups: np.ndarray | None = None
    note: str = ""
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        assert self.images.dtype == np.uint8 and self.images.ndim == 4, (self.images.dtype, self.images.shape)
        assert self.labels.dtype == np.int64 and self.labels.shape == self.images.shape[:1], self.labels.shape
        assert self.groups is None or self.groups.shape == self.labels.shape
        assert 0 <= self.train_count <= len(self.images)
        for array in (self.images, self.labels, self.groups):
            if array is not None:
                array.flags.writeable = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    @property
    def is_test(self) -> np.ndarray:
        """Bool [N]: True for the images of the official test set."""
        return np.arange(len(self.labels)) >= self.train_count

    def class_indices(self, label: int) -> np.ndarray:
        """Positions of the images of one class, int64, ascending. Raises WrongRequest where there is no such class."""
        if not 0 <= label < len(self.classes):
            raise WrongRequest(f"{self.title} has no class number {label}. Choose from 0 to {len(self.classes) - 1}.")
        return np.flatnonzero(self.labels == label)


def damaged(path: Path, reason: object) -> MissingData:
    """The error to raise where an image file can't be used as it lies there."""
    return MissingData(f"{path.name} in {path.parent} can't be used: {reason}. Replace or remove that file.")
