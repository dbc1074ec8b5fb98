"""Runs of one task as what the Compare page puts side by side: entrants, their control lines, seeds together."""

from collections.abc import Sequence
from dataclasses import replace

from core import evaluation
from core.figures.pages import compare_lines as rows
from core.figures.pages.compare_lines import Entrant, Line, Metric
from core.figures.pages.method_numbers import published_in_words
from core.runs.spec import published
from core.runs.store import CONTROLS, UNTRAINED, Run
from pages.shared import cached

OF_THE_TASK = {name: title for name, title in CONTROLS.items() if name != UNTRAINED}


def of(run: Run, name: str, score: str) -> Entrant:
    """One score of a finished run.  name: how the run is called on the page.  Raises DamagedRun."""
    card = run.spec.card
    figures = [each for each in published(run.spec) if (each.score, each.metric) == (score, "auroc")]
    return Entrant(
        name=name,
        score=card.score(score).title,
        values=cached.array(run, "scores", f"test/{score}"),
        normal=cached.held_out_scores(run, score),
        threshold=run.threshold(score),
        metrics=run.metrics(score) | ({"accuracy": run.accuracy} if run.accuracy else {}),
        curves=rows.stored_curves(cached.arrays(run, "curves"), score),
        untrained=run.controls.get(UNTRAINED, {}).get("auroc") if score == card.headline else None,
        seconds=run.result("timings", "training"),
        published=tuple(published_in_words(each) for each in figures),
        alarm=run.about.get("alarms", {}).get(score, ""),
    )


def controls(run: Run) -> list[Entrant]:
    """The control lines of the run's task; none while they are being computed.  Raises DamagedRun."""
    if not run.has("controls") or not run.controls:
        return []
    return rows.control_entrants(OF_THE_TASK, cached.arrays(run, "controls"), run.controls, run.rule)


def lines(runs: Sequence[Run], entrants: Sequence[Entrant], together: bool) -> list[Line]:
    """A line per entrant, or per run with its seeds taken together; runs and entrants in the same order."""
    keys = [replace(run.spec, seed=0).hash if together else run.id for run in runs]
    alike = [(key, entrant.score) for key, entrant in zip(keys, entrants, strict=True)]
    return rows.joined(entrants, alike, [run.spec.card.title for run in runs], [run.spec.seed for run in runs])


def difference(run: Run, one: Entrant, other: Entrant) -> Metric:
    """AUROC of one minus the other's with its paired interval, kept while the run stays the same."""
    novel = cached.array(run, "test", "novel")
    name = "paired difference"
    return cached.remember(
        run, lambda: evaluation.paired_difference(one.values, other.values, novel), name, one.key, other.key
    )
