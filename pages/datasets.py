"""Which images are there to learn from?"""

import streamlit as st

from pages.shared import frame

frame.through_entry()
st.title("Which images are there to learn from?")
