"""Knobs as inputs, each drawn from its record: before a training, and after it where they still act."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.knobs import Knob, Value
from pages.shared import panels

KEPT: dict[str, Any] = {"persist_state": "session"}  # of every input: all is as it was when a person comes back


def begin(key: str, first: Any, offered: Any = None) -> None:
    """The first value of an input, which it also gets back where it holds something that isn't offered any more."""
    held = st.session_state.get(key, first)
    if offered is not None:
        kept = [each for each in held if each in offered] if isinstance(held, list) else held in offered and held
        held = kept or (held if held == [] else first)
    if key not in st.session_state or st.session_state[key] != held:
        st.session_state[key] = held


def changed(asked: Sequence[Knob], keys: Mapping[str, str], firsts: Mapping[str, Value]) -> set[str]:
    """The names of those whose input, begun, holds another value than its first."""
    return {each.name for each in asked if st.session_state[keys[each.name]] not in (None, firsts[each.name])}


def inputs(
    asked: Sequence[Knob], keys: Mapping[str, str], firsts: Mapping[str, Value], notes: Mapping[str, str]
) -> dict[str, Value]:
    """An input for each knob, begun before; gives those that differ from their first value, which are marked.

    keys: of the inputs, firsts: their first values, notes: what is said behind the knob's help, all by the knob's name.
    """
    marked = changed(asked, keys, firsts)
    given = {each.name: _input(each, keys[each.name], each.name in marked, notes.get(each.name, "")) for each in asked}
    return {name: value for name, value in given.items() if name in marked and value is not None}


def _input(knob: Knob, key: str, changed: bool, note: str) -> Value | None:
    """The input that suits the knob's kind; None where a number was taken out."""
    label = f"**{panels.escape(knob.label)}** :material/edit:" if changed else panels.escape(knob.label)
    help = panels.escape(" ".join(filter(None, (knob.help, f"({note})" if note else "", f"--set {knob.name}=..."))))
    if knob.choices:
        return st.selectbox(label, knob.choices, key=key, help=help, **KEPT)
    if knob.kind is bool:
        return st.checkbox(label, key=key, help=help, **KEPT)
    if knob.kind is str:
        return st.text_input(label, key=key, help=help, **KEPT)
    whole = knob.kind is int
    low, high = (None if bound is None else knob.kind(bound) for bound in (knob.low, knob.high))
    step = 1 if whole else _step(float(st.session_state[key] or 0))
    return st.number_input(label, low, high, None, step, format="%d" if whole else "%g", key=key, help=help, **KEPT)


def _step(value: float) -> float:
    """A tenth of the value's power of ten, so that the buttons suit 0.95 as well as 5e-7."""
    return 10.0 ** (math.floor(math.log10(value)) - 1) if value > 0 else 0.01
