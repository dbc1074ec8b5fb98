import runpy
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.runs import store
from pages.shared import frame

ENTRY = str(Path(__file__).parents[3] / "streamlit_app.py")


@pytest.fixture
def app(tmp_path, monkeypatch) -> AppTest:
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    return AppTest.from_file(ENTRY, default_timeout=30)


def live_line(app: AppTest) -> list[str]:
    return [link.proto.label for link in app.sidebar.get("page_link")]


def cold_page() -> None:
    import streamlit as st

    from pages.shared import frame

    frame.through_entry()
    st.title("The page itself")


def test_through_entry_sends_an_unframed_page_to_the_entry_script(monkeypatch):
    ran = []
    monkeypatch.setattr(runpy, "run_path", lambda path, run_name: ran.append((path, run_name)))
    app = AppTest.from_function(cold_page).run()
    assert ran == [(ENTRY, "__main__")]
    assert not app.title


def test_through_entry_lets_a_framed_page_pass(monkeypatch):
    monkeypatch.setattr(runpy, "run_path", lambda path, run_name: pytest.fail("the entry script ran again"))
    app = AppTest.from_function(cold_page)
    app.session_state["framed"] = True
    assert app.run().title[0].value == "The page itself"


def test_a_fault_in_a_fragment_leaves_the_rest_of_the_page(caplog):
    def page() -> None:
        import streamlit as st

        from pages.shared import frame

        @frame.fragment
        def part(divisor: int) -> None:
            st.text(f"{1 / divisor}")

        part(2)
        part(0)
        st.text("below")

    app = AppTest.from_function(page).run()
    assert [text.value for text in app.text] == ["0.5", "below"]
    assert [error.value for error in app.error] == [frame.OUR_FAULT]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("activity", "line", "interval"),
    [
        ((1, 2), "1 training, 2 waiting", "1s"),
        ((3, 0), "3 training", "1s"),
        ((0, 1), "1 waiting", "1s"),
        ((0, 0), "Nothing is training", None),
    ],
)
def test_the_live_line_counts_and_polls_only_while_something_runs(app, monkeypatch, activity, line, interval):
    intervals, fragment = [], st.fragment

    def recorded(body, **options):
        intervals.append(options["run_every"])
        return fragment(body, **options)

    monkeypatch.setattr(store, "activity", lambda: activity)
    monkeypatch.setattr(st, "fragment", recorded)
    app.run().switch_page("pages/svdd.py").run()
    assert live_line(app) == [line]
    assert intervals[-1] == interval


def test_the_page_is_drawn_anew_when_the_last_run_ends(app, monkeypatch):
    answers = iter([(1, 0), (1, 0), (0, 0)])  # the standing line, whether to poll, and the fragment's own look
    monkeypatch.setattr(store, "activity", lambda: next(answers, (0, 0)))
    app.run()
    assert live_line(app) == ["Nothing is training"]
    assert next(answers, None) is None


def test_a_button_pressed_as_the_last_run_ends_is_heard(app, monkeypatch):
    pressed, through_entry = [], frame.through_entry

    def live_part() -> None:
        if st.button("Open"):
            pressed.append(True)

    monkeypatch.setattr(frame, "through_entry", lambda: (through_entry(), frame.live(live_part)))
    monkeypatch.setattr(store, "activity", lambda: (1, 0))
    app.run().switch_page("pages/svdd.py").run()
    answers = iter([(1, 0), (1, 0), (0, 0)])  # as above: it ends between the click and the fragment's own look
    monkeypatch.setattr(store, "activity", lambda: next(answers, (0, 0)))
    next(each for each in app.main.button if each.label == "Open").click().run()
    assert pressed == [True]
    assert live_line(app) == ["Nothing is training"]


def test_a_page_with_a_live_part_has_one_fragment_and_one_line(app, monkeypatch):
    through_entry = frame.through_entry
    monkeypatch.setattr(frame, "through_entry", lambda: (through_entry(), frame.live(lambda: st.text("live part"))))
    app.run().switch_page("pages/svdd.py").run()
    assert live_line(app) == ["Nothing is training"]
    assert [text.value for text in app.main.text] == ["live part"]


def test_a_page_that_stops_still_has_its_sidebar(app, monkeypatch):
    through_entry = frame.through_entry
    monkeypatch.setattr(frame, "through_entry", lambda: (through_entry(), st.stop()))
    app.run().switch_page("pages/svdd.py").run()
    assert not app.title
    assert live_line(app) == ["Nothing is training"]
    assert [toggle.label for toggle in app.sidebar.toggle] == ["Large type"]


def test_a_store_that_cannot_be_read_costs_the_line_and_not_the_page(app, monkeypatch):
    monkeypatch.setattr(store, "activity", lambda: 1 / 0)
    app.run().switch_page("pages/svdd.py").run()
    assert app.title[0].value == "One ball or several?"
    assert frame.OUR_FAULT in [error.value for error in app.error]
    assert not app.exception


def test_large_type_stays_on_the_next_page(app):
    def styles() -> list[str]:
        return [element.proto.body for element in app._tree.get("html")]

    app.run()
    assert frame.LARGE_TYPE not in styles()
    app.sidebar.toggle(key="large_type").set_value(True).run()
    assert frame.LARGE_TYPE in styles()
    app.switch_page("pages/svdd.py").run()
    assert frame.LARGE_TYPE in styles()
