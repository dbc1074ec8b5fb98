"""What the other arithmetic would gain on this machine, measured where somebody asks."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.errors import NoveltyError
from core.knobs import Value
from core.runs.process import detached
from pages.shared import panels

FOUND = "train_precisions"  # what this session has measured, by what was asked
SECONDS = 120.0  # after which nobody waits any more


def offer(dataset: str, method: str, preset: str, changes: Mapping[str, Value], key: str, device: str) -> None:
    """A button that measures, then what was found, and where bfloat16 gains one that chooses it.

    changes: the settings that differ from the preset.  key: of the input that chooses the arithmetic.
    """
    settings = {name: value for name, value in changes.items() if name != "precision"}
    words = ["precision", "--dataset", dataset, "--method", method, "--preset", preset]
    words += ["--set", *(f"{name}={value}" for name, value in settings.items())] if settings else []
    words += ["--device", device] if device != "auto" else []
    known: dict[tuple[str, ...], dict[str, Any]] = st.session_state.setdefault(FOUND, {})
    found = known.get(tuple(words))
    if found is None:
        told = "Trains a few steps in either arithmetic, by turns, beside whatever runs now"
        if not st.button("Measure bfloat16", icon=":material/speed:", type="tertiary", key="train_measure", help=told):
            return
        try:
            with st.spinner("Training a few steps in either arithmetic"):
                known[tuple(words)] = detached.answer(words, SECONDS)
        except NoveltyError as error:
            st.caption(f":material/block: {panels.escape(error)}")
            return
        st.rerun()
    st.caption(panels.escape(found["sentence"]))
    if found["worth"] and st.session_state[key] != "bfloat16":
        st.button(
            "Train in bfloat16", icon=":material/bolt:", type="tertiary", key="train_choose",
            on_click=_choose, args=(key,),
        )  # fmt: skip


def _choose(key: str) -> None:
    st.session_state[key] = "bfloat16"
