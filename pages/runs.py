"""What has been trained, and how did it go?"""

import streamlit as st

from pages.shared import frame

frame.through_entry()
st.title("What has been trained, and how did it go?")
