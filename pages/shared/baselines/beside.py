"""Runs of one task beside each other: with and without a network, exact and linear, and what is still to train."""

import streamlit as st

from core import evaluation
from core.figures import Picture
from core.figures.families import baselines_kernels, baselines_runs
from core.figures.families.baselines_runs import Entry
from core.runs import alike, store
from core.runs.store import Run
from pages.shared import cached, method_page, panels, pickers


def side_by_side(run: Run) -> Picture:
    """All runs of the run's task, and the control lines that none of them is."""
    runs = [*alike.on_same_task(run), *alike.of_other_families(run)]
    labels = pickers.short_labels(runs)
    entries = [
        Entry(
            labels[each.id],
            "with" if each.spec.card.network else "without",
            each.metrics()["auroc"],
            each.id == run.id,
        )
        for each in runs
    ]
    known = run.controls
    lines = [Entry(title, "control", known[name]["auroc"]) for name, title in store.CONTROLS.items() if name in known]
    without, deep = (baselines_runs.best(entries, group) for group in ("without", "with"))
    difference = None
    if without is not None and deep is not None:
        one, other = runs[deep], runs[without]
        difference = cached.remember(
            one,
            lambda: evaluation.paired_difference(one.scores(), other.scores(), one.novel),
            "paired",
            other.id,
            other.version,
        )
    return baselines_runs.side_by_side([*entries, *baselines_runs.beyond_runs(lines, entries)], difference)


def exact_or_linear(run: Run) -> None:
    """The exact and the linear-time one-class SVM on this task, where both runs exist; else how to have both."""
    machines = [each for each in alike.on_same_task(run) if each.spec.method == "oc-svm"]
    by_solver = {each.spec.settings.solver: each for each in [*reversed(machines), run] if each in machines}
    if len(by_solver) == 2:
        pair = [by_solver["exact"], by_solver["linear"]]
        scores = [cached.array(each, "scores", "test/margin") for each in pair]
        used = [int(cached.array(each, "portrait", "used")) for each in pair]
        seconds = [each.about.get("timings", {}).get("training") for each in pair]
        picture = baselines_kernels.exact_against_linear(*scores, cached.kinds(run), seconds, used)
        panels.show(picture, run=run.id)
        return
    if not machines:
        st.caption("There is no one-class SVM on this task yet. Below is how to train one.")
        return
    (known,) = by_solver
    missing = "linear" if known == "exact" else "exact"
    asked = {f"Not trained yet on this task: the {missing} solver.": {"solver": missing}}
    for words, spec in alike.variations(by_solver[known], asked).items():
        method_page.to_train(words, spec)


def to_train(run: Run) -> None:
    """The methods of the family that nobody has trained on this task."""
    specs = alike.other_methods(run, alike.on_same_task(run))
    if not specs:
        return
    names = ", ".join(spec.card.title for spec in specs)
    st.caption(panels.escape(f"Not trained yet on this task: {names}."))
    for spec in specs:
        method_page.to_train(f"{spec.card.title}: {spec.card.sentence}", spec)
