"""Settings that act after training: what a person tries on the runs that are shown, in place of the runs' own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from core import knobs
from core.errors import NoveltyError
from core.knobs import Knob, Value
from core.runs.results.detectors import THRESHOLD
from core.runs.store import Run
from pages.shared import knob_inputs, panels


@dataclass(frozen=True)
class Asked:
    """Knobs whose inputs stand in one row.  title: whose they are.  runs: ids.  keys, own: by the knob's name."""

    title: str
    runs: tuple[str, ...]
    knobs: tuple[Knob, ...]
    keys: Mapping[str, str]
    own: Mapping[str, Value]


def changes(runs: Sequence[Run], names: Mapping[str, str]) -> dict[str, dict[str, Value]]:
    """By run id the settings that differ from the run's own, from inputs in an expander.  names: of the runs, by id."""
    rows = _rows(runs, names)
    for row in rows:
        for each in row.knobs:
            knob_inputs.begin(row.keys[each.name], row.own[each.name])
    count = sum(len(knob_inputs.changed(row.knobs, row.keys, row.own)) for row in rows)
    found: dict[str, dict[str, Value]] = {run.id: {} for run in runs}
    label = "Settings that act after training" + (f" · {count} changed" if count else "")
    with st.expander(label, key="score_after", type="compact"):
        for row in rows:
            st.caption(panels.escape(row.title))
            notes = {name: f"the run's own: {value}" for name, value in row.own.items()}
            with st.container(horizontal=True):
                given = knob_inputs.inputs(row.knobs, row.keys, row.own, notes)
            for run_id in row.runs:
                found[run_id] |= given
        own = {row.keys[each.name]: row.own[each.name] for row in rows for each in row.knobs}
        st.button(
            "Back to the runs' own",
            icon=":material/undo:",
            key="score_after_reset",
            on_click=st.session_state.update,
            args=(own,),
            disabled=not count,
        )
    return {run_id: given for run_id, given in found.items() if given}


def called(name: str, given: Mapping[str, Value]) -> str:
    """A run's name with the settings that aren't its own, as its numbers aren't those of the run either."""
    return f"{name} ({', '.join(flags(given)[1:])})" if given else name


def flags(given: Mapping[str, Value]) -> list[str]:
    """The same settings as words of the command line."""
    return ["--set", *(f"{name}={value}" for name, value in given.items())] if given else []


def _rows(runs: Sequence[Run], names: Mapping[str, str]) -> list[Asked]:
    """A row for what moves the threshold of all runs that have the same value of it, then one for each run."""
    acting = {run.id: [each for each in knobs.knobs_of(run.spec.card.knobs) if each.after] for run in runs}
    own = {run.id: _own(run) for run in runs}
    alike: dict[tuple[Knob, Value], list[str]] = {}
    for run in runs:
        for each in acting[run.id]:
            if each.group == THRESHOLD and own[run.id]:
                alike.setdefault((each, own[run.id][each.name]), []).append(run.id)
    rows = []
    for (each, value), ids in alike.items():
        title = "Every detector" if 1 < len(ids) == len(runs) else ", ".join(names[run_id] for run_id in ids)
        rows.append(Asked(title, tuple(ids), (each,), {each.name: _key(value, each)}, {each.name: value}))
    for run in runs:
        others = tuple(each for each in acting[run.id] if each.group != THRESHOLD and own[run.id])
        if others:
            keys = {each.name: _key(run.id, each) for each in others}
            rows.append(Asked(names[run.id], (run.id,), others, keys, {n: own[run.id][n] for n in keys}))
    return rows


def _own(run: Run) -> dict[str, Value]:
    """The run's settings; none where they can't be read, which the scoring process says of that run."""
    try:
        return knobs.values(run.spec.settings)
    except NoveltyError:
        return {}


def _key(whose: Value, knob: Knob) -> str:
    return f"score_after_{whose}_{knob.name}"
