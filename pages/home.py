"""Which of these would surprise a network that has never seen a 3?"""

import streamlit as st

from pages.shared import frame

frame.through_entry()
st.title("Which of these would surprise a network that has never seen a 3?")
