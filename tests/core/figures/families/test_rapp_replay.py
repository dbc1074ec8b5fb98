import numpy as np
import pytest

from core.figures import Kinds
from core.figures.families import rapp_replay


@pytest.fixture
def layers(rng) -> np.ndarray:
    """100 images, the last 40 novel: three times as far from their reconstructions at layer 1, as far elsewhere."""
    values = rng.uniform(1, 2, (100, 3)).astype(np.float32)
    values[60:, 1] *= 3
    return values


@pytest.fixture
def kinds() -> Kinds:
    return Kinds.of_test(np.arange(100) >= 60)


@pytest.fixture
def snapshots(layers, rng) -> dict[int, dict[str, np.ndarray]]:
    pictures = rng.integers(0, 256, (24, 1, 8, 8), np.uint8)
    early = {"layers": np.ones((100, 3), np.float32), "reconstruction": np.zeros_like(pictures)}
    return {1: early, 10: {"layers": layers, "reconstruction": pictures}}


def test_learning_follows_the_auroc_through_the_epochs(snapshots, kinds):
    picture = rapp_replay.learning(snapshots, kinds, (1, 1), shown=10)
    assert picture.table["epoch"] == [1, 10]
    assert picture.table["SAP, layers 1 to 1"] == [0.5, 1.0]
    assert "begins at 0.500 and ends at 1.000." in picture.sentence
    backwards = dict(zip([1, 10], reversed(snapshots.values()), strict=True))
    assert "it was highest, 1.000, after epoch 1" in rapp_replay.learning(backwards, kinds, (1, 1), 1).sentence


def test_all_epochs_of_a_replay_share_one_axis(snapshots, kinds):
    one, ten = (rapp_replay.layers_after(epoch, snapshots, kinds, None).figure for epoch in (1, 10))
    assert one.layout.yaxis.range == ten.layout.yaxis.range
    assert one.layout.title.text.endswith("after epoch 1")
