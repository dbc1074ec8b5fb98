"""The runs that a grid means, counted by hand, and how long they take."""

from dataclasses import replace

import pytest

from core.errors import WrongRequest
from core.runs import duration
from core.runs.duration import Estimate
from core.sweeps import cells, grid
from core.sweeps.cells import Cell
from tests.core.sweeps.small import small

BASE = {"dataset": "digits", "scenario": "unimodal", "target": [3, 8]}


def test_each_method_is_asked_only_what_it_has():
    """VAE: 2 classes x 2 epochs x 2 codes x 2 seeds; the Gaussian has neither epochs, codes nor a random part."""
    asked = BASE | {"method": ["vae-threshold", "gaussian"], "epochs": [5, 6], "seeds": [0, 1]}
    found = cells.expand(grid.read(asked | {"knobs": {"latent": [2, 8]}}))
    by_method = {name: [c for c in found if c.settings["method"] == name] for name in asked["method"]}
    assert {name: len(some) for name, some in by_method.items()} == {"vae-threshold": 16, "gaussian": 2}
    assert cells.count(grid.read(asked | {"knobs": {"latent": [2, 8]}})) == 18
    assert len({cell.spec.hash for cell in found}) == 18
    for cell in by_method["vae-threshold"]:
        assert cell.spec.knobs["latent"] == cell.settings["knobs.latent"]
        assert cell.spec.knobs["epochs"] == cell.settings["epochs"]
        assert cell.spec.seed == cell.settings["seed"]
        assert cell.spec.target == (cell.settings["target"],)
    assert all("epochs" not in cell.settings and cell.spec.seed == 0 for cell in by_method["gaussian"])


def test_two_ways_to_ask_for_the_same_run_are_one_run():
    assert len(cells.expand(grid.read(BASE | {"target": [3, "3"], "method": "gaussian"}))) == 1


def test_a_cell_that_the_card_refuses_is_listed_and_the_others_go_on():
    asked = {"dataset": "digits", "scenario": ["unimodal", "several-normal"], "target": [[0, 1, 3], 4]}
    found = cells.expand(grid.read(asked | {"method": "gaussian"}))
    refused = [cell for cell in found if cell.spec is None]
    assert len(found) == 4 and len(refused) == 1
    assert refused[0].settings["scenario"] == "unimodal" and refused[0].settings["target"] == "0,1,3"
    assert "exactly one class" in refused[0].refusal
    assert found[-1] is refused[0]


def test_a_class_that_no_set_has_is_a_slip_of_the_pen():
    with pytest.raises(WrongRequest, match="no class 'ten'"):
        cells.expand(small(target=[3, "ten"]))


def test_an_absent_set_refuses_its_cells_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    found = cells.expand(small(dataset=["digits", "mnist"]))
    assert [cell.spec is None for cell in found] == [False, False, True, True]
    assert "fetch" in found[-1].refusal
    with pytest.raises(WrongRequest, match="No run of the grid is possible"):
        cells.expand(small(dataset="mnist"))


def test_cells_survive_json():
    for cell in cells.expand(small(scenario=["unimodal", "several-normal"], target=[[0, 1], 3])):
        assert Cell.from_json(cell.to_json()) == cell


def test_the_time_of_many_runs_is_shared_among_workers(monkeypatch):
    asked = []

    def estimate(spec, train_count):
        asked.append(train_count)
        return None if spec.seed == 9 else Estimate(10.0, None)

    monkeypatch.setattr(duration, "estimate", estimate)
    (spec,) = (cell.spec for cell in cells.expand(small(seeds=0)))
    four = [replace(spec, knobs={**spec.knobs, "trees": number}) for number in range(1, 5)]
    assert cells.seconds(four) == [10.0] * 4 and set(asked) == {109}
    assert cells.total_seconds(four, 2) == 20.0
    assert cells.total_seconds(four, 8) == 10.0  # no faster than one run
    assert cells.total_seconds([], 2) == 0.0
    assert cells.total_seconds([replace(spec, seed=9)], 2) is None
    asked.clear()
    many = [replace(spec, knobs={**spec.knobs, "trees": number}) for number in range(1, 1001)]
    assert cells.total_seconds(many, 2) == 5000.0 and len(asked) == 200
