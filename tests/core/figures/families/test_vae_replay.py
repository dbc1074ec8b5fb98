"""Replay: losses, scores and the latent, epoch by epoch."""

import numpy as np
import pytest

from core.figures import Kinds
from core.figures.families import vae_replay


@pytest.fixture
def kinds() -> Kinds:
    return Kinds.of_test(np.arange(30) >= 24)


@pytest.fixture
def snapshots(rng, kinds) -> dict[int, dict[str, np.ndarray]]:
    """After epoch 1 the squared error is blind, after 10 it is perfect; the ELBO is blind throughout."""
    blind = np.ones(30)
    latent = rng.normal(size=(2, 30, 3)).astype(np.float16)
    return {
        1: {"error": blind, "elbo": blind, "embedding": latent[0]},
        10: {"error": kinds.novel.astype(float), "elbo": blind, "embedding": 5 * latent[1]},
    }


def test_losses_name_the_epoch_whose_weights_are_scored():
    names = ("bce", "kl", "l2", "validation bce", "validation kl")
    told = [
        {"epoch": epoch, "curves": dict.fromkeys(names, 1.0) | {"validation": total, "validation bce": total - 1}}
        for epoch, total in ((1, 9.0), (2, 4.0), (3, 5.0))
    ]
    picture = vae_replay.losses(told, shown=2)
    assert "lowest, 4, after epoch 2 of 3: 3 nats of cross-entropy, 1 of KL divergence" in picture.sentence
    assert len(picture.figure.data) == 5  # the penalty has no validation
    assert picture.table["validation"].tolist() == [9, 4, 5]


def test_learning_follows_both_scores(snapshots, kinds):
    picture = vae_replay.learning(snapshots, kinds, shown=10)
    assert picture.table["Squared error"] == [0.5, 1.0] and picture.table["Negative ELBO"] == [0.5, 0.5]
    assert "goes from 0.500 to 1.000. 6 novel images are among the probe, too few" in picture.sentence
    backwards = dict(zip([1, 10], reversed(snapshots.values()), strict=True))
    assert "it was highest, 1.000, after epoch 1" in vae_replay.learning(backwards, kinds, 1).sentence


def test_the_latent_of_all_epochs_shares_its_axes(snapshots, kinds):
    portrait = {"centre": np.zeros(3), "axes": np.eye(3)[:2], "ratio": np.array([0.5, 0.3])}
    places = np.arange(30)
    one, ten = (vae_replay.plane_after(epoch, snapshots, portrait, kinds, places) for epoch in (1, 10))
    assert one.figure.layout.xaxis.range == ten.figure.layout.xaxis.range
    assert one.figure.layout.title.text.endswith("after epoch 1")
    np.testing.assert_allclose(ten.table["x"], snapshots[10]["embedding"][:, 0], rtol=1e-3)
    low, high = ten.figure.layout.xaxis.range
    assert low < np.quantile(ten.table["x"], 0.05) and high > np.quantile(ten.table["x"], 0.95)
