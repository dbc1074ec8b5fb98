"""The classical methods: scores against scikit-learn on digits, reasons that add up, odd training sets."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import OneClassSVM

from core import data, methods
from core.errors import WrongRequest
from core.methods.base import Detector, build
from core.training import TaskTensors

NAMES = [
    name for name in methods.METHODS if methods.card(name).family == "baselines" and not methods.card(name).network
]


@pytest.fixture(scope="module")
def task() -> TaskTensors:
    """300 ones and fours, none of them twice."""
    digits = data.load("digits")
    images = torch.from_numpy(digits.images[np.isin(digits.labels, [1, 4])][:300])
    assert len(images.flatten(1).unique(dim=0)) == 300
    return TaskTensors(images, images[:20])


@pytest.fixture(scope="module")
def tested() -> np.ndarray:
    return data.load("digits").images[1000:1080].copy()


def fitted(name: str, task: TaskTensors, seed: int = 0, **changes) -> Detector:
    settings = dataclasses.replace(methods.card(name).knobs(), **changes)
    return build(methods.load(name), settings, task.shape, seed).fit(task, seed)


def rows(images) -> np.ndarray:
    return np.asarray(images).reshape(len(images), -1) / 255


# --- kernel machines --------------------------------------------------------------------------------------------------


def test_margins_are_scikit_learn_s_distances_to_the_border(task, tested):
    detector = fitted("oc-svm", task, nu=0.2)
    pixels = rows(task.train).astype(np.float32).astype(float)
    expected = OneClassSVM(nu=0.2, gamma="scale").fit(pixels)
    given = rows(tested).astype(np.float32).astype(float)
    np.testing.assert_allclose(detector.score(tested)["margin"], -expected.decision_function(given), atol=1e-6)


def test_svdd_ranks_as_oc_svm_and_tells_its_distance(task, tested):
    svm, ball = fitted("oc-svm", task, nu=0.2), fitted("svdd", task, nu=0.2)
    margin, boundary = svm.score(tested)["margin"], ball.score(tested)["boundary"]
    np.testing.assert_array_equal(margin.argsort(), boundary.argsort())
    np.testing.assert_array_equal(margin > 0, boundary > 0)
    reasons, shown = ball.explain(tested), ball.portrait(task)
    np.testing.assert_allclose(reasons["distances"] - reasons["squared_radius"], boundary, atol=1e-6)
    assert shown["coefficients"].sum() == pytest.approx(1, rel=1e-5)
    assert shown["squared_radius"] == reasons["squared_radius"][0]
    np.testing.assert_allclose(
        reasons["weights"] * float(ball.machine.coefficients.sum()), svm.explain(tested)["weights"], rtol=1e-6
    )


def test_the_support_vectors_that_are_most_alike(task, tested):
    detector = fitted("oc-svm", task, nu=0.2)
    reasons, machine = detector.explain(tested), detector.machine
    squared = np.square(rows(tested)[:, None] - rows(task.train[reasons["neighbours"].flatten()]).reshape(80, 5, -1))
    np.testing.assert_allclose(reasons["similarities"], np.exp(-machine.gamma * squared.sum(2)), rtol=1e-4)
    assert (np.diff(reasons["similarities"]) <= 0).all()
    weight_of = dict(zip(machine.places.tolist(), machine.coefficients.tolist(), strict=True))
    np.testing.assert_allclose(reasons["weights"][0], [weight_of[each] for each in reasons["neighbours"][0].tolist()])
    shown = detector.portrait(task)
    np.testing.assert_array_equal(shown["vector_images"][:9], task.train[shown["places"][:9]])
    assert (np.diff(shown["coefficients"]) <= 0).all() and shown["sentence"] == ""


def test_a_large_set_is_drawn_from_and_this_is_said(task, tested):
    detector = fitted("oc-svm", task, most=100)
    assert detector.used == 100 and detector.portrait(task)["sentence"] == (
        "Fitted to 100 of 300 training images, drawn, as the setting most asks."
    )
    other = fitted("oc-svm", task, seed=5, most=100)
    np.testing.assert_array_equal(detector.score(tested)["margin"], other.score(tested)["margin"])
    np.testing.assert_array_equal(detector.fitted["pictures"], task.train[detector.fitted["places"]])
    whole = fitted("oc-svm", task, most=100, solver="linear", landmarks=50)
    assert whole.used == 300 and "50 of them" in str(whole.portrait(task)["sentence"])
    exact = fitted("oc-svm", task).score(tested)["margin"]
    assert np.corrcoef(whole.score(tested)["margin"], exact)[0, 1] > 0.95


# --- isolation forest -------------------------------------------------------------------------------------------------


def test_few_cuts_are_novel_and_constant_pixels_are_never_cut(task, tested):
    detector = fitted("isolation-forest", task, trees=30)
    score, reasons, shown = detector.score(tested)["anomaly"], detector.explain(tested), detector.portrait(task)
    assert reasons["path_lengths"].shape == (80, 30)
    mean = reasons["path_lengths"].astype(float).mean(1)
    np.testing.assert_allclose(score, 2 ** (-mean / reasons["expected"]), rtol=1e-5)
    varies = task.train.float().std(0).numpy() > 0
    assert shown["cuts"].shape == (1, 8, 8) and not shown["cuts"][~varies].any() and shown["cuts"][varies].any()
    assert not varies.all()
    assert fitted("isolation-forest", task, features="pca", components=7).portrait(task)["cuts"].shape == (7,)


# --- neighbours -------------------------------------------------------------------------------------------------------


def test_distances_to_the_nearest_training_images(task, tested):
    detector = fitted("nearest-neighbours", task)
    expected, places = NearestNeighbors(n_neighbors=7).fit(rows(task.train)).kneighbors(rows(tested))
    scores, reasons = detector.score(tested), detector.explain(tested)
    np.testing.assert_allclose(scores["mean"], expected[:, :5].mean(1), rtol=1e-5)
    np.testing.assert_allclose(scores["last"], expected[:, 4], rtol=1e-5)
    np.testing.assert_allclose(reasons["distances"], expected[:, :5], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(reasons["neighbours"], places[:, :5])
    strip = np.concatenate([np.asarray(task.train)[places[:, k]] for k in range(3)], axis=3)
    np.testing.assert_array_equal(reasons["near"], strip)
    detector.set_knobs(dataclasses.replace(detector.knobs, neighbours=7), lambda: task)
    np.testing.assert_allclose(detector.score(tested)["last"], expected[:, 6], rtol=1e-5)


def test_components_for_features(task, tested):
    detector = fitted("nearest-neighbours", task, features="pca", components=10)
    pca = PCA(10).fit(rows(task.train))
    search = NearestNeighbors(n_neighbors=5).fit(pca.transform(rows(task.train)))
    expected, _ = search.kneighbors(pca.transform(rows(tested)))
    np.testing.assert_allclose(detector.score(tested)["mean"], expected.mean(1), rtol=1e-4)


def test_factors_are_scikit_learn_s_and_copies_are_told(task, tested):
    detector = fitted("local-outlier-factor", task)
    expected = LocalOutlierFactor(20, novelty=True).fit(rows(task.train)).score_samples(rows(tested))
    factor, reasons = detector.score(tested)["factor"], detector.explain(tested)
    np.testing.assert_allclose(factor, -expected, rtol=1e-4)
    np.testing.assert_allclose(reasons["densities"].mean(1) / reasons["density"], factor, rtol=1e-5)
    copies = torch.cat([task.train, task.train[5:6].expand(60, -1, -1, -1)])
    for features in ("pixels", "pca"):
        plain, many = (
            fitted("local-outlier-factor", TaskTensors(images, task.valid), features=features)
            for images in (task.train, copies)
        )
        assert "60 of 360 training images are copies" in str(many.portrait(task)["sentence"])
        np.testing.assert_array_equal(many.fitted["places"], np.arange(300))
        if features == "pixels":  # the copies move the mean that components start from
            np.testing.assert_array_equal(many.score(tested)["factor"], plain.score(tested)["factor"])
        assert many.score(tested)["factor"].max() < 10


def test_the_gallery_shows_the_most_and_the_least_usual(task):
    shown = fitted("nearest-neighbours", task).portrait(task)
    distances, _ = NearestNeighbors(n_neighbors=6).fit(rows(task.train)).kneighbors(rows(task.train))
    order = distances[:, 1:].mean(1).argsort()
    np.testing.assert_array_equal(shown["usual_images"], task.train[order[:8].copy()])
    np.testing.assert_array_equal(shown["unusual_images"], task.train[order[::-1][:8].copy()])
    shown = fitted("local-outlier-factor", task).portrait(task)
    assert len(shown["densities"]) == 300 and len(shown["usual_images"]) == len(shown["unusual_images"]) == 8


# --- linear descriptions ----------------------------------------------------------------------------------------------


def test_the_part_that_components_can_not_redraw(task, tested):
    detector = fitted("pca-error", task, share=0.8)
    pca = PCA(0.8).fit(rows(task.train))
    redrawn = pca.inverse_transform(pca.transform(rows(tested)))
    reasons, shown = detector.explain(tested), detector.portrait(task)
    np.testing.assert_allclose(detector.score(tested)["error"], np.square(rows(tested) - redrawn).sum(1), rtol=1e-3)
    assert np.abs(reasons["redrawn"] - 255 * redrawn.clip(0, 1).reshape(tested.shape)).max() <= 0.51
    off_mean = np.square(rows(tested) - pca.mean_).sum(1)
    np.testing.assert_allclose(reasons["off_mean"], off_mean, rtol=1e-4)
    assert shown["kept"] == pca.n_components_ == len(shown["axes"]) and len(shown["ratio"]) == 64
    np.testing.assert_allclose(np.abs(reasons["coordinates"]), np.abs(pca.transform(rows(tested))), atol=1e-4)
    np.testing.assert_allclose(shown["mean_image"].ravel(), pca.mean_, atol=1e-6)


@pytest.mark.parametrize("features", ["pixels", "pca"])
def test_what_each_pixel_adds_to_the_mahalanobis_distance(task, tested, features):
    detector = fitted("gaussian", task, features=features, components=10)
    pca = PCA(10).fit(rows(task.train))
    train, images = rows(task.train), rows(tested)
    if features == "pca":
        train, images = pca.transform(train), pca.transform(images)
    expected = LedoitWolf().fit(train).mahalanobis(images)
    np.testing.assert_allclose(detector.score(tested)["mahalanobis"], expected, rtol=1e-3)
    reasons, shown = detector.explain(tested), detector.portrait(task)
    assert reasons["shares"].shape == (80, 8, 8)
    np.testing.assert_allclose(reasons["shares"].astype(float).sum((1, 2)), 1, atol=0.02)
    np.testing.assert_allclose(reasons["by_axis"].sum(1), 1, rtol=1e-4)
    assert shown["axes"].shape[1:] == (1, 8, 8) and (np.diff(shown["variances"]) <= 0).all()
    assert shown["shrinkage"] == pytest.approx(LedoitWolf().fit(train).shrinkage_, rel=1e-3)


# --- odd training sets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("features", ["pixels", "pca"])
def test_training_images_that_are_all_equal(name, features, tested):
    images = torch.full((30, 1, 8, 8), 100, dtype=torch.uint8)
    same = TaskTensors(images, images[:5])
    changes = {} if name == "pca-error" else {"features": features}
    if name == "local-outlier-factor":
        with pytest.raises(WrongRequest, match="All training images are equal"):
            fitted(name, same, **changes)
        return
    detector = fitted(name, same, **changes)
    headline = detector.card.headline
    usual, other = detector.score(np.concatenate([images[:1], tested]))[headline][[0, 1]]
    scores = detector.score(tested)[headline]
    assert np.isfinite(scores).all()
    if name == "isolation-forest":
        assert "no cut parts them" in detector.collapsed and (scores == scores[0]).all()
    elif features == "pixels":
        assert detector.collapsed is None and (scores > usual).all() and other > usual


@pytest.mark.parametrize("name", NAMES)
def test_fewer_images_than_any_setting_counts_on(name, tested):
    images = data.load("digits").images[:3].copy()
    few = TaskTensors(torch.from_numpy(images), torch.from_numpy(images[:1]))
    detector = fitted(name, few)
    assert all(np.isfinite(each).all() for each in detector.score(tested).values())
    assert all(np.isfinite(each).all() for each in detector.explain(tested).values())
    assert detector.portrait(few)
