"""Every card: complete, with presets that it allows itself."""

import pytest

from core import methods
from core.evaluation import METRICS, ThresholdRule
from core.knobs import PRESETS, changed, knobs_of, preset, values
from core.methods.cards import accepts_any
from core.scenarios import Offer

CARDS = methods.cards()
SHAPES = [(1, 8, 8), (1, 28, 28), (1, 32, 32), (3, 32, 32)]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_is_complete(card):
    names = [score.name for score in card.scores]
    assert len(set(names)) == len(names) and card.headline in names
    assert card.score(card.headline).name == card.headline
    known = {each.name: each for each in knobs_of(card.knobs)}
    counted = [stage.epochs for stage in card.stages if stage.epochs]
    assert all(known[knob].kind is int for knob in counted) and card.epochs == (counted or [None])[-1]
    assert len({stage.name for stage in card.stages}) == len(card.stages) and all(stage.title for stage in card.stages)
    assert isinstance(card.knobs().rule(), ThresholdRule)
    assert all(figure.metric in METRICS and 0 <= figure.value <= 1 for figure in card.published)
    assert {figure.score for figure in card.published} <= set(names)
    assert all(each.label and each.help.endswith(".") for each in known.values())
    assert card.title and card.sentence.endswith(".") and "20" in card.paper


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_allowed_by_its_own_knobs(card, shape, name):
    settings = preset(card.knobs, name, shape)
    assert changed(settings, values(settings)) == settings
    refusal = card.refuses(settings, Offer(shape, "unimodal", classes=3, labels=True, seen=True))
    wide_pathway = card.family == "rapp" and name == "paper" and shape == (3, 32, 32)
    assert (refusal is not None) == wide_pathway, refusal


def test_quick_is_shorter_than_paper():
    for card in (card for card in CARDS if card.epochs):
        quick, paper = (preset(card.knobs, name, (1, 28, 28)) for name in ("quick", "paper"))
        assert getattr(quick, card.epochs) < getattr(paper, card.epochs)


def test_nothing_is_refused_by_default():
    assert accepts_any(None, Offer((1, 1, 1), "unimodal")) is None
