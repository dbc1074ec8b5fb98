"""How strange is this picture, and to whom?"""

import streamlit as st

from pages.shared import frame

frame.through_entry()
st.title("How strange is this picture, and to whom?")
