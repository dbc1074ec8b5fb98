"""What pages show: a Picture with sentence and downloads, rows of images, commands, the states empty and refused."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core import figures
from core.errors import NoveltyError
from core.figures import Picture
from core.figures.sheets import Row

SIDE = 56  # of an image in a titled row on the screen, in pixels, at least, so that its label has room


def escape(text: object) -> str:
    """Text as it stands: names of files and runs come from strangers, and Streamlit's labels read Markdown."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-!|$:~])", r"\\\1", str(text))


def show(
    picture: Picture,
    key: str | None = None,
    on_select: str | Callable | None = None,
    run: str = "",
    heard: str = "",
    below: Callable[[], None] | None = None,
    help: str | None = None,
) -> int | None:
    """The chart, its sentence, and its downloads. Returns the `customdata` of the point that was picked, if one was.

    key: unique on the page, the picture's name by default.  on_select: "rerun" or a callback makes points pickable.
    run: the run's id, for the names of downloaded files: page-run-picture.  heard: what the chart's own texts say, for
    screen readers, which hear title and sentence anyway.  below: draws what stands right below the chart, a slider on
    its axis.  help: what the "?" beside the sentence says.
    """
    key = key or picture.name
    stem = "-".join(filter(None, (_page(), run, picture.name)))
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["zoomIn2d", "zoomOut2d", "autoScale2d"],
        "toImageButtonOptions": {"filename": stem, "format": "png", "scale": 2},
    }
    event = chart(
        picture,
        large=bool(st.session_state.get("large_type")),
        key=key,
        on_select=on_select or "ignore",
        selection_mode="points",
        config=config,
        alt=f"{picture.figure.layout.title.text or picture.name}. {picture.sentence} {heard}".rstrip(),
    )
    if below:
        below()
    sentence, downloads = st.columns([8, 1], vertical_alignment="top")
    sentence.markdown(f":small[{escape(picture.sentence)}]", help=help)
    with downloads.popover("", icon=":material/download:", type="tertiary", help="Download the picture or its numbers"):
        _download("Numbers (CSV)", lambda: figures.csv(picture), f"{stem}.csv", "text/csv", f"{key}_csv")
        _download("Picture (HTML)", lambda: figures.html(picture), f"{stem}.html", "text/html", f"{key}_html")
        st.caption("As PNG: the camera that appears below the chart.")
    points = event["selection"]["points"] if on_select else []
    return int(np.ravel(points[0]["customdata"])[0]) if points else None


def chart(picture: Picture, place: DeltaGenerator | None = None, large: bool = False, **options: Any) -> Any:
    """A bare chart in the app's look.

    place: where it stands.  large: with larger text.  options: of `st.plotly_chart`, whose event it returns.
    """
    figure = figures.magnified(picture.figure) if large else picture.figure
    shown = figures.on_screen(figure, st.context.theme.type == "dark")
    return (place or st).plotly_chart(shown, theme=None, **options)


def _download(label: str, data: Callable[[], str], file_name: str, mime: str, key: str) -> None:
    """`data` is called when the button is pressed: what isn't downloaded isn't computed."""
    st.download_button(label, data, file_name, mime, key=key, on_click="ignore", width="stretch")


def _page() -> str:
    """The page's name in the address bar, home where there is none."""
    return urlsplit(st.context.url or "").path.strip("/").split("/")[-1] or "home"


def factor(shape: Sequence[int], least: int = SIDE) -> int:
    """How many times larger images [..., H, W] are shown, so that their longer side has at least so many pixels."""
    return math.ceil(least / max(shape[-2:]))


def images_row(images: NDArray[np.uint8], labels: Sequence[str], factor: int = 3) -> None:
    """Images of one size side by side with hard pixels, each with its label below; they wrap where the page is narrow.

    images: [N, C, H, W].  labels: N texts, shown as they stand.
    """
    shown = figures.enlarge(images, factor)
    with st.container(horizontal=True, gap="small"):
        for image, label in zip(shown, labels, strict=True):
            st.image(image, escape(label), width=shown.shape[2], output_format="PNG", alt=label)


def titled_row(row: Row) -> None:
    """A heading and images below it, labelled."""
    st.markdown(f":small[**{escape(row.title)}**]")
    images_row(row.images, row.labels, factor(row.images.shape))


def empty(sentence: str, label: str, page: str) -> None:
    """Nothing here yet: says so, and offers the button that changes it. page: a file such as "pages/train.py"."""
    with st.container(border=True):
        st.markdown(escape(sentence))
        if st.button(label, type="primary", key=f"empty_{page}_{label}"):
            st.switch_page(page)


def refused(error: NoveltyError) -> None:
    """What was asked can't be done: the error's own sentence."""
    st.error(escape(error), icon=":material/block:")


def command(text: str, language: str = "bash") -> None:
    """The same thing without the app, as a command or as lines of Python, with a button that copies it."""
    st.caption("The same thing in Python" if language == "python" else "The same thing as a command")
    st.code(text, language=language, wrap_lines=True)
