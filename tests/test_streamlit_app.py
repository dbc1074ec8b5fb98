import logging
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import WrongRequest
from pages.shared import frame

ROOT = Path(__file__).parents[1]
LIMIT = re.compile(r"max_upload_size=(\w+)")
PAGES = sorted(f"pages/{file.name}" for file in (ROOT / "pages").glob("*.py"))


@pytest.fixture
def app(tmp_path, monkeypatch) -> AppTest:
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30).run()


def _after_the_frame(monkeypatch: pytest.MonkeyPatch, failure: Callable[[], None]) -> None:
    """Lets every page fail once it is framed; AppTest starts each run as a fresh server does, with the page alone."""
    through_entry = frame.through_entry
    monkeypatch.setattr(frame, "through_entry", lambda: (through_entry(), failure()))


def test_the_app_opens_on_home(app):
    assert not app.exception
    opened = [title.value for title in app.title]
    assert opened == [title.value for title in app.switch_page("pages/home.py").run().title]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_asks_one_question_and_shows_no_fault_of_ours(app, page):
    app.switch_page(page).run()
    assert not app.exception
    assert frame.OUR_FAULT not in [error.value for error in app.error]
    assert len(app.title) == 1
    assert "?" in app.title[0].value


def test_a_fault_in_a_page_shows_one_sentence_and_logs_the_traceback(app, monkeypatch, caplog):
    _after_the_frame(monkeypatch, lambda: 1 / 0)
    with caplog.at_level(logging.ERROR):
        app.switch_page("pages/rapp.py").run()
    assert [error.value for error in app.error] == [frame.OUR_FAULT]
    assert not app.exception
    assert "ZeroDivisionError" in caplog.text


def test_an_error_for_a_person_is_shown_as_its_own_sentence(app, monkeypatch):
    def refuse() -> None:
        raise WrongRequest("digits has no class x. Choose from 0, 1, 2.")

    _after_the_frame(monkeypatch, refuse)
    app.switch_page("pages/rapp.py").run()
    assert [error.value for error in app.error] == ["digits has no class x. Choose from 0, 1, 2."]
    assert not app.exception


def test_the_server_takes_what_every_input_offers():
    """An input may say more than server.maxUploadSize, and the browser believes it; the server refuses."""
    taken = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["maxUploadSize"]
    offered = {}
    for path in (ROOT / "pages").rglob("*.py"):
        text = path.read_text()
        inputs = text.count("file_uploader(")
        limits = LIMIT.findall(text)
        assert len(limits) == inputs, f"{path.name}: every input says its limit"
        for limit in limits:
            number = limit if limit.isdigit() else re.search(rf"^{limit} = (\d+)", text, re.MULTILINE)[1]
            offered[path.name] = int(number)
    assert len(offered) >= 3 and max(offered.values()) <= taken, offered
