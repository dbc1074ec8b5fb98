"""The runs that a grid means: one cell for each, with its request, or with the sentence that refuses it."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core import data, methods, scenarios
from core.errors import NoveltyError, WrongRequest
from core.runs import duration
from core.runs.spec import RunSpec, request
from core.scenarios import names
from core.sweeps.grid import Axis, Grid, Target

MOST_ESTIMATED = 200  # cells whose time is estimated; of more, an even choice stands for all


@dataclass(frozen=True)
class Cell:
    """One run of a grid.

    settings: its value on each axis, and what else the grid says of it: `method`, `target`, `knobs.latent`, `seed`.
    spec: None where it can't be trained; refusal: then why, in a sentence.
    """

    settings: Mapping[str, Any]
    spec: RunSpec | None
    refusal: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "settings": dict(self.settings),
            "spec": self.spec.to_json() if self.spec else None,
            "refusal": self.refusal,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Cell":
        spec = RunSpec.from_json(content["spec"]) if content["spec"] else None
        return cls(content["settings"], spec, content["refusal"])


def count(grid: Grid) -> int:
    """How many runs the grid asks for at most, without looking at any of them."""
    tasks = len(grid.dataset) * len(grid.target) * len(grid.split_seeds)
    options = sum(_product(grid.of_scenario(each)) for each in grid.scenario)
    return tasks * options * sum(_per_task(grid, method) for method in grid.method)


def _per_task(grid: Grid, method: str) -> int:
    card = methods.card(method)
    epochs = len(grid.epochs) if grid.epochs and card.epochs else 1
    seeds = len(grid.seeds) if card.seeded else 1
    return len(grid.preset) * epochs * len(grid.device) * seeds * _product(grid.of_method(method))


def _product(axes: Mapping[str, Axis]) -> int:
    total = 1
    for values in axes.values():
        total *= len(values)
    return total


def expand(grid: Grid) -> list[Cell]:
    """Every run of the grid once, those that ask for the same as an earlier one left out.

    A method without a random part is trained once, with the first seed; one without epochs, or without a setting of
    the shared knobs, is asked nothing of them.  Raises WrongRequest where a target suits none of the grid's tasks, or
    not one run is possible.
    """
    cells: dict[str, Cell] = {}
    refused: list[Cell] = []
    for method in grid.method:
        for task in _tasks(grid):
            for cell in _cells(grid, method, task):
                if cell.spec is None:
                    refused.append(cell)
                else:
                    cells.setdefault(cell.spec.hash, cell)
    _require_targets(grid, [*cells.values()], refused)
    if not cells:
        raise WrongRequest(f"No run of the grid is possible. {refused[0].refusal}")
    return [*cells.values(), *refused]


Task = tuple[str, str, Target, dict[str, Any], int]


def _tasks(grid: Grid) -> Iterator[Task]:
    for dataset, scenario in itertools.product(grid.dataset, grid.scenario):
        for options in _choices(grid.of_scenario(scenario)):
            for target, split_seed in itertools.product(grid.target, grid.split_seeds):
                yield dataset, scenario, target, options, split_seed


def _choices(axes: Mapping[str, Axis]) -> Iterator[dict[str, Any]]:
    """Every choice of one value for each name."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _cells(grid: Grid, method: str, task: Task) -> Iterator[Cell]:
    """The runs of one method on one task."""
    card = methods.card(method)
    dataset, scenario, target, options, split_seed = task
    counted = grid.epochs if card.epochs else ()
    seeds = grid.seeds if card.seeded else grid.seeds[:1]
    for preset, epochs, device in itertools.product(grid.preset, counted or (None,), grid.device):
        for chosen, seed in itertools.product(list(_choices(grid.of_method(method))), seeds):
            settings: dict[str, Any] = {
                "method": method,
                "dataset": dataset,
                "scenario": scenario,
                "target": names.row(target),
            }
            settings |= {"preset": preset, "device": device} | ({} if epochs is None else {"epochs": epochs})
            settings |= {f"knobs.{name}": value for name, value in chosen.items()}
            settings |= {f"options.{name}": value for name, value in options.items()}
            settings |= {"split_seed": split_seed, "seed": seed}
            changes: dict[str, Any] = ({} if epochs is None else {str(card.epochs): epochs}) | chosen
            try:
                if not data.entry(dataset).present:
                    data.load(dataset)  # says how to get it
                spec = request(
                    dataset,
                    scenario,
                    target,
                    method,
                    preset=preset,
                    changes=changes,
                    options=options,
                    split_seed=split_seed,
                    seed=seed,
                    device=device,
                )
            except NoveltyError as error:
                yield Cell(settings, None, str(error))
            else:
                yield Cell(settings | {"target": names.row(spec.target)}, spec)


def _require_targets(grid: Grid, cells: list[Cell], refused: list[Cell]) -> None:
    """Raise WrongRequest for a target that is known to none of the grid's sets and scenarios: a slip of the pen."""
    for target in grid.target:
        complaints = []
        for dataset, scenario, split_seed in itertools.product(grid.dataset, grid.scenario, grid.split_seeds[:1]):
            try:
                for options in _choices(grid.of_scenario(scenario)):
                    scenarios.task_spec(dataset, scenario, target, options, split_seed)
            except NoveltyError as error:
                complaints.append(str(error))
        if len(complaints) == len(grid.dataset) * len(grid.scenario):
            raise WrongRequest(complaints[0])


# --- how long -------------------------------------------------------------------------------------------------------


def seconds(specs: list[RunSpec]) -> list[float | None]:
    """About how long each of the runs takes by itself; None where no run like it has been trained here or ships."""
    known: dict[tuple[Any, ...], float | None] = {}
    found = []
    for spec in specs:
        key = (spec.method, spec.device, spec.task.hash, str(sorted(spec.knobs.items())))
        if key not in known:
            estimate = duration.estimate(spec, scenarios.offer(spec.task).train or 0)
            known[key] = estimate.seconds if estimate else None
        found.append(known[key])
    return found


def total_seconds(specs: list[RunSpec], jobs: int) -> float | None:
    """About how long they take, so many at once; of many an even choice is looked at.  None where nothing is known."""
    chosen = specs[:: -(-len(specs) // MOST_ESTIMATED)] if specs else []
    known = [each for each in seconds(chosen) if each is not None]
    if not known:
        return 0.0 if not specs else None
    mean = sum(known) / len(known)
    return max(mean * len(specs) / min(jobs, len(specs)), max(known))
