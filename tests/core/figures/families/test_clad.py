import numpy as np
import pytest
import torch
from scipy.special import softmax

from core.algorithms import odin
from core.figures import DIFFERENCES, NORMAL
from core.figures.families import clad

IMAGE = np.full((1, 4, 4), 51, np.uint8)


@pytest.fixture
def logits(rng):
    return rng.normal(size=(30, 3, 12)) * 4


def explained(logits, **changes):
    """The reasons for the first image; the others are held-out normal ones."""
    reason = {
        "logits": logits[0],
        "epsilons": np.array([0, 0.01, 0.02], np.float32),
        "step": np.array(2),
        "temperature": np.array(100.0),
        "cluster": np.array(logits[0, 0].argmax()),
        "normal_logits": logits[1:],
    }
    return reason | changes


@pytest.mark.parametrize("temperature", [1, 20, 1000])
def test_unconfidence_equals_that_of_the_method_without_torch(logits, temperature):
    expected = odin.unconfidence(torch.from_numpy(logits), temperature).numpy()
    np.testing.assert_allclose(clad.unconfidence(logits, temperature), expected, rtol=1e-12)
    np.testing.assert_allclose(clad.confidence(logits, temperature), softmax(logits / temperature, axis=-1).max(-1))


def test_unconfidence_keeps_its_digits_where_confidence_has_lost_them():
    sure, surer = clad.unconfidence(np.array([[50.0, 0.0], [60.0, 0.0]]), 1)
    assert sure > surer > 0


def test_bars_are_probabilities_before_and_after_the_step(logits):
    picture = clad.why(explained(logits), IMAGE)[0]
    before, after = picture.figure.data
    expected = softmax(logits[0], axis=1)
    order = np.argsort(-expected[0])[: clad.MOST_BARS]
    np.testing.assert_allclose(before.x, 100 * expected[0][order])
    np.testing.assert_allclose(after.x, 100 * expected[2][order])
    assert "agrees" in picture.sentence and "The 4 kinds that it believes less" in picture.sentence
    other = clad.why(explained(logits, cluster=np.array(order[1])), IMAGE)[0]
    assert f"puts it in kind {'ABCDEFGHIJKL'[order[1]]}" in other.sentence
    assert other.figure.layout.yaxis.ticktext[1].endswith(" *")


def test_without_a_step_nothing_is_drawn_after_it(logits):
    bars, pulled = clad.why(explained(logits, step=np.array(0)), IMAGE)
    assert len(bars.figure.data) == 1
    assert "The step" not in pulled.sentence


def test_the_step_is_compared_with_what_it_does_to_normal_images(logits):
    picture = clad.why(explained(logits), IMAGE)[1]
    own, others = clad.confidence(logits[0, [0, 2]], 100), clad.confidence(logits[1:, [0, 2]], 100)
    for row, side in enumerate(("low", "middle", "high")):
        name = ("normal 5 %", "normal median", "normal 95 %")[row]
        np.testing.assert_allclose(
            picture.table[name], np.quantile(others, (0.05, 0.5, 0.95)[row], axis=0), err_msg=side
        )
    shares = (others < own).mean(0)
    assert f"above {100 * shares[0]:.1f}".rstrip("0").rstrip(".") in picture.sentence
    assert f"moves it to {own[1]:.5g}" in picture.sentence
    assert picture.figure.data[0].line.color == NORMAL
    alone = clad.pulled(logits[0, [0, 2]], 0.02, 100)
    assert "held-out" not in alone.sentence and "normal median" not in alone.table


def test_the_perturbation_is_drawn_where_its_direction_is_known(logits):
    direction = np.zeros((1, 4, 4), np.int8)
    direction[0, 0], direction[0, 1, 0] = 1, -1
    reason = explained(logits)
    assert len(clad.why(reason, IMAGE)) == 2
    picture = clad.why(reason | {"direction": direction}, IMAGE)[2]
    image, after, heat = picture.figure.data
    assert (np.asarray(image.z)[0, 0, 0], np.asarray(after.z)[0, 0, 0], np.asarray(after.z)[1, 0, 0]) == (51, 56, 46)
    np.testing.assert_array_equal(np.asarray(heat.z)[-1], 1)  # a heat map begins at the bottom
    assert heat.colorscale[0][1] == DIFFERENCES[0]
    assert "25 % brighter, 6 % darker" in picture.sentence and "at most 2 %" in picture.sentence


def test_a_step_beyond_black_and_white_is_cut_off():
    after = clad.perturbation(np.array([[[0, 255]]], np.uint8), np.array([[[-1, 1]]]), 0.1).figure.data[1]
    assert np.asarray(after.z)[0, :, 0].tolist() == [0, 255]
