"""Cached reading of runs: what a page draws comes from here, so that a widget that moves reads nothing twice.

Keys are a run's folder and version, never arrays: Streamlit samples large arrays when it hashes them. What comes back
is shared by all sessions, so arrays are read-only.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import streamlit as st

from core.figures import Kinds
from core.runs.results.reasons import class_names, of_image
from core.runs.store import Run

Answer = TypeVar("Answer")


def arrays(run: Run, file: str, *names: str) -> dict[str, np.ndarray]:
    """The arrays of one npz of the run, or those named, read-only; file: such as "test".  Raises DamagedRun."""
    return _arrays(run, str(run.folder), run.version, file, names)


def array(run: Run, file: str, name: str) -> np.ndarray:
    """One array of one npz of the run, read-only.  Raises DamagedRun."""
    return arrays(run, file, name)[name]


def kinds(run: Run) -> Kinds:
    """The kind of each test image: normal, or what kind of novel image.  Raises DamagedRun."""

    def compute() -> Kinds:
        tested = arrays(run, "test")
        return Kinds.of_test(tested["novel"], tested.get("source"), tested.get("kind"))

    return remember(run, compute, "kinds")


def probe_kinds(run: Run) -> Kinds:
    """The kind of each image that the run's snapshots follow.  Raises DamagedRun."""
    probe = arrays(run, "probe")
    return remember(run, lambda: kinds(run).of_probe(probe["place"], probe["novel"]), "probe kinds")


def held_out_scores(run: Run, score: str | None = None) -> np.ndarray:
    """float64 [V]: a score (the headline by default) of the validation images.  Raises DamagedRun."""
    return array(run, "scores", f"valid/{score or run.spec.card.headline}")


def reasons(run: Run, place: int) -> dict[str, np.ndarray]:
    """What `why` draws of one test image.  Raises DamagedRun."""
    return remember(run, lambda: of_image(arrays(run, "explanations"), place) | known_classes(run), "reasons", place)


def known_classes(run: Run) -> dict[str, np.ndarray]:
    """class_names: what the classes are called that the run's method has learned from; none for other methods."""

    def compute() -> dict[str, np.ndarray]:
        members = None if run.lacks("portrait") else arrays(run, "portrait").get("members")
        return {} if members is None else class_names(members, array(run, "train", "classes"))

    return remember(run, compute, "class names")


def remember(run: Run, compute: Callable[[], Answer], *asked: str | float | int | None) -> Answer:
    """compute(), kept while the run's files stay the same.

    asked: a name for the computation, then every choice it depends on. The answer is shared: don't change it.
    """
    return _answer(compute, str(run.folder), run.version, asked)


# An argument whose name begins with an underscore is not part of the key.
@st.cache_resource(max_entries=48, show_spinner=False)
def _arrays(_run: Run, folder: str, version: int, file: str, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    found = _run.arrays(file, *names)
    for each in found.values():
        each.flags.writeable = False
    return found


@st.cache_resource(max_entries=256, show_spinner=False)
def _answer(_compute: Callable[[], Answer], folder: str, version: int, asked: tuple) -> Answer:
    return _compute()
