import numpy as np
import pytest

from core import evaluation
from core.evaluation import Impurities, Quantile
from core.figures import NOVEL, Kinds
from core.figures.families import clad_confidence
from core.figures.families.clad import unconfidence
from core.figures.families.clad_confidence import TEMPERATURES, Asked

EPSILONS = np.array([0, 0.005, 0.02])
NOVELTY = np.arange(80) % 2


@pytest.fixture
def asked(rng) -> Asked:
    """Novel images have smaller outputs; steps raise them, those of normal images most after the second."""
    tested = rng.normal(size=(80, 3, 5)) * np.where(NOVELTY, 1, 4)[:, None, None]
    normal = rng.normal(size=(40, 3, 5)) * np.array([3.0, 6, 4])[:, None]
    return Asked(tested, normal, EPSILONS, 10.0, 2, Quantile(0.9))


def test_scores_threshold_and_percentiles_follow_from_the_stored_outputs(asked):
    np.testing.assert_array_equal(asked.scores, unconfidence(asked.tested[:, 2], 10))
    held_out = unconfidence(asked.normal[:, 2], 10)
    assert asked.threshold == Quantile(0.9).threshold(None, held_out)
    assert asked.percentiles[0] == pytest.approx(100 * (held_out < asked.scores[0]).mean(), abs=2)
    metrics = asked.metrics(NOVELTY)
    assert metrics["auroc"]["value"] == evaluation.auroc(asked.scores, NOVELTY) > 0.8
    assert asked.epsilon == 0.02


def test_a_rule_that_needs_training_scores_uses_the_held_out_ones(asked):
    impure = Asked(asked.tested, asked.normal, EPSILONS, 10.0, 2, Impurities(0.1))
    assert impure.threshold == asked.threshold


def test_held_out_images_choose_the_step_of_the_highest_mean_confidence(asked):
    means = np.exp(-unconfidence(asked.normal, 10)).mean(0)
    np.testing.assert_allclose(asked.normal_confidences, means)
    assert asked.surest == 1


def test_three_steps_share_what_is_comparable_and_count_every_image(asked):
    kinds = Kinds.of_test(NOVELTY)
    picture = clad_confidence.three_steps(asked, kinds)
    panels = [[bar for bar in picture.figure.data if (bar.xaxis or "x") == axis] for axis in ("x", "x2", "x3")]
    for bars in panels:
        assert [sum(bar.customdata) for bar in bars] == [40, 40]
        assert [sum(bar.y) for bar in bars] == [pytest.approx(100)] * 2
        assert bars[1].marker.color == NOVEL
    np.testing.assert_array_equal(panels[1][0].x, panels[2][0].x)
    titles = [each.text for each in picture.figure.layout.annotations]
    scores = [unconfidence(asked.tested[:, 0], 1), unconfidence(asked.tested[:, 0], 10), asked.scores]
    aurocs = [evaluation.auroc(each, NOVELTY) for each in scores]
    assert all(f"AUROC {auroc:.3f}" in title for auroc, title in zip(aurocs, titles, strict=True))
    assert f"Temperature 10 changes the AUROC by {aurocs[1] - aurocs[0]:+.3f}." in picture.sentence
    assert f"A step of 0.02 on top changes it by {aurocs[2] - aurocs[1]:+.3f}." in picture.sentence
    sure = (np.exp(-unconfidence(asked.normal[:, 0], 1)) > 0.99).mean()
    assert f"{100 * sure:g} % of the held-out normal images get over 0.99" in picture.sentence


def test_only_what_was_changed_is_said_to_change_something(asked):
    plain = Asked(asked.tested, asked.normal, EPSILONS, 1.0, 0, asked.rule)
    sentence = clad_confidence.three_steps(plain, Kinds.of_test(NOVELTY)).sentence
    assert "changes" not in sentence
    saturated = Asked(asked.tested, 30 * asked.normal, EPSILONS, 1.0, 0, asked.rule)
    told = clad_confidence.three_steps(saturated, Kinds.of_test(NOVELTY)).sentence
    assert "saturates" in told and "saturates" not in sentence


def test_kinds_of_novel_images_are_stacked(asked):
    source = np.where(NOVELTY == 0, "normal", np.where(np.arange(80) < 40, "novel", "noise"))
    picture = clad_confidence.three_steps(asked, Kinds.of_test(NOVELTY, source))
    lower, upper = [bar for bar in picture.figure.data if (bar.xaxis or "x") == "x"][1:]
    np.testing.assert_allclose(np.array(upper.base, float), lower.y)
    assert sum(lower.y) + sum(upper.y) == pytest.approx(100)


def test_equal_confidences_are_drawn_too():
    flat = np.zeros((4, 1, 3))
    picture = clad_confidence.three_steps(
        Asked(flat, flat, EPSILONS[:1], 1.0, 0, Quantile()), Kinds.of_test([0, 0, 1, 1])
    )
    assert [sum(bar.customdata) for bar in picture.figure.data[:2]] == [2, 2]


def test_choosing_marks_the_held_out_choice_and_the_peeked_one(asked):
    picture = clad_confidence.choosing(asked, Kinds.of_test(NOVELTY))
    aurocs = [evaluation.auroc(unconfidence(asked.tested[:, step], 10), NOVELTY) for step in range(3)]
    np.testing.assert_allclose(picture.table["auroc"], aurocs)
    named = {trace.name: trace for trace in picture.figure.data if trace.name}
    assert list(named["held-out normal images choose 0.005"].x) == [1]
    best = int(np.argmax(aurocs))
    assert list(named[f"best on the test images: {EPSILONS[best]:g}"].x) == [best]
    assert f"would choose a step of 0.005, AUROC {aurocs[1]:.3f}" in picture.sentence
    assert ("The star" in picture.sentence) == (best != 1)
    expected = [evaluation.auroc(unconfidence(asked.tested[:, 2], each), NOVELTY) for each in TEMPERATURES]
    np.testing.assert_allclose(named["after the step"].y, expected, rtol=1e-6)


def test_a_choice_at_the_end_of_the_grid_says_that_nothing_stops_it(asked):
    rising = Asked(asked.tested, np.sort(asked.normal, axis=1) * EPSILONS[:, None], EPSILONS, 10.0, 2, Quantile())
    assert rising.surest == 2
    assert "never tells them when to stop" in clad_confidence.choosing(rising, Kinds.of_test(NOVELTY)).sentence


@pytest.mark.parametrize(("count", "draws"), [(100, 1000), (10_000, 200)])
def test_many_images_get_fewer_draws(count, draws):
    assert clad_confidence.draws(count) == draws
