"""Fixtures of the browser tests: the app on a free port with a store of its own, and a Chromium page.

Without Chromium the tests are skipped; with NOVELTY_BROWSER=required they fail instead.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import driver


@pytest.fixture(scope="session")
def chromium() -> Iterator[driver.Browser]:
    if driver.CHROMIUM is None:
        absent = pytest.fail if os.environ.get("NOVELTY_BROWSER") == "required" else pytest.skip
        absent("No Chromium was found on PATH; install one to run the browser tests.")
    with driver.browser() as browser:
        yield browser


@pytest.fixture
def page(chromium: driver.Browser) -> Iterator[driver.Page]:
    page = driver.new_page(chromium)
    yield page
    page.context.close()


@pytest.fixture
def fresh_app(chromium: driver.Browser, tmp_path: Path) -> Iterator[str]:
    """A server that nobody has visited yet."""
    with driver.server(tmp_path / "checkpoints", tmp_path / "server.log") as address:
        yield address


@pytest.fixture(scope="session")
def app(chromium: driver.Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests that don't mind who was there before."""
    folder = tmp_path_factory.mktemp("app")
    with driver.server(folder / "checkpoints", folder / "server.log") as address:
        yield address
