import numpy as np
import pytest

from core import evaluation
from core.figures.families import rapp_windows as choice

WINDOWS = np.array([[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]])


@pytest.fixture
def layers(rng) -> np.ndarray:
    return rng.random((40, 3)).astype(np.float32)


@pytest.fixture
def naps(rng) -> np.ndarray:
    return rng.random((40, 6)).astype(np.float32)


def test_the_scores_of_a_window_take_its_layers_and_its_column(layers, naps):
    scores = choice.window_scores(layers, naps, WINDOWS, (1, 2))
    np.testing.assert_array_equal(scores["reconstruction"], layers[:, 0])
    np.testing.assert_allclose(scores["sap"], layers[:, 1] + layers[:, 2], rtol=1e-6)
    np.testing.assert_array_equal(scores["nap"], naps[:, 4])


@pytest.mark.parametrize("score", ["sap", "nap"])
def test_every_window_agrees_with_each_alone(layers, naps, score):
    together = choice.every_window(score, layers, naps, WINDOWS)
    for column, window in enumerate(WINDOWS.tolist()):
        alone = choice.window_scores(layers, naps, WINDOWS, tuple(window))[score]
        np.testing.assert_allclose(together[:, column], alone, rtol=1e-6)


def test_the_narrowest_window_has_the_smallest_spread_of_normal_scores(rng, naps):
    layers = np.stack([rng.uniform(9, 11, 40), rng.uniform(0, 100, 40), rng.uniform(1, 30, 40)], 1)
    assert choice.narrowest("sap", layers, naps, WINDOWS) == (0, 0)


def test_a_trial_has_the_auroc_of_each_window_and_counts_novel_classes(layers, naps):
    novel, classes = np.arange(40) % 2, np.array(["a", "b", "a", "c"] * 10)
    trial = choice.trial("nap", layers, naps, WINDOWS, novel, classes)
    np.testing.assert_allclose(trial.aurocs, [evaluation.auroc(column, novel) for column in naps.T])
    assert trial.kinds == 2
    assert trial.one.shape == trial.other.shape == (100, 6)


def test_the_map_marks_your_window_the_narrowest_and_the_best():
    aurocs = np.array([0.6, 0.7, 0.8, 0.75, 0.9, 0.65])
    picture = choice.window_map(aurocs, WINDOWS, (0, 2), (2, 2), "NAP")
    assert [trace.name for trace in picture.figure.data[1:]] == [
        "your window: 0 to 2, 0.800",
        "narrowest on validation: 2 to 2, 0.650",
        "best on the test images: 1 to 2, 0.900",
    ]
    heat = picture.figure.data[0]
    assert heat.z[1][2] == 0.9 and np.isnan(heat.z[2][1])
    assert "0.600 to 0.900" in picture.sentence and "that choice gets 0.650" in picture.sentence


def test_peeking_compares_gains_over_the_fixed_window_on_both_halves():
    """The second window wins on the first half by 0.2 and loses on the other by 0.1."""
    one, other = np.tile([0.6, 0.8], (5, 1)), np.tile([0.7, 0.6], (5, 1))
    trial = choice.Trial(np.array([0.65, 0.7]), one, other, kinds=3)
    picture = choice.peeking(trial, np.array([[0, 1], [1, 1]]), (0, 1))
    np.testing.assert_allclose(picture.table["seems"], 0.2)
    np.testing.assert_allclose(picture.table["is"], -0.1)
    assert "seems to gain 0.200 over layers 0 to 1, and gains -0.100" in picture.sentence
    assert "none of the 3 novel classes" in picture.sentence
    assert (
        "one and the same novel class"
        in choice.peeking(trial._replace(kinds=1), np.array([[0, 1], [1, 1]]), (0, 1)).sentence
    )
