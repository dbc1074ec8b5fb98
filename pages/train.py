"""What should it learn to call normal?"""

import streamlit as st

from pages.shared import frame

frame.through_entry()
st.title("What should it learn to call normal?")
