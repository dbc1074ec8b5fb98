import json

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.shared import panels


def one_picture() -> None:
    import streamlit as st

    from core import figures
    from pages.shared import panels

    picture = figures.score_histogram([1, 2, 3, 4], figures.Kinds.of_test([0, 0, 1, 1]), 2.5, "Four scores")
    st.session_state["picked"] = panels.show(
        picture, key="four", on_select="rerun", run="rapp-ae-digits", heard="One is far out."
    )


def test_show_has_a_chart_with_words_a_sentence_and_downloads():
    app = AppTest.from_function(one_picture).run()
    chart = app.get("plotly_chart")[0].proto
    assert chart.alt.startswith("Four scores. At the dashed threshold of 2.5 it catches 2 of 2")
    assert chart.alt.endswith("normal ones. One is far out.")
    assert any("catches 2 of 2" in text.value for text in app.markdown)
    assert [button.label for button in app.download_button] == ["Numbers (CSV)", "Picture (HTML)"]
    assert json.loads(chart.config)["toImageButtonOptions"]["filename"] == "home-rapp-ae-digits-score-histogram"
    assert app.session_state["picked"] is None


def test_show_returns_the_picked_image():
    app = AppTest.from_function(one_picture)
    point = {"point_index": 1, "customdata": [17, "class 3"]}
    app.session_state["four"] = {"selection": {"points": [point], "point_indices": [1], "box": [], "lasso": []}}
    assert app.run().session_state["picked"] == 17


def test_show_enlarges_its_text_with_the_large_type_switch():
    app = AppTest.from_function(one_picture).run()
    usual = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]["height"]
    app.session_state["large_type"] = True
    assert json.loads(app.run().get("plotly_chart")[0].proto.spec)["layout"]["height"] > usual


@pytest.mark.parametrize("name", ["![x](http://example.org/x.png)", ":red[hot]", "a*b_c`d", "$x^2$", "<b>", "1. #2"])
def test_escape_disarms_markdown_and_keeps_every_character(name):
    escaped = panels.escape(name)
    assert escaped.replace("\\", "") == name
    for special in "*_`[$<:#!":
        assert special not in escaped.replace(f"\\{special}", "")


def test_images_row_shows_every_image_with_its_label():
    def page() -> None:
        import numpy as np

        from pages.shared import panels

        panels.images_row(np.zeros((3, 1, 8, 8), np.uint8), ["one", "two *", "three"], factor=4)

    app = AppTest.from_function(page).run()
    images = [image for element in app.get("image") for image in element.proto.imgs]
    assert [image.caption for image in images] == ["one", "two \\*", "three"]
    assert [image.alt for image in images] == ["one", "two *", "three"]


def test_empty_says_what_to_do_next_and_its_button_goes_there(monkeypatch):
    def page() -> None:
        from pages.shared import panels

        panels.empty("No SVDD run yet.", "Train one", "pages/train.py")

    went = []
    monkeypatch.setattr(st, "switch_page", went.append)
    app = AppTest.from_function(page).run()
    assert app.markdown[0].value == "No SVDD run yet."
    app.button[0].click().run()
    assert went == ["pages/train.py"]


def test_refused_shows_the_error_as_text():
    def page() -> None:
        from core.errors import WrongRequest
        from pages.shared import panels

        panels.refused(WrongRequest("No class 'x*y*z'. Choose 0 or 1."))

    assert AppTest.from_function(page).run().error[0].value == "No class 'x\\*y\\*z'. Choose 0 or 1."


def test_command_can_be_copied_as_it_stands():
    def page() -> None:
        from pages.shared import panels

        panels.command("python -m core train --set nu=0.1")
        panels.command("from core import runs", language="python")

    app = AppTest.from_function(page).run()
    assert [code.value for code in app.code] == ["python -m core train --set nu=0.1", "from core import runs"]
    assert [caption.value for caption in app.caption] == ["The same thing as a command", "The same thing in Python"]
