"""The detector's common half: images in chunks, what it refuses, scikit-learn's view of it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from core.errors import WrongRequest
from core.knobs import knob
from core.methods.base import Detector, Outlier, build, from_state
from core.methods.cards import Card, Score, StageRecord, ThresholdKnobs
from core.training import Stage, TaskTensors


@dataclass(frozen=True)
class Knobs(ThresholdKnobs):
    epochs: int = knob(1, label="Epochs", help="Passes.", low=1)


def refuses(settings, offer):
    return "Images of 3 pixels are too small." if offer.shape[2] == 3 else None


class MeanOf(Stage):
    """Learns the mean image."""

    def __init__(self, detector):
        self.detector = detector

    def begin(self, task, progress):
        self.task = task

    def epoch(self, number):
        self.detector.mean = self.task.train.float().mean(0)
        return {}


class FromMean(Detector):
    """Scores by the squared distance to the mean image."""

    card: ClassVar[Card] = Card(
        "toy",
        "toy",
        "Toy",
        "",
        "",
        Knobs,
        (Score("distance", "", ""),),
        "distance",
        (StageRecord("mean", "Mean"),),
        refuses=refuses,
    )
    chunk = 8

    def __init__(self, knobs, shape):
        super().__init__(knobs, shape)
        self.mean = torch.randn(shape)
        self.sizes: list[int] = []

    def to(self, device):
        self.device, self.mean = device, self.mean.to(device)
        return self

    def make_stages(self, task):
        return [MeanOf(self)]

    def score_batch(self, images):
        self.sizes.append(len(images))
        return {"distance": (images.float() - self.mean).square().sum((1, 2, 3))}

    def explain_batch(self, images):
        return {"difference": images.float() - self.mean}

    def state(self):
        return {"mean": self.mean}

    def load(self, state):
        self.mean = state["mean"]


@pytest.fixture
def images(rng) -> np.ndarray:
    """60 grey images around 100, the last six far brighter."""
    drawn = rng.integers(80, 120, (60, 1, 4, 4), np.uint8)
    drawn[54:] += 100
    return drawn


def test_images_are_scored_in_chunks_with_the_same_result(images):
    detector = build(FromMean, Knobs(), (1, 4, 4), 0)
    scores = detector.score(images)["distance"]
    assert detector.sizes == [8, 8, 8, 8, 8, 8, 8, 4]
    np.testing.assert_allclose(scores, np.square(images - detector.mean.numpy()).sum((1, 2, 3)), rtol=1e-5)
    assert scores.dtype == np.float64 and detector.explain(images)["difference"].dtype == np.float32
    np.testing.assert_array_equal(detector.score(torch.from_numpy(images))["distance"], scores)


def test_no_image_gives_no_score():
    detector = build(FromMean, Knobs(), (1, 4, 4), 0)
    assert detector.score(np.zeros((0, 1, 4, 4), np.uint8))["distance"].shape == (0,)
    assert detector.explain(np.zeros((0, 1, 4, 4), np.uint8))["difference"].shape == (0, 1, 4, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 1, 5, 4), np.uint8),
        np.zeros((1, 4, 4), np.uint8),
        np.zeros((2, 1, 4, 4), np.float32),
        np.zeros((2, 3, 4, 4), np.uint8),
    ],
)
def test_images_of_another_shape_or_type_are_refused(wrong):
    with pytest.raises(WrongRequest, match=r"takes 8-bit images of shape \(1, 4, 4\)"):
        build(FromMean, Knobs(), (1, 4, 4), 0).score(wrong)


def test_initial_weights_come_from_the_seed():
    first, same, other = (build(FromMean, Knobs(), (1, 4, 4), seed) for seed in (0, 0, 1))
    assert torch.equal(first.mean, same.mean) and not torch.equal(first.mean, other.mean)
    assert torch.equal(from_state(FromMean, Knobs(), (1, 4, 4), other.state()).mean, other.mean)


def test_fit_trains_on_the_task_and_returns_the_detector(images):
    task = TaskTensors(torch.from_numpy(images), torch.from_numpy(images[:5]))
    detector = build(FromMean, Knobs(), (1, 4, 4), 0)
    assert detector.fit(task) is detector
    np.testing.assert_allclose(detector.mean, images.mean(0), rtol=1e-5)


# --- scikit-learn's interface -----------------------------------------------------------------------------------------


def test_an_outlier_is_negative_and_predicted_minus_1(images):
    outlier = Outlier(FromMean, Knobs(normal_share=0.9)).fit(images[:50])
    np.testing.assert_array_equal(outlier.predict(images[54:]), -1)
    assert (outlier.score_samples(images[54:]) < outlier.score_samples(images[:50]).min()).all()
    assert outlier.predict(images[:50]).mean() > 0.5


def test_the_threshold_comes_from_images_that_did_not_train(images):
    outlier = Outlier(FromMean, Knobs(normal_share=0.8), seed=2).fit(images[:50])
    held_out = np.random.default_rng(2).permutation(50)[:5]
    rest = np.setdiff1d(np.arange(50), held_out)
    np.testing.assert_allclose(outlier.detector_.mean, images[rest].mean(0), rtol=1e-5)
    scores = np.square(images[held_out] - images[rest].mean(0)).sum((1, 2, 3))
    assert outlier.threshold_ == pytest.approx(np.quantile(scores, 0.8, method="higher"), rel=1e-5)
    assert outlier.offset_ == -outlier.threshold_
    # An image at the threshold is still accepted; only what lies strictly above it is novel.
    np.testing.assert_array_equal(
        outlier.predict(images[held_out[np.argsort(scores)]]),
        [1, 1, 1, 1, 1 if scores.max() == np.quantile(scores, 0.8, method="higher") else -1],
    )


def test_without_settings_the_preset_is_taken(images):
    assert Outlier(FromMean).fit(images).detector_.knobs == Knobs()
    with pytest.raises(WrongRequest, match="no preset 'slow'"):
        Outlier(FromMean, preset="slow").fit(images)


@pytest.mark.parametrize(
    "wrong", [np.zeros((50, 16), np.uint8), np.zeros((50, 1, 4, 4)), np.zeros((19, 1, 4, 4), np.uint8)]
)
def test_fit_refuses_what_are_not_enough_images(wrong):
    with pytest.raises(WrongRequest, match="at least 20 images as one uint8 array"):
        Outlier(FromMean).fit(wrong)


def test_fit_refuses_what_the_card_refuses():
    with pytest.raises(WrongRequest, match="Images of 3 pixels are too small."):
        Outlier(FromMean).fit(np.zeros((30, 1, 3, 3), np.uint8))
