"""How each cell of a protocol stands: its runs, what they reached, the verdict, and what to know of it."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import DamagedRun, NoveltyError
from core.reproduce.cells import Cell, in_what
from core.reproduce.protocol import SHORT, Protocol, history
from core.reproduce.readings import READINGS
from core.reproduce.verdict import NOT_REPRODUCED, REPRODUCED, Verdict, judge, standard_error, undecidable
from core.runs.results import partitions
from core.runs.run import CONTROLS, FAILED, FINISHED, LIVE, Run
from core.sweeps.rows import runs_of

SHORTENED = "the training is shortened, which would explain the difference"


@dataclass(frozen=True)
class Result:
    """A cell as it stands.

    asked, finished, live, failed: counts of its runs.  controls: control line -> its mean over targets and runs of the
    cell's metric; without those that aren't computed.  misread: the verdict on the mistaken reading of the published
    code, where it has one.  notes: what to know of it.
    runs: ids of the finished ones.
    """

    cell: Cell
    verdict: Verdict
    asked: int
    finished: int
    live: int
    failed: int
    controls: Mapping[str, float]
    misread: Verdict | None
    notes: tuple[str, ...]
    runs: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return self.finished == self.asked > 0


def results(protocol: Protocol, mistaken: bool = False) -> list[Result]:
    """Every cell in the protocol's order.

    mistaken: whether a cell is read as the published code reads it, where that is known to be a mistake.
    """
    runs = runs_of([spec for cell in protocol.cells for row in cell.specs for spec in row])
    seals = {each.short for each in history(protocol)}
    return [_result(protocol, cell, runs, seals, mistaken) for cell in protocol.cells]


def _result(protocol: Protocol, cell: Cell, runs: Mapping[str, Run], seals: set[str], mistaken: bool) -> Result:
    table = [[runs.get(spec.hash) for spec in row] for row in cell.specs]
    known = [run for row in table for run in row if run]
    states = [run.state for run in known]
    done = [run for run, state in zip(known, states, strict=True) if state == FINISHED]
    asked = sum(map(len, cell.specs))
    right = _verdict(protocol, cell, table, asked - len(done), states.count(FAILED), False)
    misread = _verdict(protocol, cell, table, asked - len(done), states.count(FAILED), True) if cell.mistaken else None
    return Result(
        cell,
        misread if mistaken and misread else right,
        asked,
        len(done),
        sum(state in LIVE for state in states),
        states.count(FAILED),
        _controls(cell, done),
        misread,
        tuple(_notes(protocol, cell, done, right, misread, seals)),
        tuple(run.id for run in done),
    )


def _verdict(
    protocol: Protocol, cell: Cell, table: Sequence[Sequence[Run | None]], left: int, failed: int, mistaken: bool
) -> Verdict:
    if cell.missing:
        return undecidable(f"data missing: {cell.missing}")
    found = np.full((len(table), len(table[0]), 2), np.nan)
    for place, row in enumerate(table):
        for seed, run in enumerate(row):
            if run and run.state == FINISHED:
                found[place, seed] = reached(run, cell, mistaken)
    verdict = judge(found[..., 0], found[..., 1], cell.claim, float(protocol.content["margin"]), cell.spread > 0)
    if protocol.broken:
        return undecidable("the protocol was edited after it was sealed", verdict)
    if left:
        asked = found[..., 0].size
        told = f", {failed} failed" if failed else ""
        return undecidable(f"{asked - left} of {asked} runs are finished{told}", verdict)
    if cell.claim and cell.other_images:
        return undecidable(cell.other_images, verdict)
    if cell.claim and cell.not_comparable and not mistaken:
        return undecidable(cell.not_comparable, verdict)
    if cell.shortened and verdict.word == NOT_REPRODUCED:
        return undecidable(SHORTENED, verdict)
    return verdict


def reached(run: Run, cell: Cell, mistaken: bool = False) -> tuple[float, float]:
    """The value of a finished run in a cell, and its standard error over test images; nan where it is undefined."""
    return _reached(run.folder, run.version, cell.score, cell.metric, cell.part, cell.mistaken if mistaken else "")


@functools.lru_cache(maxsize=8192)
def _reached(folder: Path, version: int, score: str, metric: str, part: str, reading: str) -> tuple[float, float]:
    run = Run(folder)
    try:
        whole = run.metrics(score)
        if part and "by_source" in whole:
            whole = whole["by_source"].get(part, {})
        found: Mapping[str, Any] = whole.get(metric, {"value": None})
        if reading:
            found = READINGS[reading].read(run.scores(score), run.novel, run.threshold(score))
    except DamagedRun:
        return float("nan"), float("nan")
    value = found["value"]
    return (float("nan") if value is None else float(value)), standard_error(found)


def _controls(cell: Cell, done: Sequence[Run]) -> dict[str, float]:
    """Control lines beside: the mean over targets, of the targets that have them."""
    found: dict[str, dict[str, list[float]]] = {}
    for run in done:
        try:
            lines = run.controls
        except NoveltyError:
            continue
        for name in CONTROLS:
            line = lines.get(name, {})
            line = line.get("by_source", {}).get(cell.part, line) if cell.part else line
            value = line.get(cell.metric, {}).get("value")
            if value is not None:
                found.setdefault(name, {}).setdefault(run.spec.task.hash, []).append(float(value))
    return {name: float(np.mean([np.mean(each) for each in of.values()])) for name, of in found.items()}


def _notes(
    protocol: Protocol,
    cell: Cell,
    done: Sequence[Run],
    right: Verdict,
    misread: Verdict | None,
    seals: set[str],
) -> list[str]:
    """What a reader has to know beside the verdict, in sentences without their full stop."""
    told = [cell.remark and f"published: {cell.remark}", cell.note]
    if cell.shortened and not cell.missing:
        told.append(f"shortened: {'; '.join(cell.shortened)}")
    if cell.claim and cell.claim.trainings == 1 and cell.spread > 0:
        told.append("the published figure counts as a single training, since nobody says of how many it is the mean")
    if misread and np.isfinite(misread.mean):
        told.append(
            f"read as the published code does, where {READINGS[cell.mistaken].sentence}: {misread.mean:.3f}, "
            f"{misread.word}"
        )
    if len(cell.specs) == 1:
        told.append(partitions.told(done).text)
    told += [_explanations(cell, right, misread), *_provenance(protocol, done, seals)]
    return [each for each in told if each]


def _explanations(cell: Cell, right: Verdict, misread: Verdict | None) -> str:
    """For what isn't reproduced, what would explain it, and what of that was tried."""
    if right.word != NOT_REPRODUCED and right.reason != SHORTENED:
        return ""
    way = "above" if right.difference > 0 else "below"
    would = [f"the deviations {', '.join(map(str, in_what(cell)))} of {cell.method}"] if cell.deviations else []
    if cell.shortened:
        would.insert(0, "the shorter training (not tried longer)")
    if cell.claim and cell.claim.trainings == 1:
        would.append("a published figure that is a lucky or a chosen training")
    if misread:
        word = "explains" if misread.word == REPRODUCED else "doesn't explain"
        would.append(f"the published code's reading (tried: {word} it)")
    return f"ours lies {abs(right.difference):.3f} {way} the published figure; would explain it: {'; '.join(would)}"


def _provenance(protocol: Protocol, done: Sequence[Run], seals: set[str]) -> list[str]:
    """Runs that were trained before the protocol was sealed or by hand, with other libraries, or on another machine."""
    told = []
    free = [run for run in done if str(run.about.get("sweep", ""))[-SHORT:] not in seals]
    early = [run for run in free if float(run.about.get("created", 0)) < protocol.sealed]
    if free:
        when = f", {len(early)} of them before it was sealed" if early else ""
        told.append(f"{len(free)} of {len(done)} runs were not trained for this protocol{when}")
    others: dict[str, int] = {}
    for run in done:
        here = run.about.get("environment", {}).get("versions", {})
        differs = [
            f"{name} {here[name]}"
            for name, sealed in protocol.content["versions"].items()
            if here.get(name, sealed) != sealed
        ]
        if differs:
            others[", ".join(differs)] = others.get(", ".join(differs), 0) + 1
    for what, count in others.items():
        sealed = ", ".join(f"{name} {version}" for name, version in protocol.content["versions"].items())
        told.append(f"{count} of {len(done)} runs were trained with {what}; the protocol was sealed with {sealed}")
    return told
