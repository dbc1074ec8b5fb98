"""The card of the VAE threshold: its rule, its refusal, published figures and where they are shown."""

import pytest

from core import methods
from core.evaluation import Confusion, Impurities
from core.knobs import knobs_of, preset
from core.methods.cards import vae
from core.runs import spec
from core.scenarios import Offer
from core.scenarios.contaminated import IMPURE


def test_the_threshold_calls_the_assumed_share_impure():
    assert vae.Knobs().rule() == Impurities(IMPURE) and vae.Knobs(contamination=0.2).rule() == Impurities(0.2)
    named = {each.name: each for each in knobs_of(vae.Knobs)}
    assert "normal_share" not in named  # it would ask for what this rule doesn't use
    assert {name for name, each in named.items() if each.after} == {"contamination", "posterior"}


def test_with_the_published_counts_the_rule_takes_the_150th_largest_error():
    assert vae.Knobs().rule().rank(4_950) == 4_950 - 150


@pytest.mark.parametrize("shape", [(1, 20, 20), (1, 28, 32)])
def test_images_of_another_side_are_refused(shape):
    sentence = vae.refuses(vae.Knobs(), Offer(shape, "contaminated"))
    assert f"not {shape[1]} x {shape[2]}. Import the images at 32 x 32." in sentence


def test_paper_is_the_best_published_model():
    paper = preset(vae.Knobs, "paper", (1, 28, 28))
    assert (paper.latent, paper.l2, paper.dropout, paper.epochs, paper.batch_size) == (32, 1e-5, 0.5, 300, 128)
    assert (paper.sampling, paper.posterior, paper.learning_rate) == ("published", "published", 1e-3)


def test_published_figures_follow_from_the_published_counts():
    counts = Confusion(caught=12, missed=13, false_alarms=5, accepted=795)
    best = {each.metric: each.value for each in methods.card("vae-threshold").published if "best" in each.remark}
    expected = {name: getattr(counts, name) for name in best}
    assert best == pytest.approx(expected, abs=6e-4) and len(best) == 6
    assert counts.normal_f1 == pytest.approx(0.98881, abs=5e-6) and counts.f1 == pytest.approx(0.57143, abs=5e-6)


def test_published_figures_are_shown_for_the_very_task_alone():
    def shown(target: str, **options) -> int:
        return len(
            spec.published(spec.request("emnist-letters", "contaminated", target, "vae-threshold", options=options))
        )

    assert shown("A") == len(vae.PUBLISHED)
    assert shown("B") == shown("A", rate=0.1) == shown("A", all_others=True) == shown("A", images=4800) == 0
