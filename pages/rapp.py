"""RaPP: how far does an image stray from its reconstruction, layer by layer?"""

import streamlit as st

from pages.shared import frame

frame.through_entry()
st.title("RaPP: how far does an image stray from its reconstruction, layer by layer?")
