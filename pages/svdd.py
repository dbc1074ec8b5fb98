"""SVDD: one ball or several?"""

import streamlit as st

from pages.shared import frame

frame.through_entry()
st.title("SVDD: one ball or several?")
