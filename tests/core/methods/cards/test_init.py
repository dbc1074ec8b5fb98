"""Every card: complete, with presets that it allows itself."""

import pytest

from core import methods
from core.knobs import PRESETS, changed, knobs_of, preset, values
from core.methods.cards import accepts_any
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
