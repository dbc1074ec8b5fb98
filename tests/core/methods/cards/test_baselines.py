"""The cards of the classical methods: what they are, and what they refuse."""

import pytest

from core import methods
from core.knobs import preset
from core.methods.cards import baselines as cards
from core.scenarios import Offer

WIDE = Offer((3, 64, 64), "unimodal")


def test_only_the_forest_is_seeded_and_none_has_a_network_or_counts_epochs():
    found = [card for card in methods.cards() if card.family == "baselines" and not card.network]
    assert len(found) == 7 and [card.name for card in found if card.seeded] == ["isolation-forest"]
    assert all(card.epochs is None and len(card.stages) == 1 and not card.replayed for card in found)


@pytest.mark.parametrize(
    ("name", "changes", "offer", "sentence"),
    [
        (
            "svdd",
            {"kernel": "polynomial"},
            Offer((1, 8, 8), "unimodal"),
            "Set kernel to rbf, or choose the method oc-svm",
        ),
        (
            "gaussian",
            {},
            WIDE,
            "Images of 12,288 values are too wide for a covariance (6,000 at most). Set features to pca, or",
        ),
    ],
)
def test_refusals_say_what_to_do(name, changes, offer, sentence):
    card = methods.card(name)
    assert sentence in card.refuses(card.knobs(**changes), offer)


def test_pixels_may_be_many_where_no_covariance_is_needed():
    for name in ("oc-svm", "svdd", "isolation-forest", "nearest-neighbours", "local-outlier-factor", "pca-error"):
        assert methods.card(name).refuses(methods.card(name).knobs(), WIDE) is None
    assert methods.card("gaussian").refuses(preset(cards.GaussianKnobs, "quick", WIDE.shape), WIDE) is None
    assert preset(cards.GaussianKnobs, "quick", (3, 32, 32)).features == "pixels"
    assert methods.card("oc-svm").refuses(cards.OcSvmKnobs(kernel="polynomial"), Offer((1, 8, 8), "unimodal")) is None


def test_published_figures():
    printed = {(p.dataset, p.scenario, p.target): p.value for p in methods.card("oc-svm").published}
    assert printed["mnist", "latent-super-category", ("STR",)] == pytest.approx(0.874)
    assert printed["mnist", "unimodal", ("5",)] == pytest.approx(0.771)
    assert {p.scenario for p in methods.card("svdd").published} == {"unimodal"}
