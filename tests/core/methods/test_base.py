"""The detector's common half: images in chunks, what it refuses, scikit-learn's view of it."""

import fnmatch
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_outlier_detector
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import ParameterGrid
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted

from core import methods
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


# --- scikit-learn's own checks of estimators --------------------------------------------------------------------------

NAME = "Outlier"
APPLY = (
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_set_params",
    "check_valid_tag_types",
)
SKIPPED = {  # the other checks for outlier detectors, with the reason
    "tables": "give float tables [N, features] where this takes uint8 images [N, C, H, W]: "
    "check_complex_data, check_dict_unchanged, check_dont_overwrite_parameters, check_dtype_object, "
    "check_estimator_sparse_*, check_estimators_*, check_f_contiguous_array_estimator, check_fit*, "
    "check_methods_*_invariance, check_n_features_in*, check_nonsquare_error, check_outlier_corruption, "
    "check_outliers_*, check_pipeline_consistency, check_positive_only_tag_during_fit, check_readonly_memmap_input",
    "constructor": "want an estimator without arguments, where a method must be named: "
    "check_parameters_default_constructible",
    "contamination": "set a parameter that the threshold rule's normal_share takes the place of: "
    "check_outlier_contamination",
    "weights": "give sample weights, which no method takes: check_sample_weight*, check_all_zero_sample_weights_error",
}


@pytest.fixture
def outlier() -> Outlier:
    return Outlier(methods.load("pca-error"))


@pytest.fixture
def noise(rng) -> np.ndarray:
    return rng.integers(0, 256, (40, 1, 4, 4), np.uint8)


@pytest.mark.parametrize("check", APPLY)
def test_the_checks_that_apply_to_image_arrays_pass(outlier, check):
    getattr(estimator_checks, check)(NAME, outlier)


@pytest.mark.filterwarnings("ignore")
def test_every_check_for_outlier_detectors_applies_or_is_skipped_for_a_reason(outlier):
    """A check that a later scikit-learn adds must be looked at."""
    patterns = [*APPLY, *(word.strip(" ,:.") for text in SKIPPED.values() for word in text.split() if "check_" in word)]
    there = {
        getattr(check, "func", check).__name__
        for make in (estimator_checks._yield_api_checks, estimator_checks._yield_all_checks)
        for check in (make(outlier) if make is estimator_checks._yield_api_checks else make(outlier, legacy=True))
    }
    assert [name for name in sorted(there) if not any(fnmatch.fnmatch(name, each) for each in patterns)] == []


def test_a_clone_is_unfitted_and_gives_the_same(outlier, noise):
    with pytest.raises(NotFittedError):
        outlier.predict(noise)
    outlier.set_params(seed=3, preset="paper")
    predicted = outlier.fit_predict(noise)
    check_is_fitted(outlier)
    copy = clone(outlier)
    assert copy.get_params() == outlier.get_params() and not hasattr(copy, "detector_")
    np.testing.assert_array_equal(copy.fit_predict(noise), predicted)
    assert set(predicted.tolist()) <= {-1, 1} and is_outlier_detector(outlier)


def test_parameters_are_searched_as_others_are(outlier, noise):
    scores = [clone(outlier).set_params(**each).fit(noise).offset_ for each in ParameterGrid({"seed": [0, 1]})]
    assert len(set(scores)) == 2
    with pytest.raises(ValueError, match="no parameter 'depth'"):
        outlier.set_params(depth=3)
