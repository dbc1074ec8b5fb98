"""A folder or a zip of a person's own images: looked at, then packed into a dataset."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import streamlit as st

from core import data
from core.data import FolderReport
from core.errors import NoveltyError, WrongRequest
from pages.shared import panels

Answer = TypeVar("Answer")
SKIPPED = 20  # files that are named
SIZES = (8, 28, 32, 64)


def show() -> None:
    """The steps: where the images are, what was found, how to import them, what to do next."""
    st.markdown(
        "A folder or a zip with one subfolder of images per class: `class name/image`. Nothing leaves this computer."
    )
    at_folder, at_zip = st.columns(2)
    folder = at_folder.text_input("Folder on this computer", key="datasets_folder", placeholder="/home/me/pictures")
    archive = at_zip.file_uploader("or a zip", type="zip", key="datasets_zip")
    if archive is None and not folder.strip():
        _imported()
        return
    with tempfile.TemporaryDirectory() as scratch:
        if archive is None:
            source, mark = Path(folder.strip()).expanduser(), folder.strip()
        else:
            source, mark = Path(scratch, Path(archive.name).name), archive.file_id
            source.write_bytes(archive.getbuffer())
        report = _report(source, mark)
        if report:
            _found(report)
            _choose(source, report)
    _imported()


def _report(source: Path, mark: str) -> FolderReport | None:
    """What lies there, looked at once for each choice; None, after one sentence, where it can't be used."""
    kept = st.session_state.get("datasets_report")
    if kept and kept[0] == mark:
        return kept[1]
    report = _with_progress("Looking", lambda tell: data.inspect(source, tell))
    if report:
        st.session_state["datasets_report"] = (mark, report)
    return report


def _with_progress(label: str, work: Callable[[Callable[[float | None, str], None]], Answer]) -> Answer | None:
    """What the work gives, with a bar while it goes on; None, after one sentence, where it is refused."""
    bar = st.progress(0.0, label)
    try:
        return work(lambda share, sentence: bar.progress(share or 0.0, panels.escape(sentence)))
    except NoveltyError as error:
        panels.refused(error)
    except OSError as error:
        panels.refused(WrongRequest(f"It can't be read ({error.strerror}). Choose another folder."))
    finally:
        bar.empty()
    return None


def _found(report: FolderReport) -> None:
    images = sum(report.classes.values())
    sizes = " to ".join(f"{width}x{height}" for width, height in dict.fromkeys((report.smallest, report.largest)))
    colour = "grey" if report.channels == 1 else "colour"
    st.markdown(f"**{images:,} images in {len(report.classes)} classes**, {sizes} pixels, {colour}")
    table = {
        "Class": [panels.escape(name) for name in report.classes],
        "Images": [f"{count:,}" for count in report.classes.values()],
    }
    st.table(table, border="horizontal", hide_index=True, width="content", alt="Images of each class")
    if len(report.classes) == 1:
        st.caption(
            "One class alone has no novel images to test with: the scenarios of the Train page need a second one."
        )
    if report.duplicates:
        st.caption(f"{report.duplicates:,} files are copies of others; copies stay on one side of every split.")
    if report.contradictions:
        st.caption(f":material/warning: {report.contradictions:,} pictures lie in more than one class.")
    if report.skipped:
        with st.expander(f"{len(report.skipped):,} files are skipped"):
            for name, reason in report.skipped[:SKIPPED]:
                st.caption(f"{panels.escape(name)}: {panels.escape(reason)}")


def _choose(source: Path, report: FolderReport) -> None:
    with st.form("datasets_import"):
        at_name, at_size, at_channels, at_share = st.columns([3, 2, 2, 2])
        name = at_name.text_input(
            "Name of the dataset", value=_suggestion(source), help="Up to 40 letters, digits, - and _"
        )
        sizes = sorted({*SIZES, report.side})
        size = at_size.selectbox(
            "Size in pixels", sizes, sizes.index(report.side), help="SVDD's networks take 8, 28 or 32"
        )
        channels = at_channels.selectbox(
            "Channels", [1, 3], [1, 3].index(report.channels), format_func={1: "grey", 3: "colour"}.get
        )
        share = at_share.number_input("Held out for testing (%)", 0, 90, 20)
        if not st.form_submit_button("Import", type="primary", icon=":material/library_add:"):
            return
    entry = _with_progress(
        "Importing", lambda tell: data.import_images(source, name.strip(), size, channels, share / 100, progress=tell)
    )
    if entry:
        st.session_state["datasets_imported"] = entry.name


def _suggestion(source: Path) -> str:
    """The file's name as a dataset's name."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in source.stem).strip("-")[:40]


def _imported() -> None:
    """After an import: what it became, and the way on."""
    name = st.session_state.get("datasets_imported")
    if name is None:
        return
    entry = data.entry(name)
    st.success(panels.escape(f"{name} is there: {entry.train_count:,} training and {entry.test_count:,} test images."))
    with st.container(horizontal=True):
        st.page_link(
            "pages/train.py",
            label="Train on it",
            icon=":material/model_training:",
            query_params={"dataset": name},
        )
        st.page_link(
            "pages/datasets.py", label="Look at it", icon=":material/photo_library:", query_params={"dataset": name}
        )
