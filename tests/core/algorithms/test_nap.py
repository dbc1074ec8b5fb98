"""NAP from a streamed covariance against what the paper says: the SVD of all training rows."""

import numpy as np
import pytest
import torch

from core.algorithms.nap import (
    AllWindows,
    Pathway,
    Statistics,
    Stream,
    cholesky,
    packed,
    singular_values,
    unpacked,
    whitening,
)

WIDTHS = (9, 7, 5, 3)  # layers 0..3; the last is a linear map of the one before it, as an encoder's is


def direct_nap(train: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, int]:
    """|S^+ V^T (d - mean)|^2 and the rank, in float64, from the SVD of all rows.  RaPP, section 3.3."""
    centred = train - train.mean(0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    keep = singular > 1e-6 * singular[0] if singular[0] > 0 else singular > 0
    coordinates = (images - train.mean(0)) @ axes[keep].T / singular[keep]
    return np.square(coordinates).sum(1), int(keep.sum())


def pathway_rows(
    rng: np.random.Generator, count: int, widths: tuple[int, ...] = WIDTHS
) -> tuple[np.ndarray, np.ndarray]:
    """(training rows [count, D], other rows [20, D]) of correlated columns in which d_L = W d_{L-1} exactly."""
    free = sum(widths[:-1])
    mix = rng.normal(size=(free, free)) * np.geomspace(3, 0.1, free)
    last = rng.normal(size=(widths[-2], widths[-1]))
    shift = rng.normal(size=free)

    def rows(number: int, spread: float) -> np.ndarray:
        first = spread * rng.normal(size=(number, free)) @ mix + shift
        return np.concatenate([first, first[:, -widths[-2] :] @ last], 1)

    return rows(count, 1.0), rows(20, 2.0)


def statistics_of(rows: np.ndarray, size: int = 10**6) -> Statistics:
    stream = Stream(rows.shape[1], torch.device("cpu"))
    for part in torch.from_numpy(rows).split(size):
        stream.update(part)
    return stream.statistics()


def nap(train: np.ndarray, images: np.ndarray, first: int, last: int, widths: tuple[int, ...] = WIDTHS) -> np.ndarray:
    return whitening(statistics_of(train), Pathway(widths), first, last).nap(torch.from_numpy(images)).numpy()


def test_windows_and_columns_of_a_pathway():
    pathway = Pathway(WIDTHS)
    assert pathway.last == 3
    assert pathway.windows == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)]
    assert pathway.columns(1, 2) == slice(9, 21) and pathway.columns(3, 3) == slice(21, 24)
    assert pathway.free(1, 3) == (1, 2) and pathway.free(3, 3) == (3, 3) and pathway.free(0, 2) == (0, 2)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_stream_equals_the_batch(rng, size):
    rows = rng.normal(size=(200, 6)) * np.geomspace(1e3, 1e-3, 6) + 50
    kept = rows.copy()
    streamed = statistics_of(rows, size)
    centred = rows - rows.mean(0)
    assert streamed.count == 200
    np.testing.assert_allclose(streamed.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(streamed.scatter, centred.T @ centred, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(streamed.scatter, streamed.scatter.T)
    np.testing.assert_array_equal(rows, kept)  # what streams through stays as it was


def test_a_stream_goes_on_after_it_was_asked(rng):
    rows = rng.normal(size=(60, 4))
    stream = Stream(4, torch.device("cpu"))
    stream.update(torch.from_numpy(rows[:25]))
    stream.statistics()
    stream.update(torch.from_numpy(rows[25:]))
    np.testing.assert_allclose(stream.statistics().scatter, statistics_of(rows).scatter, rtol=1e-10)


@pytest.mark.parametrize("count", [400, 26, 22, 21, 12])
@pytest.mark.parametrize("window", Pathway(WIDTHS).windows)
def test_nap_equals_the_svd_of_all_rows(rng, window, count):
    """With plenty of rows, about as many as columns, and fewer; the last layer is redundant beside its predecessor."""
    train, images = pathway_rows(rng, count)
    columns = Pathway(WIDTHS).columns(*window)
    expected, rank = direct_nap(train[:, columns], images[:, columns])
    chosen = whitening(statistics_of(train), Pathway(WIDTHS), *window)
    assert chosen.rank == rank
    np.testing.assert_allclose(chosen.nap(torch.from_numpy(images)), expected, rtol=2e-4)


@pytest.mark.parametrize("count", [400, 23, 20, 12])
def test_all_windows_at_once_equal_single_windows(rng, count):
    train, images = pathway_rows(rng, count)
    pathway, statistics = Pathway(WIDTHS), statistics_of(train)
    every = AllWindows(statistics, pathway)
    scores = every.nap(torch.from_numpy(images))
    assert scores.shape == (20, 10)
    for column, window in enumerate(pathway.windows):
        single = whitening(statistics, pathway, *window)
        np.testing.assert_allclose(
            scores[:, column], single.nap(torch.from_numpy(images)), rtol=1e-4, err_msg=str(window)
        )
        assert every.ranks[column] == single.rank


@pytest.mark.parametrize("count", [400, 30])
def test_the_mean_of_nap_over_the_training_rows_is_rank_over_n(rng, count):
    train, _ = pathway_rows(rng, count)
    for window in Pathway(WIDTHS).windows:
        chosen = whitening(statistics_of(train), Pathway(WIDTHS), *window)
        assert chosen.nap(torch.from_numpy(train)).mean() == pytest.approx(chosen.rank / count, rel=1e-4)


def test_few_training_rows_all_get_the_same_nap(rng):
    train, _ = pathway_rows(rng, 12)
    np.testing.assert_allclose(nap(train, train, 0, 3), 1 - 1 / 12, rtol=1e-4)


def test_nap_is_the_squared_mahalanobis_distance_over_n_minus_1(rng):
    train, images = pathway_rows(rng, 300)
    block, tested = train[:, :21], images[:, :21]
    centred = tested - block.mean(0)
    mahalanobis = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(block.T)), centred)
    np.testing.assert_allclose(nap(train, images, 0, 2), mahalanobis / 299, rtol=2e-4)


def test_nap_does_not_change_under_an_invertible_linear_map(rng):
    train, images = pathway_rows(rng, 300)
    change = rng.normal(size=(9, 9)) + 3 * np.eye(9)
    other_train, other_images = train.copy(), images.copy()
    other_train[:, :9], other_images[:, :9] = train[:, :9] @ change + 5, images[:, :9] @ change + 5
    np.testing.assert_allclose(nap(other_train, other_images, 0, 2), nap(train, images, 0, 2), rtol=2e-4)


def test_a_layer_with_dead_units_takes_the_directions_that_vary(rng):
    """A constant column, a copied one, and a layer that is constant altogether."""
    train, images = pathway_rows(rng, 300)
    for rows in (train, images):
        rows[:, 2] = 4.0
        rows[:, 11] = rows[:, 10]
    statistics, pathway = statistics_of(train), Pathway(WIDTHS)
    for window in ((0, 0), (0, 1), (0, 3), (1, 2)):
        columns = pathway.columns(*window)
        expected, rank = direct_nap(train[:, columns], images[:, columns])
        chosen = whitening(statistics, pathway, *window)
        assert chosen.rank == rank < columns.stop - columns.start
        np.testing.assert_allclose(chosen.nap(torch.from_numpy(images)), expected, rtol=5e-4)
    every = AllWindows(statistics, pathway).nap(torch.from_numpy(images))
    single = torch.stack([whitening(statistics, pathway, *w).nap(torch.from_numpy(images)) for w in pathway.windows], 1)
    np.testing.assert_allclose(every, single, rtol=1e-3)

    train[:, :9] = images[:, :9] = 1.0
    still = whitening(statistics_of(train), pathway, 0, 0)
    assert still.rank == 0 and not still.nap(torch.from_numpy(images)).any()


def test_a_layer_of_which_most_directions_are_faint_takes_the_others(rng):
    """As in an untrained network: a third of the directions vary, the others below a millionth of the widest."""
    axes = np.linalg.qr(rng.normal(size=(120, 120)))[0] * np.r_[np.geomspace(1, 1e-3, 40), np.geomspace(1e-7, 1e-9, 80)]
    train, images = (rng.normal(size=(count, 120)) @ axes.T for count in (500, 20))
    expected, rank = direct_nap(train, images)
    chosen = whitening(statistics_of(train), Pathway((120,)), 0, 0)
    assert chosen.rank == rank == 40
    np.testing.assert_allclose(chosen.nap(torch.from_numpy(images)), expected, rtol=1e-3)


def test_singular_values_are_those_of_the_rows(rng):
    train, _ = pathway_rows(rng, 200)
    expected = np.linalg.svd(train - train.mean(0), compute_uv=False)
    found = singular_values(statistics_of(train), slice(0, 24))
    np.testing.assert_allclose(found[:21], expected[:21], rtol=1e-6)
    assert (found[21:] < 1e-5 * found[0]).all()  # the affine last layer adds none


def test_cholesky_says_how_far_a_block_is_sound(rng):
    columns = rng.normal(size=(50, 6))
    columns[:, 4] = columns[:, 1] - columns[:, 2]
    factor, sound = cholesky(torch.from_numpy(columns.T @ columns))
    assert sound == 4
    np.testing.assert_allclose(factor[:4, :4] @ factor[:4, :4].T, columns[:, :4].T @ columns[:, :4], rtol=1e-10)
    assert cholesky(torch.from_numpy(columns[:, :4].T @ columns[:, :4]))[1] == 4


def test_a_packed_matrix_is_its_lower_triangle(rng):
    rows = torch.from_numpy(rng.normal(size=(7, 5)))
    scatter = rows.T @ rows
    values = packed(scatter)
    np.testing.assert_array_equal(values, scatter.numpy()[np.tril_indices(5)])
    lower = unpacked(values, 5)
    np.testing.assert_array_equal(lower, np.tril(scatter))
    np.testing.assert_array_equal(packed(lower), values)
