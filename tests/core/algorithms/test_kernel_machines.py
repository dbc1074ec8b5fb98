"""One-class support vector machines against scikit-learn, and SVDD against its own quadratic programme."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDOneClassSVM
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.svm import OneClassSVM

from core.algorithms.kernel_machines import Ball, KernelMachine, gamma_of, kernels
from core.errors import WrongRequest

SETTINGS = {"rbf": {"kernel": "rbf"}, "polynomial": {"kernel": "poly", "degree": 3, "coef0": 1}}


@pytest.fixture
def rows(rng) -> np.ndarray:
    """Two kinds of row, away from the origin, as float32 holds them."""
    return np.concatenate([rng.normal(size=(80, 6)), 0.5 * rng.normal(size=(60, 6)) + 3]).astype(np.float32)


@pytest.fixture
def fresh(rng) -> np.ndarray:
    return (2 * rng.normal(size=(50, 6)) + 1).astype(np.float32)


@pytest.mark.parametrize("kernel", SETTINGS)
@pytest.mark.parametrize("nu", [0.1, 0.5, 0.9])
def test_scores_are_scikit_learn_s(rows, fresh, kernel, nu):
    expected = OneClassSVM(nu=nu, gamma=0.1, **SETTINGS[kernel]).fit(rows.astype(float))
    machine = KernelMachine.fit(torch.from_numpy(rows), nu, 0.1, kernel)
    tested = np.concatenate([rows, fresh])
    score = machine.score(torch.from_numpy(tested))
    np.testing.assert_allclose(score, -expected.score_samples(tested.astype(float)), rtol=1e-10)
    np.testing.assert_allclose(score + machine.offset, -expected.decision_function(tested.astype(float)), atol=1e-9)
    np.testing.assert_array_equal(machine.vectors, rows[machine.places])
    assert machine.coefficients.sum() == pytest.approx(nu * len(rows)) and (machine.coefficients <= 1).all()
    outside = (score[: len(rows)] > -machine.offset + 1e-3).double().mean()
    assert outside <= nu <= len(machine.vectors) / len(rows) + 1e-9  # Schoelkopf et al., proposition 4


@pytest.mark.parametrize("kernel", SETTINGS)
def test_linear_time_scores_are_scikit_learn_s(rows, fresh, kernel):
    whitening = Nystroem(gamma=0.1, n_components=40, random_state=3, **SETTINGS[kernel])
    expected = make_pipeline(whitening, SGDOneClassSVM(nu=0.2, random_state=3)).fit(rows.astype(float))
    machine = KernelMachine.fit_linear(torch.from_numpy(rows), 0.2, 0.1, kernel, landmarks=40, seed=3)
    score = machine.score(torch.from_numpy(fresh))
    np.testing.assert_allclose(score, -expected.score_samples(fresh.astype(float)), rtol=1e-6, atol=1e-6)
    assert machine.offset == pytest.approx(expected[-1].offset_[0]) and machine.vectors.shape == (40, 6)
    np.testing.assert_array_equal(machine.vectors, rows[machine.places])


def test_no_more_landmarks_than_rows(rows):
    assert len(KernelMachine.fit_linear(torch.from_numpy(rows), 0.2, 0.1).vectors) == len(rows)


def test_svdd_solves_its_own_programme(rng):
    """The smallest ball in the kernel's space, found by a general solver from the dual of Tax and Duin, eq. 12."""
    rows, nu = rng.normal(size=(25, 3)), 0.3
    kernel = rbf_kernel(rows, gamma=0.5)
    limit = 1 / (nu * len(rows))
    solved = minimize(
        lambda a: a @ kernel @ a,
        np.full(len(rows), 1 / len(rows)),
        jac=lambda a: 2 * kernel @ a,
        bounds=[(0, limit)] * len(rows),
        constraints={"type": "eq", "fun": lambda a: a.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-13, "maxiter": 1000},
    )
    ball = Ball.of(KernelMachine.fit(torch.from_numpy(rows), nu, 0.5))
    weights = np.zeros(len(rows))
    weights[ball.machine.places] = ball.weights
    np.testing.assert_allclose(weights, solved.x, atol=2e-3)
    assert ball.spread == pytest.approx(solved.fun, rel=1e-3) and weights.sum() == pytest.approx(1)
    distances = 1 - 2 * kernel @ weights + weights @ kernel @ weights
    np.testing.assert_allclose(ball.squared_distances(torch.from_numpy(rows)), distances, rtol=1e-9)
    border = (weights > 1e-6) & (weights < limit - 1e-6)
    assert border.any()
    np.testing.assert_allclose(distances[border], ball.squared_radius, atol=2e-3)


def test_svdd_ranks_as_oc_svm(rows, fresh):
    machine = KernelMachine.fit(torch.from_numpy(rows), 0.2, 0.1)
    ball, images = Ball.of(machine), torch.from_numpy(fresh)
    distances = ball.squared_distances(images)
    np.testing.assert_array_equal(distances.argsort(), machine.score(images).argsort())
    # Both draw the same border.
    np.testing.assert_array_equal(distances > ball.squared_radius, machine.score(images) > -machine.offset)


def test_svdd_refuses_what_it_is_not_equal_to(rows):
    images = torch.from_numpy(rows)
    for machine in (KernelMachine.fit(images, 0.2, 0.1, "polynomial"), KernelMachine.fit_linear(images, 0.2, 0.1)):
        with pytest.raises(WrongRequest, match="Choose the kernel rbf"):
            Ball.of(machine)
    with pytest.raises(WrongRequest, match="no kernel 'linear' here. Choose from rbf, polynomial"):
        KernelMachine.fit(images, 0.2, 0.1, "linear")


def test_kernels_against_scikit_learn(rows, fresh):
    images, others = torch.from_numpy(fresh), torch.from_numpy(rows)
    np.testing.assert_allclose(kernels(images, others, 0.3), rbf_kernel(fresh.astype(float), rows, 0.3), rtol=1e-9)
    expected = polynomial_kernel(fresh.astype(float), rows, degree=3, gamma=0.3, coef0=1)
    np.testing.assert_allclose(kernels(images, others, 0.3, "polynomial"), expected, rtol=1e-9)


def test_alike_images_far_from_the_origin_are_not_lost_to_rounding():
    rows = torch.tensor([[1e6, 1e6], [1e6 + 1, 1e6]])
    np.testing.assert_allclose(kernels(rows, rows, 1.0), [[1, np.exp(-1)], [np.exp(-1), 1]], rtol=1e-12)


def test_the_width_of_the_kernel(rows):
    images = torch.from_numpy(rows)
    scaled = OneClassSVM(gamma="scale").fit(rows.astype(float))
    assert gamma_of(images, "scale") == pytest.approx(scaled._gamma) and gamma_of(images, "auto") == 1 / 6
    assert gamma_of(torch.ones(5, 4), "scale") == 0.25
    assert gamma_of(images, "1e-3") == 0.001


def test_equal_images_and_a_single_one_are_the_only_ones_inside():
    for count in (1, 20):
        machine = KernelMachine.fit(torch.ones(count, 4), 0.1, 0.25)
        same, other = machine.score(torch.stack([torch.ones(4), torch.zeros(4)])).tolist()
        assert same == pytest.approx(-0.1 * count) and other == pytest.approx(same * np.exp(-1))
        ball = Ball.of(machine)
        assert ball.squared_radius == pytest.approx(0, abs=1e-9)
        assert ball.squared_distances(torch.ones(1, 4)).item() == pytest.approx(0, abs=1e-9)


def test_scores_do_not_depend_on_the_block(rows, monkeypatch):
    machine, images = KernelMachine.fit(torch.from_numpy(rows), 0.2, 0.1), torch.from_numpy(rows)
    whole = machine.score(images)
    monkeypatch.setattr("core.algorithms.kernel_machines.BLOCK_KERNELS", 7 * len(machine.vectors))
    np.testing.assert_allclose(machine.score(images), whole, rtol=1e-12)
