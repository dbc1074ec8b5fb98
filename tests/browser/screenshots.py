"""Pictures of the app's pages in light and dark: `python -m tests.browser.screenshots [FOLDER] [--page rapp]`.

The app shows the runs of NOVELTY_CHECKPOINTS, by default those that it ships with.
"""

import argparse
import os
import tempfile
from pathlib import Path

from tests.browser import driver

PAGES = ("home", *sorted(file.stem for file in (driver.ROOT / "pages").glob("*.py") if file.stem != "home"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "pictures")
    parser.add_argument("--theme", choices=("light", "dark"), help="both by default")
    parser.add_argument("--page", choices=PAGES, help="all by default")
    parser.add_argument("--query", default="", help='of the page, such as "rapp_run=..."')
    parser.add_argument("--size", default="1280x800", help="width x height of the window")
    parser.add_argument("--full", action="store_true", help="the whole page, not only what the window shows")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    size = tuple(int(side) for side in options.size.split("x"))
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(os.environ.get("NOVELTY_CHECKPOINTS", scratch))
        with driver.server(store, Path(scratch, "server.log")) as app, driver.browser() as chromium:
            for theme in [options.theme] if options.theme else ["light", "dark"]:
                for name in [options.page] if options.page else PAGES:
                    file = options.folder / f"{name}-{theme}.png"
                    photograph(driver.new_page(chromium, size, theme), app, name, options.query, file, options.full)
                    print(file)


def photograph(page: driver.Page, app: str, name: str, query: str, file: Path, full: bool) -> None:
    """Opens a page of the app and writes what the window shows."""
    page.goto(f"{app}/{'' if name == 'home' else name}?{query}")
    driver.settle(page)
    if full:  # the page scrolls inside the app: only a window as high as the content shows all of it
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": page.viewport_size["width"], "height": height})
        driver.settle(page)
    page.wait_for_timeout(1500)  # fades and chart transitions
    page.screenshot(path=file)
    page.context.close()


if __name__ == "__main__":
    main()
