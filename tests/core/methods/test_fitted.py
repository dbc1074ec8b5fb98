"""What the classical methods share: a state that is copied, drawing, strips and galleries of pictures."""

from dataclasses import dataclass

import numpy as np
import torch

from core import methods
from core.methods.base import build
from core.methods.fitted import gallery, moved, record, side_by_side
from core.training import Progress, TaskTensors


def test_pictures_side_by_side(rng):
    pictures = rng.integers(0, 256, size=(4, 3, 2, 5, 6), dtype=np.uint8)
    strip = side_by_side(torch.from_numpy(pictures))
    np.testing.assert_array_equal(strip, np.concatenate([pictures[:, k] for k in range(3)], axis=3))


def test_the_gallery_begins_with_the_extreme_ones(rng):
    pictures = torch.from_numpy(rng.integers(0, 256, size=(20, 1, 2, 2), dtype=np.uint8))
    unusual = torch.from_numpy(rng.permutation(20)).double()
    shown, order = gallery(unusual, pictures), np.argsort(unusual.numpy())
    np.testing.assert_array_equal(shown["usual_images"], pictures[order[:8].copy()])
    np.testing.assert_array_equal(shown["unusual_images"], pictures[order[::-1][:8].copy()])


def test_a_state_is_copied():
    @dataclass(frozen=True)
    class Fitted:
        axes: torch.Tensor
        count: int

    axes = torch.ones(3)
    state = {"fitted": record(Fitted(axes, 2)), "note": "as it is"}
    copy = moved(state, torch.device("cpu"))
    axes += 1
    assert copy["fitted"]["axes"].tolist() == [1, 1, 1] and copy["fitted"]["count"] == 2 and copy["note"] == "as it is"


def test_an_untrained_detector_has_a_state_and_a_fit_is_one_step(rng):
    images = torch.from_numpy(rng.integers(0, 256, size=(60, 1, 8, 8), dtype=np.uint8))
    task = TaskTensors(images, images[:5])
    detector = build(
        methods.load("nearest-neighbours"), methods.card("nearest-neighbours").knobs(most=50), (1, 8, 8), 0
    )
    assert detector.state()["fitted"] == {}
    told = []

    class Told(Progress):
        def epoch(self, number, curves):
            told.append((number, curves))

    detector.fit(task, progress=Told())
    assert told == [(1, {"images": 50.0})]
    chosen = detector.fitted["places"]
    assert len(set(chosen.tolist())) == 50 and (chosen.diff() > 0).all()
    np.testing.assert_array_equal(detector.fitted["pictures"], images[chosen])
