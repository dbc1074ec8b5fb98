"""Nearest neighbours and principal components, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

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
        components.first(4).error(torch.from_numpy(fresh).float()), np.square(residual).sum(1), rtol=1e-3
    )


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
