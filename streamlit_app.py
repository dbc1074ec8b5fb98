"""The app's entry script: page config and navigation. Start it with `streamlit run streamlit_app.py`."""

import streamlit as st

from pages.shared import frame

# an image of our own: a Material or emoji icon in the browser's tab would be fetched from the internet
ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="#0072B2"><circle cx="7" cy="7" r="4"/>
<circle cx="16" cy="7" r="4"/><circle cx="25" cy="7" r="4"/><circle cx="7" cy="16" r="4"/>
<circle cx="16" cy="16" r="4"/><circle cx="7" cy="25" r="4"/></g>
<rect x="19" y="19" width="10" height="10" fill="#D55E00"/></svg>"""

PAGES = {
    "Look": [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True, help="What novelty detection is"),
        st.Page("pages/score.py", title="Score an image", icon=":material/image_search:", help="How strange is it?"),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:", help="Methods on the same task"),
    ],
    "Methods": [
        st.Page("pages/rapp.py", title="RaPP", icon=":material/layers:", help="Reconstruction along the layers"),
        st.Page("pages/svdd.py", title="SVDD", icon=":material/bubble_chart:", help="One ball or several"),
        st.Page("pages/clad.py", title="CLAD", icon=":material/category:", help="The kinds in normal, and confidence"),
        st.Page("pages/vae.py", title="VAE threshold", icon=":material/vertical_align_center:", help="Draw the line"),
        st.Page("pages/metric.py", title="Metric learning", icon=":material/hub:", help="Near which class, or none"),
        st.Page("pages/baselines.py", title="Baselines", icon=":material/straighten:", help="Without a deep network"),
    ],
    "Work": [
        st.Page("pages/train.py", title="Train", icon=":material/model_training:", help="Start a training"),
        st.Page("pages/reproduce.py", title="Reproduce", icon=":material/fact_check:", help="Is a published table so?"),
        st.Page("pages/runs.py", title="Runs", icon=":material/list_alt:", help="All trainings: open, resume, delete"),
        st.Page("pages/sweeps.py", title="Sweeps", icon=":material/grid_on:", help="Many runs of one grid"),
        st.Page("pages/datasets.py", title="Datasets", icon=":material/photo_library:", help="Browse, fetch, add"),
    ],
}

st.set_page_config(page_icon=ICON, layout="wide", initial_sidebar_state=240)
page = st.navigation(PAGES, expanded=True)  # else Streamlit folds away what is beyond twelve
st.set_page_config(page_title=f"{page.title} · Novelty Explorer")
st.session_state["framed"] = True
with frame.around():
    page.run()
