"""Which method sees it, and which doesn't?"""

import streamlit as st

from pages.shared import frame

frame.through_entry()
st.title("Which method sees it, and which doesn't?")
