"""The table of methods."""

import pytest

from core import methods
from core.errors import WrongRequest
from core.methods.base import Detector


@pytest.mark.parametrize("name", methods.METHODS)
def test_every_row_names_parts_that_are_there_and_agree(name):
    pytest.importorskip("plotly")  # of the figure file; core trains and scores without it
    card, detector = methods.card(name), methods.load(name)
    assert card.name == name
    assert issubclass(detector, Detector) and detector.card is card
    assert card.family == methods.method(name).page
    assert callable(methods.figures(name).why)


def test_cards_come_in_the_order_of_the_table():
    assert [card.name for card in methods.cards()] == list(methods.METHODS)


def test_an_unknown_method_is_refused():
    with pytest.raises(WrongRequest, match="There is no method 'magic'. Choose from rapp-ae, "):
        methods.card("magic")


def test_a_family_is_called_as_its_cards_begin_or_by_a_name_of_its_own():
    titles = {family: methods.family_title(family) for family in ("rapp", "svdd", "baselines", "magic")}
    assert titles == {"rapp": "RaPP", "svdd": "Deep SVDD", "baselines": "Baseline", "magic": "magic"}


def test_which_methods_take_a_size():
    assert methods.refused((1, 28, 28)) == [] and methods.taking_in_words((3, 32, 32)).startswith("all ")
    out = {card.name for card in methods.refused((3, 96, 96))}
    assert {"deep-svdd", "vae-threshold"} <= out and "nearest-neighbours" not in out
    assert "not" in methods.taking_in_words((3, 96, 96))


@pytest.mark.parametrize("side", [8, 16, 28, 32, 48, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_sizes_that_imports_offer_fit_the_networks(side, channels):
    taken = {"deep-svdd", "multi-radius-svdd", "clad", "vae-threshold", "oc-nn", "oc-cnn", "pca-error", "gaussian"}
    taken |= {"metric-learning", "metric-learning-odm", "softmax-twin"}
    assert not taken & {card.name for card in methods.refused((channels, side, side))}
