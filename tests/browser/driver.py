"""A real server and a real browser, for the browser tests and for the README's pictures."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 60  # seconds, for a machine that is busy with other things


@contextmanager
def server(store: Path, log: Path, script: Path | None = None, root: Path = ROOT) -> Iterator[str]:
    """The app on a free port of this machine, with its runs in `store` and its output in `log`. Yields its address.

    script: what to serve, the entry script by default.  root: the folder of the project, or of another build of it.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script or root / "streamlit_app.py")]
    options = [f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command + options,
            cwd=root,
            env={**os.environ, "NOVELTY_CHECKPOINTS": str(store), "PYTHONPATH": str(root)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(process, address, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def _wait_until_healthy(process: subprocess.Popen, address: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"The app did not start:\n{log.read_text()}")


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium, the one of this machine."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            yield chromium
        finally:
            chromium.close()


def new_page(chromium: Browser, size: tuple[int, int] = (1280, 800), theme: str = "light") -> Page:
    """A page in a fresh context of its own, without cookies, in the light or the dark theme."""
    width, height = size
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    return page


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Waits until `holds`, for what no element on the page tells. Raises AssertionError when patience is at its end."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"It did not hold within {PATIENCE} s."
        page.wait_for_timeout(50)


def settle(page: Page) -> None:
    """Waits until the script has run, its charts are drawn and its images are there."""
    page.get_by_test_id("stSidebarNav").wait_for()
    page.locator("h1").first.wait_for()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator('[data-testid="stSkeleton"]').first.wait_for(state="detached")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.wait_for_function(
        "[...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(chart => chart.querySelector('.main-svg'))"
    )
