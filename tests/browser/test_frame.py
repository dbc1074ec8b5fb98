"""What only a real server and a real browser show of the frame."""

import re
import time
from pathlib import Path

import pytest

from core import figures
from pages.shared import frame
from tests.browser import driver

pytestmark = pytest.mark.browser


def test_a_deep_link_on_a_fresh_server_has_its_frame_and_keeps_its_query(fresh_app, page):
    page.goto(f"{fresh_app}/rapp?colour=blue")
    driver.settle(page)
    links = page.get_by_test_id("stSidebarNav").get_by_role("link").all_inner_texts()
    assert {"Home", "Score an image", "RaPP", "Runs"} <= {link.split("\n")[-1] for link in links}
    assert page.title() == "RaPP · Novelty Explorer"
    assert page.locator("h1").all_inner_texts()[0].startswith("RaPP")
    assert page.url.startswith(f"{fresh_app}/rapp?") and "colour=blue" in page.url


def test_six_first_visits_to_a_cold_server_all_succeed(chromium, tmp_path):
    """A class opens the app: each on another page, before any session has imported what pages import lazily."""
    log = tmp_path / "server.log"
    with driver.server(tmp_path / "store", log) as address:
        pages = {name: driver.new_page(chromium) for name in ("", "score", "compare", "rapp", "svdd", "vae")}
        for name, page in pages.items():
            page.goto(f"{address}/{name}", wait_until="commit")
        for page in pages.values():
            driver.settle(page)
        shown = {name: page.locator("body").inner_text() for name, page in pages.items()}
        for page in pages.values():
            page.context.close()
    assert not [name for name, text in shown.items() if frame.OUR_FAULT in text]
    assert "Traceback" not in log.read_text()


def test_a_fresh_server_paints_its_first_page_soon(chromium, tmp_path):
    """Measured in first paints of an app that shows a title alone: seconds would tell how busy the machine is."""

    def seconds(script: Path) -> float:
        start = time.monotonic()
        with driver.server(tmp_path, tmp_path / "server.log", script) as address:
            page = driver.new_page(chromium)
            page.goto(address)
            page.locator("h1").first.wait_for()
            took = time.monotonic() - start
            page.context.close()
        return took

    blank = tmp_path / "blank.py"
    blank.write_text("import streamlit as st\nst.title('A title')\n")
    least, took = seconds(blank), seconds(driver.ROOT / "streamlit_app.py")
    assert took < 4 * least, f"{took:.1f} s from the command to the first title, {least:.1f} s of a blank app"


def test_nothing_is_fetched_from_another_machine(app, page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for name in ("", "rapp", "train"):
        page.goto(f"{app}/{name}")
        driver.settle(page)
    assert asked
    assert not [url for url in asked if not url.startswith((app, app.replace("http", "ws"), "data:", "blob:"))]


def test_the_live_line_follows_the_store_without_a_click(chromium, tmp_path):
    """The real app, except that the store's answer comes from a file."""
    answer, script = tmp_path / "activity.json", tmp_path / "streamlit_app.py"
    answer.write_text("[1, 2]")
    (tmp_path / "pages").symlink_to(driver.ROOT / "pages")
    patch = f"import json; from core.runs import store; store.activity = lambda: json.load(open({str(answer)!r}))\n"
    script.write_text(patch + (driver.ROOT / "streamlit_app.py").read_text())
    with driver.server(tmp_path, tmp_path / "server.log", script) as address:
        page = driver.new_page(chromium)
        page.goto(f"{address}/datasets")
        line = page.get_by_test_id("stSidebarUserContent").get_by_test_id("stPageLink")
        for activity, words in (("[1, 2]", "1 training, 2 waiting"), ("[1, 0]", "1 training"), ("[0, 0]", "Nothing")):
            answer.write_text(activity)
            line.filter(has_text=words).wait_for()
            assert line.count() == 1
        line.click()
        page.wait_for_url("**/runs*")
        page.context.close()


def test_large_type_enlarges_and_stays_on_the_next_page(app, page):
    page.goto(f"{app}/rapp")
    driver.settle(page)
    height = page.locator("h1").first.evaluate("title => parseFloat(getComputedStyle(title).fontSize)")
    page.get_by_text("Large type").click()
    page.wait_for_function(f"parseFloat(getComputedStyle(document.querySelector('h1')).fontSize) > {1.2 * height}")
    page.get_by_role("link", name="Datasets").click()
    page.wait_for_url("**/datasets*")
    driver.settle(page)
    assert page.locator("h1").first.evaluate("title => parseFloat(getComputedStyle(title).fontSize)") > 1.2 * height


@pytest.mark.parametrize(("theme", "bright"), [("light", False), ("dark", True)])
def test_ink_takes_the_text_colour_of_the_theme(chromium, tmp_path, theme, bright):
    """`INK` stands in for a colour of Streamlit's chart theme; a later Streamlit might stop replacing it."""
    script = Path(tmp_path, "streamlit_app.py")
    script.write_text(
        "import streamlit as st\n"
        "from core import figures\n"
        "st.title('One picture')\n"
        "kinds = figures.Kinds.of_test([0, 0, 1, 1])\n"
        "st.plotly_chart(figures.score_histogram([1, 2, 3, 4], kinds, 2.5, 'Scores').figure)\n"
    )
    with driver.server(tmp_path, tmp_path / "server.log", script) as address:
        page = driver.new_page(chromium, theme=theme)
        page.goto(address)
        line = page.locator(".shapelayer path").first
        line.wait_for(state="attached")
        red, green, blue = line.evaluate("line => getComputedStyle(line).stroke.match(/\\d+/g).map(Number)")[:3]
        page.context.close()
    assert f"#{red:02x}{green:02x}{blue:02x}" != figures.INK
    assert (min(red, green, blue) > 200) if bright else (max(red, green, blue) < 80)


def test_a_change_of_theme_reaches_every_chart_at_once(app, chromium):
    """Streamlit leaves the text colour of the theme in which a chart was first drawn."""
    page = driver.new_page(chromium, theme="light")
    page.goto(f"{app}/rapp")
    driver.settle(page)

    def darkest_and_brightest() -> list[float]:
        return page.evaluate(
            "() => { const shown = [...document.querySelectorAll("
            "'.js-plotly-plot .xtick text, .js-plotly-plot .ytitle, .js-plotly-plot .annotation-text')]"
            ".map(text => Math.max(...getComputedStyle(text).fill.match(/\\d+/g).slice(0, 3).map(Number)));"
            "return [Math.min(...shown), Math.max(...shown)]; }"
        )

    def brightest_stroke() -> int:
        """Of the lines that are drawn over charts, thresholds among them."""
        strokes = page.evaluate(
            "() => [...document.querySelectorAll('.js-plotly-plot .shapelayer path')]"
            ".map(line => getComputedStyle(line).stroke).filter(stroke => stroke.startsWith('rgb'))"
        )
        return max(min(map(int, re.findall(r"\d+", stroke)[:3])) for stroke in strokes)

    assert darkest_and_brightest()[1] < 80 and brightest_stroke() < 200
    page.emulate_media(color_scheme="dark")
    driver.until(page, lambda: darkest_and_brightest()[0] > 200)
    assert brightest_stroke() > 200
    page.emulate_media(color_scheme="light")
    driver.until(page, lambda: darkest_and_brightest()[1] < 80)
    page.context.close()


def test_the_tools_of_a_chart_appear_on_hover_and_not_on_its_title(app, page):
    page.goto(f"{app}/rapp")
    driver.settle(page)
    chart = page.locator(".js-plotly-plot").first
    tools, title = chart.locator(".modebar"), chart.locator(".gtitle")
    page.mouse.move(5, 5)
    driver.until(
        page, lambda: tools.evaluate("bar => +getComputedStyle(bar.querySelector('.modebar-group')).opacity") == 0
    )
    chart.hover()
    driver.until(
        page, lambda: tools.evaluate("bar => +getComputedStyle(bar.querySelector('.modebar-group')).opacity") > 0
    )
    above, below = title.bounding_box(), tools.bounding_box()
    assert below["y"] > above["y"] + above["height"]
