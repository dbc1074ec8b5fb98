"""Which images are there to learn from?"""

import numpy as np
import streamlit as st

from core import data
from core.data import Dataset, Entry
from core.errors import NoveltyError
from pages.shared import frame, panels, pickers
from pages.shared.datasets import importing
from pages.shared.train import form

PAGE = 36  # images on a sheet
SIDE = 84  # of an image on the screen, in pixels, at least
HERE, AWAY = ":green[:material/check:]", ":gray[:material/download:]"


def shape_in_words(entry: Entry) -> str:
    if entry.shape is None:
        return ""
    channels, height, width = entry.shape
    return f"{width}x{height}, {'grey' if channels == 1 else 'colour'}"


def where(entry: Entry) -> str:
    """Whether a set is here, and how large it would be to fetch."""
    if entry.present:
        return f"stand-in: {entry.stand_in}" if entry.stand_in else "here"
    if entry.trouble:
        return "can't be read"
    return f"to fetch, {entry.download_megabytes:,.0f} MB" if entry.download_megabytes else "put its file here"


def listing(entries: list[Entry]) -> None:
    table = {
        "Dataset": [panels.escape(each.title) for each in entries],
        "Classes": [f"{len(each.classes)}" if each.classes else "" for each in entries],
        "Training images": [f"{each.train_count:,}" if each.train_count else "" for each in entries],
        "Test images": [f"{each.test_count:,}" if each.test_count else "" for each in entries],
        "Size": [shape_in_words(each) for each in entries],
        "On this machine": [f"{HERE if each.present else AWAY} {panels.escape(where(each))}" for each in entries],
    }
    st.table(table, border="horizontal", hide_index=True, alt="All datasets, their sizes, and whether they are here")


def choose(entries: list[Entry]) -> Entry:
    """One dataset; those that are here come first."""
    names = {each.name: each for each in sorted(entries, key=lambda each: not each.present)}
    linked = st.query_params.get("dataset")
    if linked in names:
        st.session_state["datasets_name"] = linked
    elif linked:
        st.warning(panels.escape(f"There is no dataset called {linked} here."), icon=":material/link_off:")
    chosen = st.selectbox(
        "Dataset",
        list(names),
        format_func=lambda name: names[name].title + ("" if names[name].present else " (not here)"),
        key="datasets_name",
        persist_state="session",
        on_change=lambda: st.query_params.update(dataset=st.session_state["datasets_name"]),
    )
    pickers.into_link("dataset", chosen)
    return names[chosen]


def fetch(entry: Entry) -> None:
    """What a missing set is, how large, and the button that gets it."""
    if entry.trouble:
        st.warning(panels.escape(entry.trouble), icon=":material/warning:")
        return
    if not entry.download_megabytes:
        st.info(panels.escape(data.how_to_get(entry)), icon=":material/info:")
        return
    size = f"{entry.download_megabytes:,.0f} MB"
    st.markdown(f"The download has {size} and goes to `{data.roots()[0]}`.")
    if st.button(f"Fetch {size}", type="primary", icon=":material/download:", key="datasets_fetch"):
        bar = st.progress(0.0, "Asking for it")
        try:
            data.fetch(entry.name, lambda share, sentence: bar.progress(share or 0.0, panels.escape(sentence)))
        except NoveltyError as error:
            bar.empty()
            panels.refused(error)
        else:
            st.rerun()


def browse(dataset: Dataset) -> None:
    """Images of one class, or of all, a sheet at a time."""
    at_class, at_half, at_sheet = st.columns([3, 2, 2])
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    names = ["all classes", *dataset.classes]
    totals = [len(dataset.labels), *counts.tolist()]
    place = at_class.selectbox(
        "Class",
        range(len(names)),
        format_func=lambda place: f"{names[place]} ({totals[place]:,})",
        key=f"datasets_class_{dataset.name}",
    )
    half = at_half.segmented_control(
        "Half", ["both", "training", "test"], default="both", required=True, key="datasets_half", bind="query-params"
    )
    chosen = np.arange(len(dataset.labels)) if place == 0 else dataset.class_indices(place - 1)
    if place == 0:  # every class is seen on the first sheets
        chosen = np.random.default_rng(0).permutation(chosen)
    if half != "both":
        chosen = chosen[dataset.is_test[chosen] == (half == "test")]
    sheets = max(1, -(-len(chosen) // PAGE))
    key = f"datasets_sheet_{dataset.name}_{place}_{half}"
    sheet = at_sheet.number_input(f"Sheet, 1 to {sheets:,}", 1, sheets, key=key)
    some = chosen[(sheet - 1) * PAGE : sheet * PAGE]
    if len(some) == 0:
        st.caption("No image of this class in this half.")
        return
    labels = [dataset.classes[label] for label in dataset.labels[some]]
    panels.images_row(dataset.images[some], labels, panels.factor(dataset.shape, SIDE))


def copies() -> None:
    """How much decoded copies take, and the button that removes them."""
    if not (size := data.cache.size()):
        return
    at_words, at_button = st.columns([5, 2], vertical_alignment="center")
    at_words.caption(
        f"Decoded copies of image sets take {size / 1e6:,.0f} MB in `{data.cache.folder()}`; they are made again "
        "when they are needed."
    )
    at_button.button("Empty the cache", icon=":material/delete_sweep:", key="datasets_cache", on_click=data.cache.empty)


def groupings(entry: Entry) -> None:
    for name, groups in entry.groupings.items():
        st.markdown(
            f"**Super-categories ({panels.escape(name)})**, for the scenario “one group of hidden classes is normal”"
        )
        shown = {
            "Group": [
                panels.escape(f"{group}: {data.GROUP_TITLES[group]}" if group in data.GROUP_TITLES else group)
                for group in groups
            ],
            "Classes": [panels.escape(", ".join(classes)) for classes in groups.values()],
        }
        st.table(shown, border="horizontal", hide_index=True, alt=f"Super-categories of {entry.title}")


frame.through_entry()
st.title("Which images are there to learn from?")
entries = data.catalogue()
at_name, at_train = st.columns([5, 2], vertical_alignment="bottom")
with at_name:
    entry = choose(entries)
if entry.present:
    with at_train:
        st.page_link(
            "pages/train.py", label=f"Train on {panels.escape(entry.title)}", icon=":material/model_training:",
            query_params=form.first_link(entry),
        )  # fmt: skip
facts = [f"{len(entry.classes)} classes"] if entry.classes else []
facts += [f"{entry.train_count:,} training and {entry.test_count:,} test images"] if entry.train_count else []
facts += [shape_in_words(entry)] if entry.shape else []
st.markdown(panels.escape(" · ".join([*facts, entry.origin])))
if entry.note:
    st.caption(f":material/info: {panels.escape(entry.note)}")
images, every, own = st.tabs(
    ["Images", "All datasets", "Add your own images"], key="datasets_tab", on_change="rerun", bind="query-params"
)
if images.open:
    with images:
        if not entry.present:
            fetch(entry)
        elif entry.stand_in and entry.download_megabytes:
            with st.expander(
                f"Get the whole set ({entry.download_megabytes:,.0f} MB)", key="datasets_whole", on_change="rerun"
            ) as whole:
                if whole.open:
                    fetch(entry)
        if entry.present:
            with st.spinner(f"Reading {entry.title}", show_time=True):
                dataset = data.load(entry.name)
            browse(dataset)
            groupings(entry)
if every.open:
    with every:
        listing(entries)
        copies()
if own.open:
    with own:
        importing.show()
