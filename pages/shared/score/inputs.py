"""The image to score: where it comes from (test images of a run, files, the camera, a pad) and how it is bent."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from core import data
from core.data import Framing, Upload
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
    "draw": "Draw over the dashed frame, in which the training images lie. Whenever you lift the pen, the detectors "
    "say how strange it is.",
}
PREVIEW = 224  # pixels
SHEET = 12  # samples side by side
REFERENCE = 300  # test images that tell which way round dark and light usually are
STEPS = {"rotate": 5.0, "blur": 0.25, "noise": 0.02, "occlude": 0.02, "brightness": 0.05}  # of the sliders
INVERT, CROP = "score_invert", "score_crop"  # keys of toggles
USUAL = 500  # training images that tell how a set is framed


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

    def fitted(self, run: Run, asked: "Asked") -> np.ndarray:
        """In the run's shape, uint8 [C, H, W], not yet bent."""
        return _fitted(self.read, self.id, run.shape, run.value_range, asked.inverted, self._crop(run, asked))[0]

    def notes(self, run: Run, asked: "Asked") -> tuple[str, ...]:
        """What was changed to get there."""
        return _fitted(self.read, self.id, run.shape, run.value_range, asked.inverted, self._crop(run, asked))[1]

    def framed_otherwise(self, run: Run) -> bool:
        """Whether it fills its frame clearly more or less than the run's training images do."""
        usual = None if self.sample else usual_framing(run)
        return usual is not None and _framed_otherwise(self.read, self.id, run.shape, usual)

    def _crop(self, run: Run, asked: "Asked") -> Framing | None:
        return usual_framing(run) if asked.cropped and not self.sample else None


@dataclass(frozen=True)
class Broken:
    """A file that can't be read.  sentence: why."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Asked:
    """What is done to every image that is given, before it is bent: dark and light swapped, cropped to its content."""

    inverted: bool
    cropped: bool


# What is kept is small; a photo is decoded again where another size of it is wanted.
@st.cache_data(max_entries=20_000, max_size="200MB", show_spinner=False)
def _fitted(
    _read: Callable[..., Upload],
    image_id: str,
    shape: Shape,
    span: Range | None,
    inverted: bool,
    crop: Framing | None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    upload = _read(span=span)
    pixels, done = (upload.image, []) if crop is None else data.crop_to_content(upload.image, crop, shape)
    image, notes = data.fit(pixels, shape, invert=inverted)
    return image, (*upload.notes, *done, *notes)


@st.cache_data(max_entries=20_000, show_spinner=False)
def _framed_otherwise(_read: Callable[..., Upload], image_id: str, shape: Shape, usual: Framing) -> bool:
    return data.framed_otherwise(_read().image, usual, shape)


def usual_framing(run: Run) -> Framing | None:
    """How the run's training images lie in their frames; None where they fill it as photographs do."""
    return cached.remember(run, lambda: data.framing(cached.array(run, "neighbours", "bank")[:USUAL]), "framing")


@st.cache_data(max_entries=5_000, max_size="200MB", show_spinner=False)
def _preview(_read: Callable[..., Upload], image_id: str) -> np.ndarray:
    image = _read().image
    height, width, channels = image.shape
    shrunk = min(1.0, PREVIEW / max(height, width))
    return data.fit(image, (channels, max(1, round(height * shrunk)), max(1, round(width * shrunk))))[0]


def given(source: str, runs: Sequence[Run]) -> tuple[list[Given], list[Broken]]:
    """The images that the person gives by this source, and the files that can't be read."""
    if source == "sample":
        return [_sample(runs)], []
    if source == "camera":
        shot = st.camera_input("Camera", label_visibility="collapsed", key="score_camera", width=360)
        return _read([("your photo", shot.file_id, shot.getvalue())] if shot else [])
    if source == "draw":
        return _drawn(runs[0])
    files = st.file_uploader(
        "One image, or many for a table", accept_multiple_files=True, key="score_files", max_upload_size=25
    )
    return _read([(file.name, file.file_id, file.getvalue()) for file in files])


def bends() -> tuple[dict[str, float], Asked]:
    """The strength of every bend by knob, and what is done before."""
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
    with columns[2].container(horizontal=True, vertical_alignment="center"):
        st.toggle("Invert", key=INVERT, bind="query-params", help="Swap dark and light")
        crop = "Frame what is given by its content, as the training images are framed"
        st.toggle("Crop", key=CROP, bind="query-params", help=crop)
        st.button("Reset", icon=":material/undo:", key="score_reset", on_click=_straighten)
    return {knob: st.session_state[f"score_{knob}"] for knob in STEPS}, asked()


def asked() -> Asked:
    """What is done to what is given before it is bent, also where its toggles are drawn later."""
    return Asked(bool(st.session_state.get(INVERT)), bool(st.session_state.get(CROP)))


def _straighten() -> None:
    st.session_state.update({f"score_{knob}": 0.0 for knob in STEPS} | {INVERT: False, CROP: False})


def hints(image: Given, runs: Sequence[Run]) -> None:
    """What may make an image strange without being so, each with the one button that mends it.

    runs: one of each shape that is looked at.
    """
    if image.sample:
        return
    usual = cached.array(runs[0], "test", "images")[:REFERENCE]
    if not asked().inverted and data.looks_inverted(np.moveaxis(image.preview, 0, -1), usual):
        st.caption(":material/warning: Dark and light lie the other way round than in this detector's own images.")
        st.button("Invert it", key="score_invert_it", on_click=_turn_on, args=(INVERT,))
    if not asked().cropped and any(image.framed_otherwise(run) for run in runs):
        st.caption(":material/warning: It fills its frame otherwise than the images that this detector learned from.")
        st.button("Crop to the content", key="score_crop_it", on_click=_turn_on, args=(CROP,))


def _turn_on(key: str) -> None:
    st.session_state[key] = True


def _read(files: Sequence[tuple[str, str, bytes]]) -> tuple[list[Given], list[Broken]]:
    """Of each file its name, an id that differs for every content, and the content."""
    images, broken = [], []
    for name, file_id, content in files:
        try:
            read = partial(data.decode, content, name)
            images.append(Given(name, file_id, read, _preview(read, file_id)))
        except NoveltyError as error:
            broken.append(Broken(name, str(error)))
    return images, broken


def _drawn(run: Run) -> tuple[list[Given], list[Broken]]:
    """The drawing on the pad, once there is one.  run: whose images' framing the pad shows."""
    try:
        content = pad.draw("score_pad", usual_framing(run))
    except NoveltyError as error:
        return [], [Broken("your drawing", str(error))]
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
    draw = partial(figures.sample_sheet, tested["images"][sheet], kinds[sheet], sheet.tolist(), labels, place)
    picture = cached.remember(run, draw, "sample sheet", number, place)
    key = f"score_sheet_{task}_{number}"
    panels.chart(
        picture,
        pictures,
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
