"""Cards: presets that are allowed, refusals that say why, published figures as printed."""

import dataclasses

import pytest

from core import methods
from core.knobs import PRESETS, changed, knobs_of, preset, values
from core.methods.cards import accepts_any
from core.methods.cards import rapp, svdd
from core.scenarios import SCENARIOS

CARDS = methods.cards()
SHAPES = [(1, 8, 8), (1, 28, 28), (1, 32, 32), (3, 32, 32)]
UNIMODAL = SCENARIOS["unimodal"]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_is_complete(card):
    names = [score.name for score in card.scores]
    assert len(set(names)) == len(names) and card.headline in names
    assert card.score(card.headline).name == card.headline
    assert 0 <= card.main_stage < len(card.stages)
    known = {each.name: each for each in knobs_of(card.knobs)}
    assert known[card.epochs].kind is int and known["normal_share"].after
    assert all(each.label and each.help.endswith(".") for each in known.values())
    assert card.title and card.sentence.endswith(".") and "20" in card.paper


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_allowed_by_its_own_knobs(card, shape, name):
    settings = preset(card.knobs, name, shape)
    assert changed(settings, values(settings)) == settings
    refusal = card.refuses(settings, shape, UNIMODAL, 1)
    wide_pathway = card.family == "rapp" and name == "paper" and shape == (3, 32, 32)
    assert (refusal is not None) == wide_pathway, refusal


def test_quick_is_shorter_than_paper():
    for card in CARDS:
        quick, paper = (preset(card.knobs, name, (1, 28, 28)) for name in ("quick", "paper"))
        assert getattr(quick, card.epochs) < getattr(paper, card.epochs)


def test_nothing_is_refused_by_default():
    assert accepts_any(None, (1, 1, 1), UNIMODAL, 1) is None


# --- RaPP ------------------------------------------------------------------------------------------------------------------


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
        ({"bottleneck": 64}, (1, 8, 8), "A bottleneck of 64 doesn't narrow images of 64 values. Choose a smaller bottleneck."),
        ({"layers": 4, "first_layer": 5}, (1, 28, 28), "The window 5 to 4 doesn't lie in layers 0 to 4."),
        ({"layers": 4, "last_layer": 5}, (1, 28, 28), "The window 1 to 5 doesn't lie in layers 0 to 4."),
        ({"layers": 4, "first_layer": 3, "last_layer": 2}, (1, 28, 28), "The window 3 to 2"),
        ({"layers": 10, "bottleneck": 20}, (3, 32, 32), "numbers; at most 6000 fit. Set layers to 2 or fewer."),
        ({"layers": 3, "bottleneck": 20}, (3, 128, 128), "Use smaller images."),
    ],
)
def test_what_rapp_refuses(changes, shape, sentence):
    assert sentence in rapp.refuses(rapp.Knobs(**changes), shape, UNIMODAL, 1)


def test_the_layers_that_are_advised_fit():
    settings = rapp.Knobs(layers=10, bottleneck=20)
    advice = rapp.refuses(settings, (3, 32, 32), UNIMODAL, 1)
    layers = int(advice.split("Set layers to ")[1].split()[0])
    assert rapp.refuses(dataclasses.replace(settings, layers=layers), (3, 32, 32), UNIMODAL, 1) is None
    assert rapp.refuses(dataclasses.replace(settings, layers=layers + 1), (3, 32, 32), UNIMODAL, 1)


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
    assert tuple(printed[score].auroc for score in ("reconstruction", "sap", "nap")) == figures
    assert all(p.target is None and "Table 2" in p.source for p in printed.values())


# --- SVDD ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "shape", "kind", "sentence"),
    [
        (svdd.Knobs(), (1, 16, 16), "unimodal", "not 16 x 16. Import the images at 32 x 32."),
        (svdd.Knobs(), (1, 28, 32), "unimodal", "not 28 x 32"),
        (svdd.Knobs(warm_up=9, epochs=8), (1, 8, 8), "unimodal", "9 warm-up epochs don't fit into 8 epochs."),
        (svdd.MultiRadiusKnobs(labels="classes"), (1, 8, 8), "unimodal", "hides its classes, so clusters can't come from them. Set labels to finch."),
    ],
)
def test_what_svdd_refuses(settings, shape, kind, sentence):
    assert sentence in svdd.refuses(settings, shape, SCENARIOS[kind], 1)


def test_classes_may_be_the_clusters_where_the_scenario_offers_labels():
    settings = svdd.MultiRadiusKnobs(labels="classes")
    taken = {kind for kind, rule in SCENARIOS.items() if svdd.refuses(settings, (1, 8, 8), rule, 3) is None}
    assert taken == {"several-normal", "cross-dataset"}


def test_published_figures_of_deep_svdd():
    printed = {(p.dataset, p.target, p.remark.split()[0]): p for p in methods.card("deep-svdd").published}
    assert printed["mnist", ("1",), "one-class"].auroc == pytest.approx(0.997)
    assert printed["mnist", ("5",), "soft-boundary"].auroc == pytest.approx(0.858)
    assert printed["cifar10", ("horse",), "one-class"].auroc == pytest.approx(0.673)
    one_class = [p.auroc for (dataset, _, remark), p in printed.items() if (dataset, remark) == ("mnist", "one-class")]
    assert len(one_class) == 10 and sum(one_class) / 10 == pytest.approx(0.948, abs=5e-4)  # the mean that the paper prints
    assert all(p.options == {"split": "official"} and p.scenario == "unimodal" for p in printed.values())
