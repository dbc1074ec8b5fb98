import numpy as np
import pytest

from core.figures.pages import sweeps
from core.figures.pages.sweeps import Measure, Settings

AUROC, LOSS = Measure("AUROC"), Measure("Loss", lower=True)
AXES, VALUES = ("knobs.latent", "knobs.dropout"), ([2, 8], [0.0, 0.1, None])


def drawn(**more):
    mean = np.array([[0.7, 0.8], [0.9, 0.6], [0.5, np.nan]])
    spread = np.where(np.isfinite(mean), 0.01, np.nan)
    count = np.isfinite(mean) * 2
    return sweeps.heat_map(AXES, VALUES, mean, spread, count, AUROC, **more)


def test_axes_and_values_are_words():
    assert sweeps.axis_title("knobs.learning_rate") == "Learning rate"
    assert [sweeps.plain(each) for each in (None, True, 0.10, 3, "a")] == ["not asked", "yes", "0.1", "3", "a"]
    settings = {"knobs.latent": 2, "seed": 1}
    assert sweeps.settings_in_words(settings, ["knobs.latent", "seed", "target"]) == "latent 2, seed 1"
    assert sweeps.settings_in_words(settings, []) == "the only settings"


def test_a_heat_map_names_its_extremes_and_what_seeds_do():
    picture = drawn(others={"knobs.l2": [0, 1]})
    assert (
        "from 0.5 (latent 2, dropout not asked) to 0.9 (latent 2, dropout 0.1), mean over 2 of l2" in picture.sentence
    )
    assert "Seeds alone move it by 0.01" in picture.sentence
    assert list(picture.table["finished"]) == [2, 2, 2, 2, 2, 0]
    assert picture.table["Latent"][1] == "8" and picture.table["Dropout"][1] == "0"


def test_a_cell_is_clicked_by_its_place():
    mapped, points = drawn().figure.data
    assert ">0.900 ± 0.01<" in mapped.text[1, 0] and mapped.text[2, 1] == ""
    place = list(points.customdata).index(3)
    assert (points.x[place], points.y[place]) == (1, 1)  # second row of two columns
    assert "Latent 8, dropout 0.1" in points.hovertext[place] and "0.600 ± 0.01" in points.hovertext[place]
    assert "nothing finished" in points.hovertext[5]
    assert points.marker.opacity == points.selected.marker.opacity == points.unselected.marker.opacity == 0


def test_one_seed_has_no_spread_and_an_empty_sweep_no_extremes():
    nothing = np.full((3, 2), np.nan)
    empty = sweeps.heat_map(AXES, VALUES, nothing, nothing, np.zeros((3, 2), int), AUROC)
    assert empty.sentence == "No run has finished yet."
    single = sweeps.heat_map(
        AXES, VALUES, nothing * 0 + np.nan_to_num(nothing, nan=0.5), nothing, np.ones((3, 2)), AUROC
    )
    assert "Seeds alone" not in single.sentence


@pytest.mark.parametrize(("measure", "first"), [(AUROC, "b"), (LOSS, "a")])
def test_dots_are_sorted_by_what_is_better(measure, first):
    groups = [Settings("a", (0.5, 0.7)), Settings("b", (0.8, 0.6)), Settings("c", (0.65, 0.65)), Settings("none", ())]
    picture = sweeps.over_seeds(groups, measure)
    assert picture.figure.layout.yaxis.ticktext[-1] == first
    assert f"mean: {first} with {0.7 if first == 'b' else 0.6}" in picture.sentence
    assert "In 2 of the other 2 settings some seed is as good" in picture.sentence  # 0.7 and 0.65 reach 0.6
    assert len(picture.table["settings"]) == 6


def test_seeds_are_not_judged_where_there_is_one():
    assert "One seed each" in sweeps.over_seeds([Settings("a", (0.5,)), Settings("b", (0.6,))], AUROC).sentence
    assert sweeps.over_seeds([Settings("a", (0.5, 0.7))], AUROC).sentence == "a: 0.6, mean of 2."
    assert sweeps.over_seeds([], AUROC).sentence == "No run has finished yet."
    many = [Settings(f"s{place}", (place / 100,)) for place in range(50)]
    assert "10 more are in the table" in sweeps.over_seeds(many, AUROC).sentence


def test_parallel_axes_name_the_one_that_goes_with_most():
    axes = {"knobs.latent": [8, 8, 2, 2], "seed": [0, 1, 0, 1]}
    values = [0.9, 0.8, 0.5, 0.4]
    picture = sweeps.parallel(axes, values, AUROC)
    latent, seed, measure = picture.figure.data[0].dimensions
    assert list(latent["values"]) == [1, 1, 0, 0] and latent.ticktext == ("2", "8") and measure.label == "AUROC"
    between, total = 0.2**2, np.var(values)  # group means lie 0.2 beside the mean of all
    assert f"Latent goes with {100 * between / total:.0f} % of the differences" in picture.sentence
    assert "goes with 0 %" in sweeps.parallel({"seed": [0, 1]}, [0.5, 0.5], AUROC).sentence


def test_cost_tells_the_best_and_the_cheapest():
    groups = [Settings("small", (0.8, 0.8)), Settings("large", (0.9,))]
    picture = sweeps.cost(groups, [2.0, 30.0], AUROC)
    assert "All runs together took 34 s" in picture.sentence
    assert "0.9 (large), took 30 s" in picture.sentence and "(small) reach 0.8 in 2 s" in picture.sentence
    assert "lowest value, 0.8 (small)" in sweeps.cost(groups, [2.0, 30.0], LOSS).sentence
    assert sweeps.cost([], [], AUROC).sentence == "No run has finished yet."
