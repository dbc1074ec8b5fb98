"""What only a real server and a real browser show of the frame."""

import re
import time
from pathlib import Path

import pytest

from pages.shared import frame
from tests.browser import driver

pytestmark = pytest.mark.browser
# Of all charts: titles and labels that leave their chart by more than 2 pixels, and those that lie on another one.
MISPLACED = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(chart => {
    const whole = chart.querySelector('.main-svg').getBoundingClientRect();
    const texts = [...chart.querySelectorAll('.gtitle, .xtitle, .ytitle, .legendtext, .xtick text, .ytick text')]
        .filter(text => text.textContent.trim()).map(text => [text.textContent, text.getBoundingClientRect()]);
    const cut = texts.filter(([_, box]) => box.left < whole.left - 2 || box.right > whole.right + 2
        || box.top < whole.top - 2 || box.bottom > whole.bottom + 2).map(([text]) => 'cut: ' + text);
    const on = texts.flatMap(([text, box], place) => texts.slice(place + 1).filter(([_, other]) =>
        Math.min(box.right, other.right) - Math.max(box.left, other.left) > 2
        && Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top) > 6).map(each => text + ' on ' + each[0]));
    return [...cut, ...on];
})"""


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


def test_a_change_of_theme_reaches_every_chart_at_once(app, chromium):
    """They are drawn in the ink of the theme that reigned when the page ran, which a change of theme doesn't repeat."""
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
    page.get_by_text("Large type").click()  # runs the page, in the dark
    page.wait_for_function("parseFloat(getComputedStyle(document.querySelector('.gtitle')).fontSize) > 20")
    driver.settle(page)
    assert darkest_and_brightest()[0] > 200 and brightest_stroke() > 200
    page.get_by_test_id("stMainMenuButton").click()
    page.get_by_test_id("stMainMenuItem-theme-Light").click()
    driver.until(page, lambda: darkest_and_brightest()[1] < 80)
    page.context.close()


def test_a_chart_is_drawn_once(app, page):
    """Not again for a theme applied anew, nor for labels that had no room: six times of that is a second to wait."""
    page.add_init_script(
        "window.drawn = 0; new MutationObserver(changes => { for (const {addedNodes} of changes)"
        " for (const node of addedNodes) if (node.matches?.('.js-plotly-plot .xtick')) window.drawn++; })"
        ".observe(document, {subtree: true, childList: true});"
    )
    page.goto(f"{app}/rapp?rapp_run=rapp-ae-digits-multimodal-3")
    driver.settle(page)
    page.wait_for_timeout(500)
    labels = page.locator(".js-plotly-plot .xtick").count()
    assert labels > 30 and page.evaluate("window.drawn") < 1.3 * labels


@pytest.mark.parametrize("name", ["compare", "score", "svdd"])
def test_no_text_of_a_chart_is_cut_or_lies_on_another_even_in_large_type(app, page, name):
    page.goto(f"{app}/{name}")
    driver.settle(page)
    page.get_by_text("Large type").click()
    page.wait_for_function("getComputedStyle(document.documentElement).fontSize == '22px'")
    driver.settle(page)
    page.wait_for_timeout(1000)
    assert page.evaluate(MISPLACED) == []


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
