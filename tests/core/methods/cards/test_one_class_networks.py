"""The cards of OC-NN and OC-CNN: refusals, stages, published figures."""

import pytest

from core import methods
from core.methods.cards import one_class_networks as cards
from core.scenarios import Offer


@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 28, 32)])
def test_sizes_that_the_encoder_can_not_take(shape):
    sentence = cards.refuses(cards.OcNnKnobs(), Offer(shape, "unimodal"))
    assert f"not {shape[1]} x {shape[2]}. Import the images at 32 x 32." in sentence


@pytest.mark.parametrize("name", ["oc-nn", "oc-cnn"])
def test_both_have_a_network_and_a_replayed_training(name):
    card = methods.card(name)
    assert card.network and card.seeded and card.epochs == "epochs" and card.family == "baselines"
    assert [stage.name for stage in card.stages] == ["prepare", "pretrain", "train"]
    assert [stage.name for stage in card.replayed] == ["train"]


@pytest.mark.parametrize(("name", "group", "digit"), [("oc-nn", 0.762, 0.873), ("oc-cnn", 0.783, 0.749)])
def test_published_figures(name, group, digit):
    printed = {(p.dataset, p.scenario, p.target): p.value for p in methods.card(name).published}
    assert printed["mnist", "latent-super-category", ("STR",)] == pytest.approx(group)
    assert printed["mnist", "unimodal", ("2",)] == pytest.approx(digit)
