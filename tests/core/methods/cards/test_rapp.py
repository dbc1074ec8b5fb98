"""The cards of RaPP: widths and window, refusals that say why, published figures as printed."""

import dataclasses

import pytest

from core import methods, scenarios
from core.knobs import preset
from core.methods.cards import rapp
from core.scenarios import Offer

COLOUR = Offer((3, 32, 32), "unimodal")


def test_widths_fall_in_the_steps_of_the_authors():
    assert rapp.widths(784, 20, 10) == (784, 707, 631, 554, 478, 402, 325, 249, 172, 96, 20)
    assert rapp.widths(784, 20, 3) == (784, 529, 274, 20)
    assert rapp.widths(20, 1, 10) == (20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 1)


def test_the_window_is_inclusive_and_minus_1_is_the_last_layer():
    assert rapp.Knobs(layers=7).window() == (1, 7)
    assert rapp.Knobs(layers=7, first_layer=0, last_layer=3).window() == (0, 3)


@pytest.mark.parametrize(
    ("changes", "shape", "sentence"),
    [
        (
            {"bottleneck": 64},
            (1, 8, 8),
            "A bottleneck of 64 doesn't narrow images of 64 values. Choose a smaller bottleneck.",
        ),
        ({"layers": 4, "first_layer": 5}, (1, 28, 28), "The window 5 to 4 doesn't lie in layers 0 to 4."),
        ({"layers": 4, "last_layer": 5}, (1, 28, 28), "The window 1 to 5 doesn't lie in layers 0 to 4."),
        ({"layers": 4, "first_layer": 3, "last_layer": 2}, (1, 28, 28), "The window 3 to 2"),
        ({"layers": 10, "bottleneck": 20}, (3, 32, 32), "numbers; at most 6000 fit. Set layers to 2 or fewer."),
        ({"layers": 3, "bottleneck": 20}, (3, 128, 128), "Set a narrow first layer"),
    ],
)
def test_what_rapp_refuses(changes, shape, sentence):
    assert sentence in rapp.refuses(rapp.Knobs(**changes), Offer(shape, "unimodal"))


def test_the_layers_that_are_advised_fit():
    settings = rapp.Knobs(layers=10, bottleneck=20)
    advice = rapp.refuses(settings, COLOUR)
    layers = int(advice.split("Set layers to ")[1].split()[0])
    assert rapp.refuses(dataclasses.replace(settings, layers=layers), COLOUR) is None
    assert rapp.refuses(dataclasses.replace(settings, layers=layers + 1), COLOUR)


@pytest.mark.parametrize(
    ("name", "dataset", "scenario", "figures"),
    [
        ("rapp-ae", "mnist", "multimodal", (0.825, 0.881, 0.899)),
        ("rapp-vae", "mnist", "multimodal", (0.864, 0.907, 0.927)),
        ("rapp-aae", "mnist", "multimodal", (0.847, 0.911, 0.929)),
        ("rapp-ae", "fashion-mnist", "unimodal", (0.924, 0.928, 0.933)),
        ("rapp-aae", "mnist", "unimodal", (0.972, 0.966, 0.977)),
    ],
)
def test_published_figures_of_rapp(name, dataset, scenario, figures):
    printed = {p.score: p for p in methods.card(name).published if (p.dataset, p.scenario) == (dataset, scenario)}
    assert tuple(printed[score].value for score in ("reconstruction", "sap", "nap")) == figures
    assert all(p.target is None and "Table 2" in p.source for p in printed.values())


def test_a_narrow_first_layer_falls_in_equal_steps_from_there():
    assert rapp.widths(784, 12, 3, 64) == (784, 64, 38, 12)
    assert rapp.widths(784, 12, 2, 64) == (784, 64, 12)
    assert rapp.widths(784, 20, 4) == rapp.widths(784, 20, 4, 0)
    offer = scenarios.offer(scenarios.task_spec("digits", "unimodal", "3"))
    for width, refused in ((0, False), (32, False), (8, True), (64, True)):
        assert bool(rapp.refuses(rapp.Knobs(layers=3, bottleneck=8, width=width), offer)) is refused


@pytest.mark.parametrize(
    ("shape", "width", "taken"), [((3, 32, 32), 0, True), ((1, 64, 64), 400, True), ((3, 64, 64), 400, False)]
)
def test_large_images_have_a_narrow_first_layer_in_the_quick_preset(shape, width, taken):
    settings = preset(rapp.Knobs, "quick", shape)
    assert settings.width == width
    assert (rapp.refuses(settings, Offer(shape, "unimodal")) is None) is taken
