"""Says of runs that the images under a name are others now than those that they were trained on."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core import scenarios
from core.errors import NoveltyError
from core.runs.store import Run
from pages.shared import panels


def say(runs: Sequence[Run], names: Mapping[str, str] | None = None) -> None:
    """An amber note for each set of images that has changed, where that can be known without reading large sets.

    names: of the runs by id, where there are several.
    """
    found: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        if _changed(run):
            found.setdefault(scenarios.sets_read(run.spec.task), []).append(run)
    for sets, of in found.items():
        verb = "was" if len(of) == 1 else "were"
        these = "this run" if len(runs) == 1 else "these runs"
        named = " and ".join(names[run.id] if names else run.name for run in of)
        who = f"{these if len(of) == len(runs) else named} {verb}"
        st.warning(panels.escape(_sentence(sets, who)), icon=":material/history:")


def _sentence(sets: Sequence[str], who: str) -> str:
    """who: the runs with their verb."""
    under = f"name {sets[0]}" if len(sets) == 1 else f"names {', '.join(sets)}"
    return (
        f"The images under the {under} are no longer those that {who} trained on: all that is shown is of the old "
        "images, and can't be computed again. Put them back, or train anew."
    )


def _changed(run: Run) -> bool:
    try:
        return scenarios.changed(run.spec.task, quickly=True)
    except NoveltyError:  # a spec that can't be read is told of elsewhere
        return False
