"""The image to score: where it comes from (test images of a run, files, the camera, a pad) and how it is bent."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from core import data
from core.data import Upload
from core.data.ranges import Range
from core.errors import NoveltyError
from core.figures.pages import score as figures
from core.knobs import Shape
from core.runs.store import Run
from pages.shared import cached, panels, pickers
from pages.shared.score import pad

SOURCES = {"sample": "Sample", "upload": "Upload", "camera": "Camera", "draw": "Draw"}
INVITATIONS = {
    "upload": "Any picture will do; several files at once give a table. Nothing leaves this computer.",
    "camera": "Hold something before the camera and take a photo. Nothing leaves this computer.",
    "draw": "Draw within the dashed frame. Whenever you lift the pen, the detectors say how strange it is.",
}
PREVIEW = 224  # pixels
SHEET = 12  # samples side by side
STEPS = {"rotate": 5.0, "blur": 0.25, "noise": 0.02, "occlude": 0.02, "brightness": 0.05}  # of the sliders
INVERT = "score_invert"  # the key of its toggle


@dataclass(frozen=True, eq=False)
class Given:
    """An image as it was given.

    id: differs for every image.  read: decodes it, as large as it came; a picture of more than 8 bits by the range of
    values that is given, if any.  preview: uint8 [C, H, W], at most PREVIEW wide
    and high.  sample: whether it is a test image of some run.
    """

    name: str
    id: str
    read: Callable[..., Upload]
    preview: np.ndarray
    sample: bool = False

    def fitted(self, run: Run, inverted: bool) -> np.ndarray:
        """In the run's shape, uint8 [C, H, W], not yet bent."""
        return _fitted(self.read, self.id, run.shape, run.value_range, inverted)[0]

    def notes(self, run: Run, inverted: bool) -> tuple[str, ...]:
        """What was changed to get there."""
        return _fitted(self.read, self.id, run.shape, run.value_range, inverted)[1]


# What is kept is small; a photo is decoded again where another size of it is wanted.
@st.cache_data(max_entries=20_000, max_size="200MB", show_spinner=False)
def _fitted(
    _read: Callable[..., Upload], image_id: str, shape: Shape, span: Range | None, inverted: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    upload = _read(span=span)
    image, notes = data.fit(upload.image, shape, invert=inverted)
    return image, (*upload.notes, *notes)


@st.cache_data(max_entries=5_000, max_size="200MB", show_spinner=False)
def _preview(_read: Callable[..., Upload], image_id: str) -> np.ndarray:
    image = _read().image
    height, width, channels = image.shape
    shrunk = min(1.0, PREVIEW / max(height, width))
    return data.fit(image, (channels, max(1, round(height * shrunk)), max(1, round(width * shrunk))))[0]


def given(source: str, runs: Sequence[Run]) -> list[Given]:
    """The images that the person gives by this source; files that can't be read are named and left out."""
    if source == "sample":
        return [_sample(runs)]
    if source == "camera":
        shot = st.camera_input("Camera", label_visibility="collapsed", key="score_camera", width=360)
        return _read([("your photo", shot.file_id, shot.getvalue())] if shot else [])
    if source == "draw":
        return _drawn()
    files = st.file_uploader(
        "One image, or many for a table", accept_multiple_files=True, key="score_files", max_upload_size=25
    )
    return _read([(file.name, file.file_id, file.getvalue()) for file in files])


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


def _read(files: Sequence[tuple[str, str, bytes]]) -> list[Given]:
    """Of each file its name, an id that differs for every content, and the content."""
    images = []
    for name, file_id, content in files:
        try:
            read = partial(data.decode, content, name)
            images.append(Given(name, file_id, read, _preview(read, file_id)))
        except NoveltyError as error:
            panels.refused(error)
    return images


def _drawn() -> list[Given]:
    """The drawing on the pad, once there is one."""
    try:
        content = pad.draw("score_pad")
    except NoveltyError as error:
        panels.refused(error)
        return []
    return _read([("your drawing", hashlib.sha256(content).hexdigest(), content)] if content else [])


def _sample(runs: Sequence[Run]) -> Given:
    """A test image: the one picked on any page, else the first novel one of the sheet."""
    pictures, choice = st.columns([9, 2], vertical_alignment="center")
    with choice:
        run = _of(runs)
        st.button("Others", icon=":material/shuffle:", key="score_others", on_click=_other_samples, width="stretch")
    tested, task = cached.arrays(run, "test", "images", "classes"), run.spec.task.hash
    kinds = cached.kinds(run)
    number = st.session_state.get("score_sheet", 0)
    sheet = figures.mixture(kinds, SHEET, number)
    place = pickers.picked(task)
    if place is None or place >= len(tested["images"]):
        place = int(sheet[kinds.novel[sheet].argmax()])
    labels = [str(name) for name in tested["classes"][sheet]]
    picture = figures.sample_sheet(tested["images"][sheet], kinds[sheet], sheet.tolist(), labels, place)
    key = f"score_sheet_{task}_{number}"
    pictures.plotly_chart(
        picture.figure,
        key=key,
        on_select=pickers.pick_from(key, task),
        selection_mode="points",
        config={"displayModeBar": False},
        alt=f"Test images of {run.spec.task_title}, classes {', '.join(labels)}. {picture.sentence}",
    )
    name = f"{kinds.kind(place).of_class(str(tested['classes'][place]))} in {run.spec.task_title}"
    image = tested["images"][place]
    upload = Upload(np.moveaxis(image, 0, -1), ())
    return Given(name, f"{run.folder} {run.version} {place}", lambda span=None: upload, image, sample=True)


def _of(runs: Sequence[Run]) -> Run:
    """Whose test images: asked where the runs have several test sets."""
    tasks = one_per_task(runs)
    if len(tasks) == 1:
        return runs[0]
    names = pickers.task_names(tasks.values())
    return tasks[st.selectbox("Test images of", list(names), format_func=names.__getitem__, key="score_samples_of")]


def one_per_task(runs: Sequence[Run]) -> dict[str, Run]:
    """The first run of each task, by the task's hash, in the order of the runs."""
    firsts: dict[str, Run] = {}
    for run in runs:
        firsts.setdefault(run.spec.task.hash, run)
    return firsts


def _other_samples() -> None:
    st.session_state["score_sheet"] = st.session_state.get("score_sheet", 0) + 1
