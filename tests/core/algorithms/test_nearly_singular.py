"""Pseudo-inverses of singular scatter matrices, against eigendecompositions and the SVD."""

import numpy as np
import pytest
import torch

from core.algorithms.nearly_singular import (
    SINGULAR_CUT,
    Lifted,
    faint_directions,
    largest_eigenvalue,
    narrow_root,
    whitened_root,
)


def scatter_of(rng: np.random.Generator, singular: np.ndarray) -> torch.Tensor:
    """A scatter [d, d] with these singular values and random directions."""
    axes = np.linalg.qr(rng.normal(size=(len(singular), len(singular))))[0]
    return torch.from_numpy((axes * singular**2) @ axes.T)


def squares(block: torch.Tensor, vectors: torch.Tensor) -> tuple[torch.Tensor, int]:
    """c^T B^+ c of the rows [B, d] and the rank, without what lies below the cut."""
    values, axes = torch.linalg.eigh(block)
    singular = values.clamp(min=0).sqrt()
    keep = singular > SINGULAR_CUT * singular.max()
    return (vectors @ axes[:, keep] / singular[keep]).square().sum(1), int(keep.sum())


def test_a_narrow_root_times_itself_is_the_scatter(rng):
    rows = rng.normal(size=(7, 20)) * np.geomspace(10, 0.1, 20)
    rows[:, 4] = 0
    scatter = torch.from_numpy(rows.T @ rows)
    root = narrow_root(scatter, 7)
    assert root.shape == (20, 7)
    torch.testing.assert_close(root @ root.T, scatter, rtol=1e-9, atol=1e-9)
    assert narrow_root(scatter, 100).shape[1] >= 7  # rounding may add columns next to nothing
    assert narrow_root(torch.zeros(5, 5, dtype=torch.float64), 3).shape == (5, 0)


def test_a_whitened_root_gives_the_pseudo_inverse(rng):
    rows, vectors = rng.normal(size=(6, 15)), torch.from_numpy(rng.normal(size=(4, 15)))
    rows[5] = 1e-7 * rng.normal(size=15)  # below the cut
    whitened = whitened_root(torch.from_numpy(rows.T.copy()))
    expected, rank = squares(torch.from_numpy(rows.T @ rows), vectors)
    assert whitened.shape == (15, 5) and rank == 5
    torch.testing.assert_close((vectors @ whitened).square().sum(1), expected, rtol=1e-6, atol=0)
    assert whitened_root(torch.zeros(5, 0, dtype=torch.float64)).shape == (5, 0)


def test_the_largest_eigenvalue_and_columns_near_its_vector(rng):
    block = scatter_of(rng, np.geomspace(3, 1e-4, 40))
    value, near = largest_eigenvalue(block)
    assert value == pytest.approx(9.0, rel=1e-3)
    smaller, columns = largest_eigenvalue(block[:30, :30])
    assert smaller == pytest.approx(float(torch.linalg.eigvalsh(block[:30, :30])[-1]), rel=1e-3)
    assert largest_eigenvalue(block, columns)[0] == pytest.approx(9.0, rel=1e-3)
    assert largest_eigenvalue(torch.zeros(3, 3, dtype=torch.float64))[0] == 0


@pytest.mark.parametrize("faint", [0, 1, 5, 14])
def test_faint_directions_are_the_eigenvectors_of_the_smallest_eigenvalues(rng, faint):
    """Three times as many spreads lie close above the limit; fourteen are more than the guess allows for at first."""
    singular = np.concatenate([np.geomspace(1, 3e-5, 200 - faint), np.geomspace(5e-6, 1e-9, faint)])
    block = scatter_of(rng, singular)
    factor = torch.linalg.cholesky(block + 1e-14 * torch.eye(200, dtype=torch.float64))
    found = faint_directions(block, factor, SINGULAR_CUT**2, 1)
    expected = torch.linalg.eigh(block)[1][:, :faint]
    assert found is not None and found.shape == (200, faint)
    torch.testing.assert_close(found @ found.T, expected @ expected.T, rtol=0, atol=1e-4)


def test_too_many_faint_directions_are_left_to_a_narrow_root(rng):
    block = scatter_of(rng, np.concatenate([np.geomspace(1, 1e-2, 60), np.geomspace(1e-6, 1e-8, 40)]))
    assert Lifted.of(block, [100]) is None


@pytest.mark.parametrize("spectrum", ["dead units", "copies", "close to the cut", "sound"])
def test_one_lifted_factor_gives_the_pseudo_inverse_of_every_leading_block(rng, spectrum):
    width, widths = 120, [50, 80, 110, 120]
    rows = rng.normal(size=(400, width)) @ (rng.normal(size=(width, width)) * np.geomspace(1, 0.03, width))
    vectors = 2 * rng.normal(size=(30, width)) @ (rng.normal(size=(width, width)) * np.geomspace(1, 0.03, width))
    if spectrum == "dead units":  # in the first block and in the last
        rows[:, [3, 115]] *= 1e-8
    elif spectrum == "copies":
        rows[:, 70] = rows[:, 10] - 2 * rows[:, 20]
        rows[:, 112:] = rows[:, 40:48]
    elif spectrum == "close to the cut":
        rows[:, 30] = rows[:, 4] + 3e-5 * rows[:, 30]
        rows[:, 90] = rows[:, 60] + 3e-6 * rows[:, 90]
    scatter = torch.from_numpy(rows.T @ rows)
    lifted = Lifted.of(scatter, widths)
    assert lifted is not None
    found = lifted.squares(torch.from_numpy(vectors).float())
    for each in widths:
        expected, rank = squares(scatter[:each, :each], torch.from_numpy(vectors[:, :each]))
        assert each - lifted.corrections[each].away.shape[1] == rank
        # A direction close to the cut multiplies what float32 has lost by up to 1e5.
        torch.testing.assert_close(found[each], expected, rtol=2e-2 if spectrum == "close to the cut" else 1e-3, atol=0)
