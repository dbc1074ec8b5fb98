"""The cards of Deep SVDD and multi-radius: refusals that say why, published figures as printed."""

import pytest

from core import methods
from core.methods.cards import svdd
from core.scenarios import SCENARIOS, Offer


@pytest.mark.parametrize(
    ("settings", "shape", "kind", "sentence"),
    [
        (svdd.Knobs(), (1, 12, 12), "unimodal", "8, or 16 to 64 pixels, not 12 x 12. Import the images at 32 x 32."),
        (svdd.Knobs(), (3, 96, 96), "unimodal", "not 96 x 96. Import the images at 64 x 64."),
        (svdd.Knobs(), (1, 28, 32), "unimodal", "not 28 x 32"),
        (svdd.Knobs(warm_up=9, epochs=8), (1, 8, 8), "unimodal", "9 warm-up epochs don't fit into 8 epochs."),
        (
            svdd.MultiRadiusKnobs(labels="classes"),
            (1, 8, 8),
            "unimodal",
            "hides its classes, so clusters can't come from them. Set labels to finch.",
        ),
    ],
)
def test_what_svdd_refuses(settings, shape, kind, sentence):
    assert sentence in svdd.refuses(settings, Offer(shape, kind))


def test_classes_may_be_the_clusters_where_the_scenario_offers_labels():
    settings = svdd.MultiRadiusKnobs(labels="classes")
    offers = [Offer((1, 8, 8), kind, labels=rule.labels) for kind, rule in SCENARIOS.items()]
    taken = {offer.kind for offer in offers if svdd.refuses(settings, offer) is None}
    assert taken == {"several-normal", "cross-dataset"}


def test_published_figures_of_deep_svdd():
    printed = {(p.dataset, p.target, p.remark.split()[0]): p for p in methods.card("deep-svdd").published}
    assert printed["mnist", ("1",), "one-class"].value == pytest.approx(0.997)
    assert printed["mnist", ("5",), "soft-boundary"].value == pytest.approx(0.858)
    assert printed["cifar10", ("horse",), "one-class"].value == pytest.approx(0.673)
    one_class = [p.value for (dataset, _, remark), p in printed.items() if (dataset, remark) == ("mnist", "one-class")]
    assert len(one_class) == 10 and sum(one_class) / 10 == pytest.approx(
        0.948, abs=5e-4
    )  # the mean that the paper prints
    assert all(p.options == {"split": "official"} and p.scenario == "unimodal" for p in printed.values())
