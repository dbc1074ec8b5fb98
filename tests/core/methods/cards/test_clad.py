"""The card of CLAD: refusals that say why, published figures as printed."""

import pytest

from core.knobs import knobs_of, preset
from core.methods.cards import clad
from core.scenarios import Offer


@pytest.mark.parametrize(
    ("settings", "offer", "sentence"),
    [
        (clad.Knobs(), Offer((1, 30, 30), "unimodal"), "not 1 x 30 x 30. Import the images at 32 x 32."),
        (clad.Knobs(), Offer((1, 28, 32), "unimodal"), "not 1 x 28 x 32"),
        (clad.Knobs(), Offer((4, 32, 32), "unimodal"), "not 4 x 32 x 32"),
        (clad.Knobs(clusters=1), Offer((1, 28, 28), "unimodal"), "Set clusters to 2 or more."),
        (clad.Knobs(clusters=10), Offer((1, 8, 8), "unimodal", train=9), "9 training images can't make 10 clusters."),
    ],
)
def test_what_clad_refuses(settings, offer, sentence):
    assert sentence in clad.refuses(settings, offer)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (1, 28, 28), (3, 32, 32), (1, 48, 48), (3, 64, 64)])
def test_both_presets_are_taken(shape):
    for name in ("quick", "paper"):
        settings = preset(clad.Knobs, name, shape)
        assert clad.refuses(settings, Offer(shape, "latent-super-category")) is None
        assert clad.refuses(settings, Offer(shape, "latent-super-category", train=settings.clusters)) is None


def test_the_paper_preset_is_the_published_one():
    mnist, cifar = (preset(clad.Knobs, "paper", shape) for shape in ((1, 28, 28), (3, 32, 32)))
    for settings in (mnist, cifar):
        assert (settings.pretrain_epochs, settings.cluster_epochs, settings.epochs) == (100, 100, 100)
        assert (settings.clusters, settings.temperature, settings.learning_rate) == (10, 1000, 1e-4)
        assert (settings.stem, settings.width, settings.encoder_batch_size, settings.batch_size) == (
            "imagenet",
            64,
            512,
            128,
        )
    assert (mnist.network, mnist.latent, mnist.epsilon) == ("small", 10, "0.005")
    assert (cifar.network, cifar.latent) == ("large", 100)


def test_a_step_is_one_of_the_grid_or_chosen_on_held_out_images():
    epsilon = next(each for each in knobs_of(clad.Knobs) if each.name == "epsilon")
    assert epsilon.after and epsilon.choices[0] == "held-out"
    assert [float(each) for each in epsilon.choices[1:]] == list(clad.EPSILONS) and clad.EPSILONS[0] == 0


def test_published_figures_as_printed():
    printed = {(each.dataset, each.scenario, each.target[0]): each for each in clad.CLAD.published}
    assert printed["mnist", "latent-super-category", "STR"].value == pytest.approx(0.961)
    assert printed["gtsrb", "latent-super-category", "DIRC"].value == pytest.approx(0.674)
    assert printed["tiny-imagenet", "latent-super-category", "ISTM"].value == pytest.approx(0.556)
    assert printed["mnist", "unimodal", "8"].value == pytest.approx(0.800)
    assert printed["cifar10", "unimodal", "frog"].value == pytest.approx(0.760)
    assert len(printed) == 3 + 6 + 2 + 5 + 10 + 10 == len(clad.CLAD.published)
    assert all(each.options == {"split": "official"} and "test set" in each.remark for each in printed.values())


def test_epochs_on_the_command_line_are_the_classifier_s_and_replay_follows_the_clustering():
    assert clad.CLAD.epochs == "epochs"
    assert [each.name for each in clad.CLAD.replayed] == ["cluster"]
    assert clad.CLAD.scores[0].name == clad.CLAD.headline
