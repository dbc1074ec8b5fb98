"""What a person waits for in the browser, against another build of the project, by turns.

    python -m tests.benchmarks.bench_pages OTHER_FOLDER [--rounds 5] [--only rotate,window,...]

One step of Score's *rotate* and of RaPP's window, pages opened and switched to on a warm server, and Home on a cold
one: seconds until the last change of the page, all its charts drawn. Both builds show the same runs, those that the
other one ships. Prints a Markdown table of medians with their ratios to the other build, a folder with its checkout.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

from tests.browser import driver

# When a key or a link was pressed, and when something last changed inside the page; milliseconds since it was opened.
CLOCK = """
window.pressed = 0; window.changed = 0;
for (const kind of ['keydown', 'mousedown'])
    addEventListener(kind, () => { window.pressed = performance.now() }, true);
new MutationObserver(changes => {
    if (changes.some(({target}) => target instanceof Element && target.closest('[data-testid=stMain]')))
        window.changed = performance.now();
}).observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
"""
QUIET = 800  # milliseconds without a change after which nothing more is to come
SETTLED = f"""() => performance.now() - window.changed > {QUIET} && window.changed > window.pressed
    && document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    && !document.querySelector('[data-testid="stSkeleton"]')
    && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(chart => chart.querySelector('.main-svg'))"""
PAGES = ("rapp", "svdd", "compare", "score")


class Build:
    """A warm server of one build with a browser page on it."""

    def __init__(self, address: str, browser: driver.Browser, runs: list[str]):
        self.address, self.browser = address, browser
        rapp, svdd = ([run for run in runs if run.startswith(name)] for name in ("rapp-ae-", "multi-radius-"))
        self.queries = {
            "rapp": {"rapp_run": rapp},
            "svdd": {"svdd_run": svdd},
            "compare": {"runs": [run for run in runs if "multimodal-3" in run]},
            "score": {"score_runs": runs[:4]},
        }
        self.page = driver.new_page(browser)
        self.page.add_init_script(CLOCK)

    def open(self, name: str) -> float:
        """Seconds from the address to the last chart."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/{name}?{urlencode(self.queries.get(name, {}), doseq=True)}")
        return self.settled()

    def settled(self) -> float:
        """Seconds from what was pressed last, or from the opening of the page, to its last change."""
        self.page.wait_for_function(SETTLED)
        return self.page.evaluate("(window.changed - window.pressed) / 1000")

    def press(self, key: str) -> float:
        self.page.wait_for_timeout(300)
        self.page.keyboard.press(key)
        return self.settled()

    def switch(self, name: str) -> float:
        """Seconds from the click on a link of the sidebar to the last chart of the page."""
        self.page.get_by_test_id("stSidebarNav").locator(f'a[href$="/{name}"]').click()
        self.page.wait_for_url(f"**/{name}*")
        return self.settled()


def steps(build: Build, page: str, slider: str) -> Callable[[], float]:
    """One step of a slider to the right and back, the mean of both.  slider: its label."""
    build.open(page)
    build.page.get_by_role("slider", name=slider).first.focus()
    for key in ("ArrowRight", "ArrowLeft"):  # whatever is imported or computed once
        build.press(key)
    return lambda: (build.press("ArrowRight") + build.press("ArrowLeft")) / 2


def warm(builds: dict[str, Build], wanted: Callable[[str], bool], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each wait by build, measured by turns."""
    found: dict[str, dict[str, list[float]]] = {}
    for name, page, slider in (("rotate", "score", "Rotate"), ("window", "rapp", "Layers of the window")):
        if wanted(name):
            moves = {build: steps(each, page, slider) for build, each in builds.items()}
            by_turns(found, f"one step of {name}", moves, rounds)
    for page in PAGES:
        if wanted(f"open-{page}"):
            for each in builds.values():
                each.open(page)
            by_turns(found, f"{page} opened", {b: lambda e=e, p=page: e.open(p) for b, e in builds.items()}, rounds)
    for page in PAGES:
        if wanted(f"switch-{page}"):

            def switched(build: Build, page: str = page) -> float:
                build.open("datasets")
                return build.switch(page)

            by_turns(
                found, f"{page} from another page", {b: lambda e=e: switched(e) for b, e in builds.items()}, rounds
            )
    return found


def by_turns(found: dict, name: str, measures: dict[str, Callable[[], float]], rounds: int) -> None:
    seconds: dict[str, list[float]] = {build: [] for build in measures}
    for _ in range(rounds):
        for build, measure in measures.items():
            seconds[build].append(measure())
    found[name] = seconds
    print(
        f"{name}: " + ", ".join(f"{b} {' '.join(f'{s:.2f}' for s in all_)}" for b, all_ in seconds.items()), flush=True
    )


def cold(root: Path, browser: driver.Browser, folder: Path) -> tuple[float, float]:
    """Seconds from the command to Home's title, and to the last change of Home."""
    began = time.monotonic()
    with driver.server(folder / "store", folder / "cold.log", root=root) as address:
        page = driver.new_page(browser)
        page.add_init_script(CLOCK)
        opened = time.monotonic()
        page.goto(address)
        page.locator("h1").first.wait_for()
        titled = time.monotonic()
        page.wait_for_function(SETTLED)
        drawn = page.evaluate("window.changed / 1000")
        page.context.close()
    return titled - began, opened - began + drawn


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("other", type=Path)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--only", default="")
    asked = words.parse_args()
    roots = {"ours": driver.ROOT, "other": asked.other.resolve()}
    runs = sorted(each.name for each in (roots["other"] / "checkpoints" / "shipped").iterdir())
    chosen = asked.only.split(",") if asked.only else []
    print(f"load {os.getloadavg()[0]:.1f} before it starts\n", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        browser = stack.enter_context(driver.browser())
        found: dict[str, dict[str, list[float]]] = {}
        if not chosen or "cold" in chosen:
            times = {
                name: [cold(root, browser, folder) for _ in range(1)] for name, root in roots.items()
            }  # warms disks
            times = {name: [] for name in roots}
            for _ in range(asked.rounds):
                for name, root in roots.items():
                    times[name].append(cold(root, browser, folder))
            for place, what in enumerate(("Home's title, cold server", "Home whole, cold server")):
                found[what] = {name: [each[place] for each in all_] for name, all_ in times.items()}
        builds = {}
        for name, root in roots.items():
            address = stack.enter_context(driver.server(folder / name, folder / f"{name}.log", root=root))
            builds[name] = Build(address, browser, runs)
        found |= warm(builds, lambda name: not chosen or name in chosen, asked.rounds)
    print("\n| wait | ours | other | ratio |\n| --- | --- | --- | --- |")
    for name, seconds in found.items():
        ours, other = statistics.median(seconds["ours"]), statistics.median(seconds["other"])
        print(f"| {name} | {ours:.2f} s | {other:.2f} s | {ours / other:.2f} |")


if __name__ == "__main__":
    main()
