"""The image to score: where it comes from (test images of a run, files, the camera) and how it is bent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core import data
from core.data import Upload
from core.errors import NoveltyError
from core.figures import score as figures
from core.runs import store
from core.runs.store import Run
from pages.shared import panels, pickers, reading

SOURCES = {"sample": "Sample", "upload": "Upload", "camera": "Camera"}
SHEET = 12  # samples side by side
STEPS = {"rotate": 5.0, "blur": 0.25, "noise": 0.02, "occlude": 0.02, "brightness": 0.05}  # of the sliders
INVERT = "score_invert"  # the key of its toggle


@dataclass(frozen=True, eq=False)
class Given:
    """An image as it was given.

    image: uint8 [H, W, 1 or 3].  id: differs for every upload.  notes: what decoding changed.  sample: whether it is a
    test image of some run.
    """

    name: str
    image: np.ndarray
    id: str = ""
    notes: tuple[str, ...] = ()
    sample: bool = False


def given(source: str, runs: Sequence[Run]) -> list[Given]:
    """The images that the person gives by this source; files that can't be read are named and left out."""
    if source == "sample":
        return [_sample(runs)]
    if source == "camera":
        shot = st.camera_input("Camera", label_visibility="collapsed", key="score_camera", width=360)
        return _read([shot] if shot else [])
    return _read(
        st.file_uploader(
            "One image, or many for a table", accept_multiple_files=True, key="score_files", max_upload_size=25
        )
    )


def bends() -> tuple[dict[str, float], bool]:
    """The strength of every bend by knob, and whether dark and light are swapped."""
    columns = st.columns(3)
    for place, (knob, step) in enumerate(STEPS.items()):
        low, high = data.BEND_RANGES[knob]
        columns[place % 3].slider(
            knob.capitalize(),
            low,
            high,
            0.0,
            step,
            key=f"score_{knob}",
            bind="query-params",
            help=figures.BEND_TITLES[knob],
        )
    inverted = columns[2].toggle("Invert", key=INVERT, bind="query-params", help="Swap dark and light")
    columns[2].button("Reset", icon=":material/undo:", key="score_reset", on_click=_straighten)
    return {knob: st.session_state[f"score_{knob}"] for knob in STEPS}, inverted


def _straighten() -> None:
    st.session_state.update({f"score_{knob}": 0.0 for knob in STEPS} | {INVERT: False})


def invert() -> None:
    """Swap dark and light from now on; a callback."""
    st.session_state[INVERT] = True


def _read(files: Sequence) -> list[Given]:
    images = []
    for file in files:
        try:
            upload = _decoded(file.getvalue(), file.name)
            images.append(Given(file.name, upload.image, file.file_id, upload.notes))
        except NoveltyError as error:
            panels.refused(error)
    return images


@st.cache_data(max_entries=500, max_size="500MB", show_spinner=False)
def _decoded(content: bytes, name: str) -> Upload:
    return data.decode(content, name)


def _sample(runs: Sequence[Run]) -> Given:
    """A test image: the one picked on any page, else the first novel one of the sheet."""
    pictures, choice = st.columns([6, 1], vertical_alignment="center")
    with choice:
        run = _of(runs)
        st.button("Others", icon=":material/shuffle:", key="score_others", on_click=_other_samples, width="stretch")
    tested, task = reading.arrays(run, "test", "images", "classes", "novel"), run.spec.task.hash
    number = st.session_state.get("score_sheet", 0)
    sheet = figures.mixture(tested["novel"], SHEET, number)
    place = pickers.picked(task)
    if place is None or place >= len(tested["images"]):
        place = int(sheet[tested["novel"][sheet].argmax()])
    labels = [str(name) for name in tested["classes"][sheet]]
    picture = figures.sample_sheet(tested["images"][sheet], sheet.tolist(), labels, place)
    key = f"score_sheet_{task}_{number}"
    pictures.plotly_chart(
        picture.figure,
        key=key,
        on_select=pickers.pick_from(key, task),
        selection_mode="points",
        config={"displayModeBar": False},
        alt=f"Test images of {store.task_title(run.spec)}, classes {', '.join(labels)}. {picture.sentence}",
    )
    truth = "novel" if tested["novel"][place] else "normal"
    name = f"class {tested['classes'][place]}, {truth} in {store.task_title(run.spec)}"
    return Given(name, np.moveaxis(tested["images"][place], 0, -1), sample=True)


def _of(runs: Sequence[Run]) -> Run:
    """Whose test images: asked where the runs have several test sets."""
    tasks = one_per_task(runs)
    if len(tasks) == 1:
        return runs[0]
    names = {task: store.task_title(run.spec) for task, run in tasks.items()}
    return tasks[st.selectbox("Test images of", list(names), format_func=names.__getitem__, key="score_samples_of")]


def one_per_task(runs: Sequence[Run]) -> dict[str, Run]:
    """The first run of each task, by the task's hash, in the order of the runs."""
    firsts: dict[str, Run] = {}
    for run in runs:
        firsts.setdefault(run.spec.task.hash, run)
    return firsts


def _other_samples() -> None:
    st.session_state["score_sheet"] = st.session_state.get("score_sheet", 0) + 1
