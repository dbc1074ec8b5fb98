"""What a network made of probe images after an epoch."""

import numpy as np

from core.figures import Kinds, replay


def test_redrawings_are_half_novel_where_there_are_enough(rng):
    pictures = rng.integers(0, 256, (24, 1, 8, 8), np.uint8)
    snapshots = {1: {"reconstruction": np.zeros_like(pictures)}, 10: {"reconstruction": pictures}}
    images, novel = snapshots[10]["reconstruction"], np.arange(24) % 4 == 0
    picture = replay.redrawings(10, snapshots, images, Kinds.of_test(novel))
    assert picture.table["novel"].tolist() == [0] * 5 + [1] * 5
    assert (picture.table["squared difference"] == 0).all()
    assert "for the normal ones and" in picture.sentence
    normal = replay.redrawings(1, snapshots, images, Kinds.of_test(np.zeros(24)))
    assert normal.table["novel"].tolist() == [0] * 10
