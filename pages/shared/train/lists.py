"""Options of a scenario that list classes or sets: clicked together, and written as text with commas."""

from collections.abc import Sequence

import streamlit as st

from core import data, knobs
from core.data import Entry
from core.knobs import Knob
from core.scenarios import Scenario, names
from core.scenarios.cross_dataset import NOISE
from pages.shared import panels
from pages.shared.knob_inputs import KEPT
from pages.shared.train import form


def options(entry: Entry, rule: Scenario, target: Sequence[str]) -> dict[str, str]:
    """Those that differ from their defaults.

    target: the known classes, which aren't offered again, and neither is a class that an input above has taken.
    """
    given: dict[str, str] = {}
    taken, sets = set(target), set[str]()
    for each in knobs.knobs_of(rule.options):
        if each.picks:
            chosen = _classes(entry, rule, each, taken) if each.picks == "classes" else _sets(entry, rule, each, sets)
            (taken if each.picks == "classes" else sets).update(chosen)
            text = names.row(chosen) if each.picks == "classes" else ",".join(chosen)
            given |= {each.name: text} if text != each.quick else {}
    return given


def key(entry: Entry, rule: Scenario, knob: Knob) -> str:
    """The input of a list."""
    return f"train_option_{rule.kind}_{knob.name}_{entry.name}"


def _begun(entry: Entry, rule: Scenario, knob: Knob, first: list[str], offered: list[str] | None) -> str:
    """The key of an input that holds what a link has left for it, or its first value."""
    at = key(entry, rule, knob)
    asked = st.session_state.pop(form.option_key(rule, knob.name), None)
    if asked is not None:
        by_name = knob.picks == "classes"
        st.session_state[at] = list(names.class_names(entry, [asked])) if by_name else [*names.words(asked)]
    form.begin(at, first, offered)
    return at


def _classes(entry: Entry, rule: Scenario, knob: Knob, taken: set[str]) -> list[str]:
    offered = [name for name in entry.classes if name not in taken]
    if not offered:
        return []
    at = _begun(entry, rule, knob, [], offered)
    help = panels.escape(f"{knob.help} --scenario-set {knob.name}=...")
    if len(entry.classes) > form.MANY:
        return st.multiselect(knob.label, offered, key=at, help=help, **KEPT)
    icons = form.class_icons(entry)
    return st.pills(
        knob.label,
        offered,
        selection_mode="multi",
        format_func=lambda name: f"{icons.get(name, '')} {panels.escape(name)}",
        wrap=True,
        key=at,
        help=help,
        **KEPT,
    )


def _sets(entry: Entry, rule: Scenario, knob: Knob, chosen: set[str]) -> list[str]:
    """Other sets on this machine and noise, and whatever a link has named; or of those that are chosen above."""
    at = _begun(entry, rule, knob, list(names.words(str(knob.quick))), None)
    titles = {name: name.replace("-", " ") for name in NOISE}
    titles |= {each.name: each.title for each in data.catalogue() if each.present and each.name != entry.name}
    offered = list(titles)
    if knob.picks == "chosen sets":
        offered = [name for name in titles if name in chosen and name not in NOISE]
        if not offered and not st.session_state[at]:
            return []
    return st.multiselect(
        knob.label,
        list(dict.fromkeys([*offered, *st.session_state[at]])),
        format_func=lambda name: titles.get(name, name),
        key=at,
        help=panels.escape(f"{knob.help} --scenario-set {knob.name}=..."),
        **KEPT,
    )
