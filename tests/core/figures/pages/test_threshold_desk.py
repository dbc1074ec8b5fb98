import numpy as np
import pytest

from core import evaluation
from core.figures import Kinds
from core.figures.pages import threshold_desk


@pytest.fixture(params=["short tail", "long positive tail", "long signed tail"])
def scored(request, rng) -> tuple[np.ndarray, np.ndarray, float]:
    """Scores of 300 normal and 100 novel images, their labels, and a threshold."""
    normal = rng.normal(size=300)
    novel = rng.normal(size=100) + (3 if request.param == "short tail" else 200)
    scores = np.concatenate([normal, novel])
    if request.param == "long positive tail":
        scores = np.exp(np.concatenate([normal, rng.normal(size=100) + 5]))
    labels = np.repeat([0, 1], [300, 100]).astype(np.uint8)
    return scores, labels, evaluation.Quantile().threshold(None, scores[:300])


def test_steps_ascend_evenly_and_hold_the_rule_itself(scored):
    scores, novel, threshold = scored
    axis = threshold_desk.steps(scores, Kinds.of_test(novel), threshold)
    assert axis.values[axis.rule] == threshold
    gaps = np.diff(np.log(axis.values) if axis.logarithmic else axis.values)
    assert gaps.min() > 0
    np.testing.assert_allclose(gaps, gaps[0], rtol=1e-6)
    assert axis.values[0] < scores.min() and axis.values[-1] >= scores[novel == 0].max()
    assert len({axis.text(place) for place in range(len(axis.values))}) == len(axis.values)


def test_steps_take_the_logarithm_of_positive_scores_with_a_long_tail_alone(rng):
    novel = np.repeat([0, 1], 50)
    scores = np.exp(rng.normal(size=100) + 4 * novel)
    assert threshold_desk.steps(scores, Kinds.of_test(novel), float(np.quantile(scores[:50], 0.95))).logarithmic
    assert not threshold_desk.steps(
        scores - 1, Kinds.of_test(novel), float(np.quantile(scores[:50] - 1, 0.95))
    ).logarithmic


def test_steps_of_equal_scores_can_still_be_drawn():
    axis = threshold_desk.steps(np.ones(10), Kinds.of_test(np.repeat([0, 1], 5)), 1.0)
    assert axis.values[axis.rule] == 1.0 and len(axis.values) >= 2


def test_histogram_counts_every_image_and_draws_the_line_where_it_is_tried(scored):
    scores, novel, threshold = scored
    axis = threshold_desk.steps(scores, Kinds.of_test(novel), threshold)
    place = axis.rule + 3
    picture = threshold_desk.histogram(scores, Kinds.of_test(novel), axis, float(axis.values[place]), "NAP")
    assert (picture.table["normal"].sum(), picture.table["novel"].sum()) == (300, 100)
    assert [shape.x0 for shape in picture.figure.layout.shapes] == [place, axis.rule]
    counts = evaluation.confusion(scores, novel, float(axis.values[place]))
    assert f"catches {counts.caught} of 100 novel images and rejects {counts.false_alarms} of 300" in picture.sentence
    at_rule = threshold_desk.histogram(scores, Kinds.of_test(novel), axis, threshold, "NAP")
    assert len(at_rule.figure.layout.shapes) == 1


def test_a_threshold_between_two_steps_counts_as_it_stands(scored):
    scores, novel, rule = scored
    axis = threshold_desk.steps(scores, Kinds.of_test(novel), rule)
    between = float(np.sort(scores)[250])
    picture = threshold_desk.histogram(scores, Kinds.of_test(novel), axis, between, "NAP")
    place = picture.figure.layout.shapes[0].x0
    assert axis.values[int(place)] <= between <= axis.values[int(place) + 1]
    assert axis.nearest(between) == round(place) and axis.place(rule) == axis.rule
    counts = evaluation.confusion(scores, novel, between)
    assert f"catches {counts.caught} of 100" in picture.sentence and axis.said(between) in picture.sentence
    assert axis.place(1e9) == len(axis.values) - 1 and axis.place(-1e9) == 0


@pytest.mark.parametrize("bars", threshold_desk.BARS)
def test_training_images_are_an_outline_and_shares_add_up(scored, rng, bars):
    scores, novel, rule = scored
    axis = threshold_desk.steps(scores, Kinds.of_test(novel), rule)
    trained = rng.permutation(scores)[:200]
    picture = threshold_desk.histogram(scores, Kinds.of_test(novel), axis, rule, "NAP", trained, bars)
    *heights, outline = [np.array(trace.y, float) for trace in picture.figure.data]
    assert [trace.name for trace in picture.figure.data][-1] == "training (200)"
    assert picture.table["training"].sum() == 200
    expected = [100, 100, 100] if bars == "shares" else [300, 100, 200]
    assert [each.sum() for each in (*heights, outline[:-1])] == pytest.approx(expected)
    assert (picture.figure.layout.yaxis.type == "log") == (bars == "log")


def test_rates_of_either_class_and_what_is_undefined():
    counts = evaluation.Confusion(caught=3, missed=1, false_alarms=1, accepted=5)
    assert threshold_desk.rates(counts) == {
        "positive class": ["novel", "normal"],
        "precision": ["0.750", "0.833"],
        "recall": ["0.750", "0.833"],
        "F1": ["0.750", "0.833"],
    }
    nothing = evaluation.Confusion(caught=0, missed=4, false_alarms=0, accepted=6)
    assert threshold_desk.rates(nothing)["precision"][0] == "undefined"


def test_rule_in_words_says_where_it_comes_from_and_how_sure_it_is():
    told = {"value": 0.5, "low": 0.4, "high": 0.62}
    words = threshold_desk.rule_in_words(evaluation.Quantile(0.95), told, 322, 900)
    assert "95 % of the 322 normal validation images" in words
    assert "0.5 (95 % interval of a bootstrap: 0.4 to 0.62)" in words
    assert "never comes from the test set" in words
    impure = threshold_desk.rule_in_words(evaluation.Impurities(0.03), told, 100, 900)
    assert "call 3 % of the 1,000 training and validation images impure" in impure


def test_alarms_in_words_carry_the_rates_over_to_another_mixture():
    counts = evaluation.Confusion(caught=8, missed=2, false_alarms=10, accepted=90)
    words = threshold_desk.alarms_in_words(counts, 0.01)
    assert words == (
        "Of 1,000 images with 10 novel ones among them: 99 false alarms, 2 novel images missed; "
        "7.5 % of the alarms would be right."
    )
    silent = evaluation.Confusion(caught=0, missed=10, false_alarms=0, accepted=90)
    assert threshold_desk.alarms_in_words(silent, 0.01).endswith("none of the alarms would be right.")
