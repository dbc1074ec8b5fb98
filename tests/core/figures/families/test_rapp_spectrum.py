import numpy as np
import pytest

from core import figures
from core.algorithms import nap
from core.figures.families import rapp_spectrum

WINDOWS = np.array([[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]])


def test_the_spectrum_draws_the_cut_that_nap_uses():
    assert rapp_spectrum.SPECTRUM_CUT == nap.SINGULAR_CUT


@pytest.fixture
def portrait() -> dict[str, np.ndarray]:
    """Widths 3, 2, 1; the window 1..2 has three directions, the last of them null; 0..2 has six of which four count."""
    spectra = {(1, 2): [8.0, 2.0, 1e-9], (0, 2): [8.0, 4.0, 2.0, 1.0, 1e-9, 0.0], (2, 2): [3.0]}
    stored = [spectra.get(tuple(window), []) for window in WINDOWS.tolist()]
    return {
        "widths": np.array([3, 2, 1]),
        "windows": WINDOWS,
        "ranks": np.array([3, 5, 4, 2, 2, 1]),
        "count": np.array(50),
        "spectra": np.concatenate(stored),
        "spectrum_ends": np.cumsum([len(values) for values in stored]),
    }


def test_singular_values_are_those_of_the_window(portrait):
    assert rapp_spectrum.singular_values(portrait, (1, 2)).tolist() == [8, 2, 1e-9]
    assert rapp_spectrum.singular_values(portrait, (2, 2)).tolist() == [3]
    assert len(rapp_spectrum.singular_values(portrait, (0, 1))) == 0


@pytest.mark.parametrize(
    ("window", "says"),
    [
        ((1, 2), "The last 1 of 3 are left out: layer 2 is a linear map of layer 1"),
        ((0, 2), "The last 2 of 6 are left out: there the training images don't spread"),
        ((2, 2), "All 1 directions count"),
    ],
)
def test_the_spectrum_says_what_nap_leaves_out_and_why(portrait, window, says):
    values = rapp_spectrum.singular_values(portrait, window)
    picture = rapp_spectrum.nap_spectrum(values, portrait, window)
    assert says in picture.sentence
    assert f"weighs {figures.number(values[0] / values[values > 1e-6][-1])} times" in picture.sentence
    np.testing.assert_array_equal(picture.table["counts"], values > 1e-6)
