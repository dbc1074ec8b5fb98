"""Runs of a sweep by one knob after the other."""

import pytest

from core.figures.families import vae_sweep

AXES = {"latent": [2, 2, 8, 8], "dropout": [0.0, 0.5, 0.0, 0.5]}
MEASURED = {"AUROC": [0.8, 0.6, 0.9, 0.7], "F1": [0.5, None, 0.5, 0.7]}


def test_a_line_goes_through_the_means_of_each_knob():
    picture = vae_sweep.by_settings(AXES, MEASURED, "Measured on digits.")
    lines = [each for each in picture.figure.data if each.mode == "lines"]
    by_latent, by_dropout = ([0.7, 0.8], [0.5, 0.6]), ([0.85, 0.65], [0.5, 0.7])  # AUROC and F1, defined in three
    assert [list(each.y) for each in lines] == [pytest.approx(each) for each in (*by_latent, *by_dropout)]
    dots = [each for each in picture.figure.data if each.mode == "markers"]
    assert [len(each.y) for each in dots] == [4, 3, 4, 3]
    assert picture.table["Latent size"] == [2, 2, 8, 8] and picture.table["F1"][1] is None

    titles = {axis.title.text for axis in picture.figure.select_yaxes()} - {""}
    assert titles == {"AUROC", "F1"}
    assert (
        picture.figure.layout.xaxis3.title.text == "Latent size"
        and picture.figure.layout.xaxis4.title.text == "Dropout"
    )
    assert picture.figure.layout.yaxis.range == picture.figure.layout.yaxis2.range == pytest.approx((0.576, 0.924))


def test_the_knob_that_moves_a_measure_most_is_named():
    sentence = vae_sweep.by_settings(AXES, MEASURED, "Measured on digits.").sentence
    assert "AUROC moves most with dropout: 0.65 at 0.5, 0.85 at 0" in sentence
    assert "F1 moves most with dropout: 0.5 at 0, 0.7 at 0.5" in sentence and sentence.endswith("Measured on digits.")


def test_without_values_nothing_is_compared():
    assert "Too few runs" in vae_sweep.by_settings({"latent": [2, 8]}, {"AUROC": [None, None]}, "").sentence
