"""Nearest neighbours and principal components, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from core.algorithms import neighbours
from core.algorithms.neighbours import PrincipalComponents, nearest


@pytest.fixture
def rows(rng) -> np.ndarray:
    """Correlated columns of very different spread, away from the origin."""
    return (rng.normal(size=(300, 12)) * np.geomspace(5, 0.05, 12)) @ rng.normal(size=(12, 12)) + 3


@pytest.mark.parametrize("block", [7, 2048])
def test_nearest_against_scikit_learn(rng, rows, block):
    queries = rows[:40] + 0.1 * rng.normal(size=(40, 12))
    expected, places = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(rows).kneighbors(queries)
    distances, found = nearest(torch.from_numpy(queries).float(), torch.from_numpy(rows).float(), 5, block)
    np.testing.assert_array_equal(found, places)
    np.testing.assert_allclose(distances, expected, rtol=1e-4)


def test_an_image_of_the_bank_finds_itself_at_distance_zero(rows):
    bank = torch.from_numpy(rows).float()
    distances, found = nearest(bank, bank, 3)
    np.testing.assert_array_equal(found[:, 0], np.arange(300))
    assert not distances[:, 0].any() and (distances.diff(dim=1) >= 0).all()


def test_a_small_bank_gives_all_it_has():
    distances, found = nearest(torch.zeros(2, 3), torch.tensor([[1.0, 0, 0], [0, 2, 0]]), 5)
    assert distances.tolist() == [[1, 2]] * 2 and found.tolist() == [[0, 1]] * 2


def test_neighbours_far_from_the_origin_are_not_lost_to_rounding(rng):
    """|a|^2 - 2ab in float32 can't tell points at distance 1,000 apart whose own distances are about 0.1."""
    rows = 0.1 * rng.normal(size=(500, 8)) + 1000
    exact = torch.from_numpy(rows).float()
    _, places = (
        NearestNeighbors(n_neighbors=1, algorithm="brute")
        .fit(exact.double().numpy() - 1000)
        .kneighbors(exact[:50].double().numpy() + 0.001 - 1000)
    )
    np.testing.assert_array_equal(nearest(exact[:50] + 0.001, exact, 1)[1], places)


def brute_force(images: torch.Tensor, bank: torch.Tensor, count: int) -> tuple[np.ndarray, np.ndarray]:
    """In float64, without the expansion; the lower position among equals."""
    exact = torch.linalg.vector_norm(images.double()[:, None] - bank.double(), dim=2).numpy()
    places = np.argsort(exact, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(exact, places, 1), places


@pytest.mark.parametrize("spread", [0.99, 1.0])
def test_short_forms_lose_no_neighbour(rng, spread, monkeypatch):
    """Falling spread, as of images, where few rows are measured; and noise, where short forms say nothing."""
    columns = 400
    scale = spread ** np.arange(columns)
    bank = torch.from_numpy(rng.normal(size=(3001, columns)) * scale + 2).float()
    images = torch.from_numpy(rng.normal(size=(60, columns)) * scale + 2).float()
    searched = []
    whole = neighbours.Bank._searched
    monkeypatch.setattr(neighbours.Bank, "_searched", lambda *given: searched.append(1) or whole(*given))
    distances, places = nearest(images, bank, 5)
    assert bool(searched) == (spread == 1)
    expected, order = brute_force(images, bank, 5)
    np.testing.assert_array_equal(places, order)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)


def test_short_forms_are_no_further_apart_than_their_rows(rng):
    rows = torch.from_numpy(rng.normal(size=(200, 300)))
    bank = neighbours.Bank.of(rows)
    assert bank.short.shape == (200, neighbours.SHORT + 1)
    np.testing.assert_allclose(bank.axes @ bank.axes.T, np.eye(neighbours.SHORT), atol=1e-12)
    near, true = torch.cdist(bank.short, bank.short), torch.cdist(rows, rows)
    assert (near <= true + 1e-6).all() and near.mean() > 0.4 * true.mean()
    np.testing.assert_allclose(bank.short.norm(dim=1), (rows - rows.mean(0)).norm(dim=1))


@pytest.mark.parametrize("columns", [3, 300])
def test_of_equal_rows_the_first_ones_are_found(columns):
    """Also where all rows are equal, and where every image is a copy."""
    bank = torch.ones(700, columns)
    bank[1::2] += 1
    distances, places = nearest(torch.ones(2, columns), bank, 4)
    assert not distances.any() and (places % 2 == 0).all()
    distances, _ = nearest(torch.zeros(2, columns), torch.ones(700, columns), 4)
    np.testing.assert_allclose(distances, columns**0.5)
    few = torch.ones(200, columns)  # all of them are measured, so that equals are ordered
    assert nearest(torch.zeros(1, columns), few[:5], 4)[1].tolist() == [[0, 1, 2, 3]]


def test_no_image_has_no_neighbours():
    distances, places = nearest(torch.zeros(0, 300), torch.ones(200, 300), 4)
    assert distances.shape == places.shape == (0, 4)


@pytest.mark.parametrize("columns", [50, 640, 1023])
def test_the_smallest_of_each_row(rng, columns):
    values = torch.from_numpy(rng.normal(size=(20, columns)))
    found = neighbours._smallest(values, 5)
    np.testing.assert_array_equal(found.sort(dim=1).values, np.sort(np.argsort(values.numpy(), axis=1)[:, :5], axis=1))


def test_principal_components_against_scikit_learn(rng, rows):
    expected = PCA().fit(rows)
    components = PrincipalComponents.of(torch.from_numpy(rows).float())
    np.testing.assert_allclose(components.ratio, expected.explained_variance_ratio_, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(components.mean, expected.mean_, rtol=1e-5)
    fresh = rng.normal(size=(20, 12)) + 3
    projected = components.first(4).project(torch.from_numpy(fresh).float())
    np.testing.assert_allclose(projected.abs(), np.abs(expected.transform(fresh)[:, :4]), rtol=1e-3, atol=1e-3)
    four = PCA(4).fit(rows)
    residual = fresh - four.inverse_transform(four.transform(fresh))
    np.testing.assert_allclose(
        components.first(4).left_over(torch.from_numpy(fresh).float()), residual, rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(
        components.first(4).error(torch.from_numpy(fresh).float()), np.square(residual).sum(1), rtol=1e-3
    )


def test_components_of_few_wide_images_are_those_of_the_covariance(rng, monkeypatch):
    """Without taking 1,100 columns apart; a direction that training images don't span is no component."""
    few = torch.from_numpy(rng.normal(size=(12, 1100)) * np.geomspace(3, 0.1, 1100)).float()
    found = PrincipalComponents.of(few)
    monkeypatch.setattr("core.algorithms.neighbours.NARROW", 2000)
    expected = PrincipalComponents.of(few)
    assert found.axes.shape == (11, 1100)
    torch.testing.assert_close(found.ratio, expected.ratio[:11], rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(found.axes @ found.axes.T, torch.eye(11), rtol=0, atol=1e-5)
    fresh = few[:3] + 1
    torch.testing.assert_close(found.keeping(0.9).error(fresh), expected.keeping(0.9).error(fresh), rtol=1e-4, atol=0)
    assert found.error(few).max() < 1e-6


def test_components_of_many_wide_images_come_from_a_draw(rng, monkeypatch):
    monkeypatch.setattr("core.algorithms.neighbours.WIDEST", 30)
    many = torch.from_numpy(rng.normal(size=(500, 2)) @ rng.normal(size=(2, 40))).float()
    found = PrincipalComponents.of(many)
    assert found.axes.shape == (2, 40) and found.error(many).max() < 1e-6
    alike = PrincipalComponents.of(many[:1].repeat(50, 1))
    assert alike.axes.shape == (0, 40) and not alike.error(many[:1]).any()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.999])
def test_as_few_components_as_keep_the_share(rows, share):
    components = PrincipalComponents.of(torch.from_numpy(rows).float())
    kept = len(components.keeping(share).axes)
    assert kept == PCA(share).fit(rows).n_components_
    assert components.ratio[:kept].sum() >= share > components.ratio[: kept - 1].sum()


def test_rows_that_are_all_equal_have_no_spread():
    components = PrincipalComponents.of(torch.full((5, 3), 7.0))
    assert not components.ratio.any()
    assert components.keeping(0.95).error(torch.full((2, 3), 7.0)).tolist() == [0, 0]
