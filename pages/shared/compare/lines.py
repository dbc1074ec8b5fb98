"""Runs of one task as what the Compare page puts side by side: entrants, their control lines, seeds together."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from core import evaluation
from core.figures.pages.compare_lines import Entrant, Line, Metric, clearly_above
from core.runs.spec import published
from core.runs.store import CONTROLS, UNTRAINED, Run
from pages.shared import cached


def of(run: Run, name: str, score: str) -> Entrant:
    """One score of a finished run.  name: how the run is called on the page.  Raises DamagedRun."""
    curves = cached.arrays(run, "curves")
    card, headline = run.spec.card, run.spec.card.headline
    figures = [each for each in published(run.spec) if (each.score, each.metric) == (score, "auroc")]
    return Entrant(
        name=name,
        score=card.score(score).title,
        values=cached.array(run, "scores", f"test/{score}"),
        normal=cached.held_out_scores(run, score),
        threshold=run.threshold(score),
        metrics=run.metrics(score),
        curves=_curves(curves, score),
        untrained=run.controls.get(UNTRAINED, {}).get("auroc") if score == headline else None,
        seconds=run.about["timings"]["training"],
        published=tuple(f"{each.value:.3f} ({each.source}{_remark(each.remark)})" for each in figures),
        alarm=run.about.get("alarms", {}).get(score, ""),
    )


def controls(run: Run) -> list[Entrant]:
    """The control lines of the run's task; none while they are being computed.  Raises DamagedRun."""
    if not run.has("controls") or not run.controls:
        return []
    stored = cached.arrays(run, "controls")
    lines = [name for name in CONTROLS if name != UNTRAINED]
    return [
        Entrant(
            name=CONTROLS[name],
            score="Distance" if name.startswith("nearest") else "Error",
            values=stored[f"test/{name}"],
            normal=stored[f"valid/{name}"],
            threshold=run.rule.held_out().threshold(None, stored[f"valid/{name}"]),
            metrics=run.controls[name],
            curves=_curves(stored, name),
            control=True,
        )
        for name in lines
    ]


def lines(runs: Sequence[Run], entrants: Sequence[Entrant], together: bool) -> list[Line]:
    """A line per entrant, or per run with its seeds taken together; runs and entrants in the same order."""
    groups: dict[tuple, list[tuple[Run, Entrant]]] = {}
    for run, entrant in zip(runs, entrants, strict=True):
        key = (dataclasses.replace(run.spec, seed=0).hash, entrant.score) if together else (run.id, entrant.score)
        groups.setdefault(key, []).append((run, entrant))
    return [_line(group) for group in groups.values()]


def difference(run: Run, one: Entrant, other: Entrant) -> Metric:
    """AUROC of one minus the other's with its paired interval, kept while the run stays the same."""
    novel = cached.array(run, "test", "novel")
    name = "paired difference"
    return cached.remember(
        run, lambda: evaluation.paired_difference(one.values, other.values, novel), name, _key(one), _key(other)
    )


def beaten(entrant: Entrant, control: Entrant) -> bool:
    """Whether the intervals alone say that the entrant beats the control."""
    return clearly_above(entrant.metrics["auroc"], control.metrics["auroc"])


def _line(group: list[tuple[Run, Entrant]]) -> Line:
    members = tuple(entrant for _, entrant in group)
    if len(group) == 1:
        return Line(members[0].name, members)
    what = "seeds" if len({run.spec.seed for run, _ in group}) == len(group) else "runs"
    return Line(f"{group[0][0].spec.card.title} ({len(group)} {what})", members)


def _key(entrant: Entrant) -> str:
    """Tells entrants of one task apart for the cache; the values decide, not how the page calls them today."""
    return f"{entrant.score} {entrant.control} {entrant.name} {entrant.values.sum()!r} {entrant.values[0]!r}"


def _curves(stored: Mapping[str, np.ndarray], score: str) -> dict[str, np.ndarray]:
    """fpr, tpr, recall and precision of one score among stored curves."""
    axes = {"fpr": "roc", "tpr": "roc", "recall": "pr", "precision": "pr"}
    return {axis: stored[f"{kind}/{score}/{axis}"] for axis, kind in axes.items()}


def _remark(remark: str) -> str:
    return f", {remark}" if remark else ""
