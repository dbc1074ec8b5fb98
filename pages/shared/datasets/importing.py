"""A person's own images, in a folder, a zip or a file of arrays: looked at, understood, then packed into a dataset."""

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core import data, methods
from core.data import FolderReport
from core.errors import NoveltyError, WrongRequest
from pages.shared import panels
from pages.shared.train import form

Answer = TypeVar("Answer")
SKIPPED = 20  # files that are named
SIZES = (8, 16, 28, 32, 48, 64)
LARGEST_UPLOAD = 1000  # megabytes
LARGE = 300_000_000  # bytes of a zip from which a folder is the better way


def show() -> None:
    """The steps: where the images are, what was understood, how to import them, what to do next."""
    st.markdown(
        "A folder or a zip with one subfolder of images per class, with or without folders for training and testing "
        "above them; or a set of the field as it was published: MVTec AD, VisA, ImageFolder, Tiny-ImageNet, GTSRB, "
        "Omniglot, MNIST's idx files, `.npz`, SVHN's and CIFAR's `.mat`. Nothing leaves this computer."
    )
    at_folder, at_zip = st.columns(2)
    folder = at_folder.text_input(
        "Folder on this computer",
        key="datasets_folder",
        placeholder="/home/me/pictures",
        help="Also a zip, `.npz` or `.mat` on this computer. The better way for a large set: nothing is copied.",
    )
    archive = at_zip.file_uploader(
        "or a zip", type=["zip", "npz", "mat"], key=f"datasets_zip_{_uploads()}", max_upload_size=LARGEST_UPLOAD
    )
    if archive is None:
        st.session_state.pop("datasets_upload", None)
        source, mark = Path(folder.strip()).expanduser(), folder.strip()
    else:
        source, mark = _on_disk(archive), archive.file_id
        if archive.size > LARGE:
            st.caption(
                "An upload of this size stays in the server's memory while this page is open. Its path on this "
                "computer, given as the folder, costs none."
            )
    if mark:
        part = _part(mark)
        report = _report(source, mark, part)
        if report:
            _found(report)
            _choose(source, report, part)
    _imported()


def _uploads() -> int:
    """How many imports there were in this session: each has an input of its own."""
    return st.session_state.get("datasets_uploads", 0)


class _Upload:
    """An uploaded file as one on disk, which goes when this does: with the session, or another upload."""

    def __init__(self, archive: UploadedFile) -> None:
        folder = tempfile.mkdtemp(prefix="novelty-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.mark, self.path = archive.file_id, Path(folder, Path(archive.name).name)
        self.path.write_bytes(archive.getvalue())  # which copies nothing; getbuffer would


def _on_disk(archive: UploadedFile) -> Path:
    """Where an upload lies, written there once: several hundred megabytes take a second each time."""
    kept = st.session_state.get("datasets_upload")
    if kept is None or kept.mark != archive.file_id:
        kept = st.session_state["datasets_upload"] = _Upload(archive)
    return kept.path


def _part(mark: str) -> str:
    """Which set of a source that holds several, empty where it holds one."""
    parts = st.session_state.get("datasets_parts", (None, ()))
    if parts[0] != mark:
        return ""
    st.info(f"This holds {len(parts[1])} sets. Each is a dataset of its own.", icon=":material/folder_open:")
    return st.selectbox("Which one", parts[1], key=f"datasets_part_{mark}")


def _report(source: Path, mark: str, part: str) -> FolderReport | None:
    """What lies there, looked at once for each choice; None, after one sentence, where it can't be used."""
    kept = st.session_state.get("datasets_report")
    if kept and kept[0] == (mark, part):
        return kept[1]
    try:
        report = _with_progress("Looking", lambda tell: data.inspect(source, tell, part))
    except data.SeveralSets as several:
        st.session_state["datasets_parts"] = (mark, several.parts)
        st.rerun()
    if report:
        st.session_state["datasets_report"] = ((mark, part), report)
    return report


def _with_progress(label: str, work: Callable[[Callable[[float | None, str], None]], Answer]) -> Answer | None:
    """What the work gives, with a bar while it goes on; None, after one sentence, where it is refused."""
    bar = st.progress(0.0, label)
    try:
        return work(lambda share, sentence: bar.progress(share or 0.0, panels.escape(sentence)))
    except data.SeveralSets:
        raise
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
    classes = f"{len(report.classes)} classes" if len(report.classes) != 1 else "1 class"
    st.markdown(f"**{images:,} images in {classes}**, {sizes} pixels, {colour}")
    for sentence in report.notes:
        st.caption(panels.escape(sentence))
    table = {"Class": [panels.escape(name) for name in report.classes]}
    if report.halves:
        table["Training"] = [f"{training:,}" for training, _ in report.halves.values()]
        table["Test"] = [f"{testing:,}" for _, testing in report.halves.values()]
    else:
        table["Images"] = [f"{count:,}" for count in report.classes.values()]
    st.table(table, border="horizontal", hide_index=True, width="content", alt="Images of each class")
    if report.skipped:
        with st.expander(f"{len(report.skipped):,} files are skipped"):
            for name, reason in report.skipped[:SKIPPED]:
                st.caption(f"{panels.escape(name)}: {panels.escape(reason)}")


def _choose(source: Path, report: FolderReport, part: str) -> None:
    with st.form("datasets_import"):
        at_name, at_size, at_channels, at_share = st.columns([3, 3, 2, 2])
        name = at_name.text_input(
            "Name of the dataset", value=_suggestion(source, part), help="Up to 40 letters, digits, - and _"
        )
        sizes = [report.side, *(side for side in SIZES if side != report.side)]
        size = at_size.selectbox(
            "Size in pixels",
            sorted(sizes, key=lambda side: side or 0),
            sorted(sizes, key=lambda side: side or 0).index(report.side),
            format_func=lambda side: _size_in_words(side, report),
            help="Larger images show finer defects and take longer; each size says how many methods take it.",
        )
        channels = at_channels.selectbox(
            "Channels", [1, 3], [1, 3].index(report.channels), format_func={1: "grey", 3: "colour"}.get
        )
        share = 0
        if not report.halves:
            share = at_share.number_input("Held out for testing (%)", 0, 90, 20)
        if not st.form_submit_button("Import", type="primary", icon=":material/library_add:"):
            return
    entry = _with_progress(
        "Importing",
        lambda tell: data.import_images(source, name.strip(), size, channels, share / 100, progress=tell, part=part),
    )
    if entry:
        st.session_state["datasets_imported"] = entry.name
        if not part:  # of several sets the next may be wanted
            st.session_state["datasets_uploads"] = _uploads() + 1  # an empty input: the server forgets its content
            st.rerun()


def _size_in_words(side: int | None, report: FolderReport) -> str:
    """A size, and which methods take images of it."""
    width, height = report.largest
    shape = (report.channels, side or height, side or width)
    size = f"{shape[2]} x {shape[1]}{' (as they are)' if side is None else ''}"
    return f"{size}: {methods.taking_in_words(shape)}"


def _suggestion(source: Path, part: str) -> str:
    """The file's name, or the part's, as a dataset's name."""
    stem = part or source.stem
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in stem).strip("-")[:40]


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
            query_params=form.first_link(entry),
        )
        st.page_link(
            "pages/datasets.py", label="Look at it", icon=":material/photo_library:", query_params={"dataset": name}
        )
