"""The runs that ship with the app: true to their checkpoints, small, free of names of the machine that made them."""

import re
import shlex
from pathlib import Path

import pytest

from core.runs import store
from core.runs.results import detectors
from core.sweeps import cells, grid, rows, sweep, tables

SHIPPED = sorted(path for path in store.shipped_root().iterdir() if path.is_dir() and not path.name.startswith("."))
MOST_BYTES = 12_000_000
GRIDS = store.PROJECT / "tests" / "benchmarks" / "sweeps"


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_metrics_come_from_the_checkpoint(folder):
    run = store.find(folder.name)
    again = detectors.evaluate(run, "cpu")
    for score, metrics in run.about["metrics"].items():
        assert again["thresholds"][score] == pytest.approx(run.threshold(score), rel=1e-3)
        for name in ("auroc", "aupr_novel", "f1"):
            assert again["metrics"][score][name]["value"] == pytest.approx(metrics[name]["value"], abs=0.01), (
                score,
                name,
            )


def test_every_method_has_one():
    from core.methods import METHODS

    assert {store.find(folder.name).spec.method for folder in SHIPPED} == set(METHODS)


def test_made_by_the_command_they_name():
    from core.__main__ import parser
    from core.runs.spec import request

    for folder in SHIPPED:
        run = store.find(folder.name)
        words = run.about["command"].split()
        assert words[:3] == ["python", "-m", "core"]
        asked = parser().parse_args(words[3:])
        options, changes = (dict(each.split("=") for each in words) for words in (asked.scenario_set, asked.set))
        task = (asked.dataset, asked.scenario, asked.target, asked.method)
        assert request(*task, options=options, changes=changes).hash == run.spec.hash


def test_the_readme_s_own_commands_train_something_new():
    from core.__main__ import parser
    from core.runs.spec import request

    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"`python -m core (train --dataset digits [^`]+)`", text)
    assert commands
    for command in commands:
        asked = parser().parse_args(shlex.split(command))
        options = dict(each.split("=", 1) for each in asked.scenario_set)
        spec = request(asked.dataset, asked.scenario, asked.target, asked.method, options=options)
        assert spec.slug not in {folder.name for folder in SHIPPED}


def test_small_finished_and_with_control_lines():
    assert sum(path.stat().st_size for path in store.shipped_root().rglob("*") if path.is_file()) < MOST_BYTES
    for folder in SHIPPED:
        run = store.find(folder.name)
        assert run.state == store.FINISHED and run.shipped
        lines = set(store.CONTROLS) if run.spec.card.network else set(store.CONTROLS) - {store.UNTRAINED}
        assert lines <= set(run.controls)


def test_a_finished_sweep_ships_whose_rows_are_what_its_grid_asks_for():
    """Latent size by dropout, with what validation says of each run, and without the folders of its runs."""
    one = sweep.find("latent-and-dropout")
    assert one.shipped and one.state == sweep.FINISHED
    assert [cell.spec.hash for cell in cells.expand(one.grid)] == [cell.spec.hash for cell in one.cells]
    found = rows.rows(one)
    assert all(row.finished and row.value() is not None and row.validation.loss is not None for row in found)
    assert {"knobs.latent", "knobs.dropout"} <= tables.axes(found).keys()
    assert tables.ranking(found).groups


@pytest.mark.parametrize("name", ["clusters", "one_region"])
def test_the_sweeps_behind_clad_s_claims_ship_as_far_as_they_were_measured(name):
    one = sweep.find(name)
    assert one.shipped and one.grid.to_json() == grid.from_file(GRIDS / f"{name}.toml").to_json()
    found = rows.rows(one)
    assert found and all(row.finished and 0 < row.value() < 1 for row in found)
    assert len({row.spec.hash for row in found}) == len(found) <= cells.count(one.grid)
    for row in found:
        assert row.spec.method in one.grid.method and row.spec.target in one.grid.target
