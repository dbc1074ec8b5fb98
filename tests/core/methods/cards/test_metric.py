"""The cards of metric learning: refusals that say what to do, the published setting."""

import pytest

from core.knobs import preset
from core.methods.cards import metric
from core.scenarios import Offer

KNOWN = {"kind": "cross-dataset", "classes": 3, "labels": True, "seen": True}


@pytest.mark.parametrize(
    ("settings", "changes", "sentence"),
    [
        (metric.Knobs(), {"shape": (1, 12, 12)}, "not 12 x 12. Import the images at 32 x 32."),
        (metric.Knobs(), {"shape": (1, 28, 32)}, "not 28 x 32"),
        (metric.TwinKnobs(), {"labels": False}, "hides them. Choose the scenario cross-dataset."),
        (metric.Knobs(), {"classes": 1}, "Choose two or more known classes."),
        (metric.Knobs(), {"fewest": 1}, "Leave it out of the known classes."),
        (metric.Knobs(batch_size=100), {}, "Set batch_size to a multiple of 8."),
        (metric.Knobs(normalised=True), {}, "a margin of 10 would push for ever. Set margin to 2 or less."),
        (metric.MiningKnobs(), {"seen": False}, "Name some in the scenario, or choose metric-learning."),
    ],
)
def test_refusals(settings, changes, sentence):
    assert sentence in metric.refuses(settings, Offer(**({"shape": (1, 28, 28)} | KNOWN | changes)))


@pytest.mark.parametrize("card", [metric.PLAIN, metric.MINING, metric.TWIN])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 28, 28), (3, 32, 32), (1, 48, 48), (3, 64, 64)])
def test_both_presets_are_taken(card, shape):
    for name in ("quick", "paper"):
        assert card.refuses(preset(card.knobs, name, shape), Offer(shape, **KNOWN)) is None
    assert metric.PLAIN.refuses(metric.Knobs(), Offer(shape, **(KNOWN | {"seen": False}))) is None


def test_the_paper_preset_is_the_published_one():
    paper = preset(metric.MiningKnobs, "paper", (3, 32, 32))
    assert (paper.epochs, paper.learning_rate, paper.first_drop, paper.second_drop) == (3000, 1e-4, 151, 2251)
    assert (paper.batch_size, paper.weight_decay, paper.dropout) == (1024, 1e-4, 0.2)
    assert (paper.dimension, paper.margin, paper.normalised, paper.seen_share) == (10, 10, False, 0.5)
    assert paper.width == 0 and not paper.he_start  # as wide as published, and started so


def test_only_the_quick_network_for_32_x_32_is_narrower_than_usual():
    for settings in (metric.Knobs, metric.MiningKnobs, metric.TwinKnobs):
        widths = [preset(settings, "quick", (1, side, side)).width for side in (8, 28, 32)]
        assert widths == [0, 0, 16]
        started = [preset(settings, "quick", (1, side, side)).he_start for side in (8, 28, 32, 48, 64)]
        assert started == [False, False, True, True, True]
        rates = [preset(settings, "quick", (1, side, side)).learning_rate for side in (8, 28, 32, 48, 64)]
        assert rates == [1e-3, 1e-3, 1e-3, 3e-4, 3e-4]
        assert settings().width == 0 and not settings().he_start  # what a run folder that is older than the knob has


def test_what_the_rest_of_the_app_reads():
    for card in (metric.PLAIN, metric.MINING, metric.TWIN):
        assert card.family == "metric" and card.epochs == "epochs"
        assert [each.replay for each in card.stages].count(True) == 1 and not card.stages[0].learns
        assert card.scores[0].name == card.headline
    assert metric.TWIN.gradients and not metric.PLAIN.gradients
