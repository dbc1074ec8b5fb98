"""Groups of a person's own: classes clicked together, for the scenario that makes one group normal.

The scenario's option `groups` is written from the inputs here, and a link's groups fill them.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import streamlit as st

from core import figures
from core.data import Entry
from core.runs import task_preview
from core.scenarios import Scenario, groups
from pages.shared import panels
from pages.shared.knob_inputs import KEPT
from pages.shared.train import form

MOST = 10  # groups that can be made here; a link may bring more
SHOWN = 12  # sample images of a group


def option(entry: Entry, rule: Scenario) -> dict[str, str]:
    """The option `groups` as it is clicked together; nothing where the dataset's own groups are meant."""
    if not form.takes_groups(entry, rule):
        return {}
    asked = st.session_state.pop(form.groups_key(entry), "")
    if asked:
        _fill(entry, groups.parsed(asked))
    if entry.groupings:
        switch = f"train_option_own_groups_{entry.name}"
        form.begin(switch, bool(asked))
        help = "Click classes together yourself. Only grouped classes take part; the others are left out."
        if not st.toggle("Own groups", key=switch, help=help, **KEPT):
            return {}
    else:
        st.caption(panels.escape(f"{entry.title} has no groups of its own: click classes together."))
    if _key(entry) not in st.session_state:
        _fill(entry, list(groups.super_categories(entry).items()) or [("Group 1", ()), ("Group 2", ())])
    made = [_group(entry, rule, number) for number in list(st.session_state[_key(entry)])]
    st.button(
        "Add a group",
        icon=":material/add:",
        key=f"{_key(entry)}_add",
        disabled=len(made) >= MOST,
        help=f"At most {MOST}",
        on_click=_add,
        args=(entry,),
    )
    left_out = [name for name in entry.classes if not any(name in classes for _, classes in made)]
    if left_out:
        more = f" and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
        st.caption(panels.escape(f"In no group, so left out: {', '.join(left_out[:SHOWN])}{more}."))
    return {"groups": groups.written(made)}


def _group(entry: Entry, rule: Scenario, number: int) -> tuple[str, list[str]]:
    """One group: its name and its classes, which leave the group that they were in."""
    key = _key(entry, number)
    names = st.session_state[_key(entry)]
    form.begin(f"{key}_name", names[number])
    form.begin(f"{key}_classes", [], entry.classes)
    with st.container(border=True, gap="xsmall", key=key):
        at_name, at_button = st.columns([6, 1], vertical_alignment="center")
        name = at_name.text_input(
            f"Name of group {number + 1}",
            key=f"{key}_name",
            max_chars=40,
            placeholder="Name of the group",
            label_visibility="collapsed",
            on_change=_rename,
            args=(entry, rule, number),
            **KEPT,
        )
        at_button.button(
            "",
            icon=":material/close:",
            key=f"{key}_remove",
            type="tertiary",
            help="Remove this group",
            disabled=len(names) <= 2,
            on_click=_remove,
            args=(entry, number),
        )
        label, take = f"Classes of {panels.escape(name)}", {"on_change": _take, "args": (entry, number)}
        if len(entry.classes) > form.MANY:
            chosen = st.multiselect(
                label, entry.classes, key=f"{key}_classes", label_visibility="collapsed", **take, **KEPT
            )
            _samples(entry, chosen)
        else:
            icons = form.class_icons(entry)
            chosen = st.pills(
                label,
                entry.classes,
                selection_mode="multi",
                format_func=lambda each: f"{icons.get(each, '')} {panels.escape(each)}",
                wrap=True,
                key=f"{key}_classes",
                label_visibility="collapsed",
                **take,
                **KEPT,
            )
    return name.strip(), list(chosen)


def _samples(entry: Entry, chosen: Sequence[str]) -> None:
    """An image of each of the first classes."""
    if chosen and entry.present:
        images = _class_images(entry.name, entry.origin)[[entry.classes.index(name) for name in chosen[:SHOWN]]]
        factor = max(1, 32 // max(images.shape[2:]))
        st.image(figures.strip(images, factor=factor, gap=2), alt=f"Images of {', '.join(chosen[:SHOWN])}")


@st.cache_data(max_entries=4, show_spinner="Looking at the images")
def _class_images(name: str, origin: str) -> np.ndarray:
    """One image of each class.  origin: where the set lies, so that another is looked at anew."""
    return task_preview.class_images(name)


# --- what is kept: the names of the groups by number, and the inputs of each -----------------------------------------


def _key(entry: Entry, number: int | None = None) -> str:
    return f"train_own_groups_{entry.name}" + ("" if number is None else f"_{number}")


def _fill(entry: Entry, made: Sequence[tuple[str, Sequence[str]]]) -> None:
    """These groups in place of those that are there."""
    st.session_state[_key(entry)] = {number: name for number, (name, _) in enumerate(made)}
    for number, (name, classes) in enumerate(made):
        st.session_state[f"{_key(entry, number)}_name"] = name
        st.session_state[f"{_key(entry, number)}_classes"] = list(classes)


def _add(entry: Entry) -> None:
    names = st.session_state[_key(entry)]
    number = max(names) + 1
    free = next(f"Group {place}" for place in itertools.count(len(names) + 1) if f"Group {place}" not in names.values())
    names[number] = free
    st.session_state[f"{_key(entry, number)}_name"] = free
    st.session_state[f"{_key(entry, number)}_classes"] = []


def _remove(entry: Entry, number: int) -> None:
    del st.session_state[_key(entry)][number]


def _rename(entry: Entry, rule: Scenario, number: int) -> None:
    """The group's new name, also where it is the one that is normal."""
    names, target = st.session_state[_key(entry)], form.target_key(rule.choose, entry.name)
    old, names[number] = names[number], st.session_state[f"{_key(entry, number)}_name"].strip()
    if st.session_state.get(target) == old:
        st.session_state[target] = names[number]


def _take(entry: Entry, number: int) -> None:
    """A class is in one group at most: chosen here, it leaves the others."""
    mine = set(st.session_state[f"{_key(entry, number)}_classes"])
    for other in st.session_state[_key(entry)]:
        if other != number:
            key = f"{_key(entry, other)}_classes"
            st.session_state[key] = [name for name in st.session_state[key] if name not in mine]
