"""Ten test images to judge: which are novel? Then the verdicts of the network and of the person side by side."""

import numpy as np
import streamlit as st

from core import evaluation
from core.figures import NOVEL, enlarge, three_digits
from core.figures.pages import home as figures
from core.figures.pages.score import mixture
from core.runs.store import Run
from pages.shared import cached, frame, panels

TEN = 10
STYLE = f"""<style>
[class*=st-key-home_card] {{ position: relative; align-items: center; }}
[class*=st-key-home_card] label {{ cursor: pointer; }}
[class*=st-key-home_card] label::before {{ content: ""; position: absolute; inset: -7rem -1rem 0 -1rem; }}
[class*=st-key-home_card]:has(input:checked) img {{ outline: 4px solid {NOVEL}; }}
</style>"""  # a click on an image ticks the box below it


@frame.fragment
def show(run: Run) -> None:
    """Ten test images to judge; then the network's verdicts beside the person's."""
    asked = st.query_params.get("home_sheet", "")
    number = int(asked) if asked.isdecimal() else 0
    images, classes, kinds = (
        cached.array(run, "test", "images"),
        cached.array(run, "test", "classes"),
        cached.kinds(run),
    )
    ten = mixture(kinds, TEN, number)
    keys = [f"home_guess_{run.id}_{number}_{place}" for place in ten]
    if st.session_state.get("home_shown") != (run.id, number):
        st.html(STYLE)
        for column, key, place in zip(st.columns(TEN), keys, ten, strict=False):
            with column, st.container(key=f"home_card_{place}"):
                st.image(
                    enlarge(images[place], max(1, 84 // max(images.shape[2:]))), width="stretch", alt="A test image"
                )
                st.checkbox("novel", key=key)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Show", type="primary", on_click=_reveal, args=(run, number), key="home_show")
            normal = ", ".join(sorted(set(classes[~kinds.novel].tolist())))
            st.caption(
                panels.escape(f"It has seen only {normal}. Click the images that you think are novel, then Show.")
            )
        return
    score, threshold = cached.array(run, "scores", f"test/{run.spec.card.headline}")[ten], run.threshold()
    percentiles = evaluation.percentile(score, cached.held_out_scores(run))
    picked = np.array([bool(st.session_state.get(key)) for key in keys])
    panels.show(
        figures.surprise(images[ten], classes[ten].tolist(), kinds[ten], percentiles, score > threshold, picked),
        run=run.id,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Another ten", icon=":material/shuffle:", on_click=_another, args=(number + 1,), key="home_another")
        auroc = three_digits(run.metrics()["auroc"])
        st.caption(panels.escape(f"The network: {run.name}, AUROC {auroc} on all {len(kinds):,} test images."))


def _reveal(run: Run, number: int) -> None:
    # The boxes go away with the images, and Streamlit forgets what isn't drawn.
    st.session_state.update(
        {key: value for key, value in st.session_state.items() if str(key).startswith("home_guess")}
    )
    st.session_state["home_shown"] = (run.id, number)


def _another(number: int) -> None:
    st.query_params["home_sheet"] = str(number)
