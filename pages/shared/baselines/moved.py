"""The one setting of a baseline that moves after the fit: how many neighbours count, how many components redraw."""

import streamlit as st

from core.figures.families import baselines_components, baselines_neighbours
from core.figures.moved import Moved
from core.runs.store import Run
from pages.shared import cached


def choices(run: Run) -> list[int]:
    """What the setting can be, the fitted one last; one choice or none where nothing can be moved."""
    if run.spec.method == "nearest-neighbours":
        return list(range(1, run.spec.settings.neighbours + 1))
    if run.spec.method == "pca-error":
        portrait = cached.arrays(run, "portrait", "kept", "axes")
        return baselines_components.choices(int(portrait["kept"]), len(portrait["axes"]))
    return []


def slider(run: Run) -> int | None:
    """The setting that a person chose, the fitted one at first; None for a method that has none."""
    offered = choices(run)
    if len(offered) < 2:
        return None
    label = "Neighbours that count" if run.spec.method == "nearest-neighbours" else "Components that redraw"
    return st.select_slider(
        label,
        offered,
        offered[-1],
        key=f"baselines_{run.spec.method}_{offered[-1]}",  # another run offers other numbers
        bind="query-params",
        help="Fitted with the last one. Scores, threshold and pictures follow from what the run keeps.",
    )


def scored(run: Run, score: str, count: int | None) -> Moved:
    """All scores of test and held-out normal images at a setting; count: None is as fitted."""
    names = [each.name for each in run.spec.card.scores]
    tested, normal = (
        {name: cached.array(run, "scores", f"{split}/{name}") for name in names} for split in ("test", "valid")
    )
    if count is not None and count != choices(run)[-1]:
        stored = cached.arrays(run, "explanations")
        if run.spec.method == "nearest-neighbours":
            tested, normal = (
                baselines_neighbours.with_fewer(stored[f"{split}/distances"], count) for split in ("test", "valid")
            )
        else:
            tested, normal = (
                {"error": baselines_components.errors(stored[f"{split}/off_mean"], along, [count])[0]}
                for split in ("test", "valid")
                for along in [stored[f"{split}/coordinates"]]
            )
    return Moved(tested, normal, score, run.rule)
