"""What only a browser shows of the RaPP page: clicks on invisible markers, and what the link becomes."""

import re

import pytest

from core.runs import store
from tests.browser import driver

pytestmark = pytest.mark.browser


def test_a_click_on_a_row_picks_an_image_that_stays(chromium, store_with_runs, tmp_path):
    with driver.server(store_with_runs, tmp_path / "server.log") as address:
        page = driver.new_page(chromium, (1280, 1600))
        run = store.find("rapp-ae-digits").id
        page.goto(f"{address}/rapp?rapp_run={run[:-2]}")  # a beginning that only this run has
        driver.settle(page)
        assert f"rapp_run={run}" in page.url
        rows = page.get_by_test_id("stPlotlyChart").nth(2)
        rows.hover(position={"x": 200, "y": 250})
        rows.locator(".hovertext").wait_for()  # Plotly takes a moment to find the marker below the pointer
        rows.click(position={"x": 200, "y": 250})
        page.wait_for_url(re.compile(r"image=\d+"))
        image = re.search(r"image=(\d+)", page.url)[1]
        page.locator("p", has_text=f"Test image {image},").wait_for()

        page.get_by_role("slider").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**rapp_layers_4=2*")
        driver.settle(page)
        page.locator("p", has_text=f"Test image {image},").wait_for()

        page.get_by_role("link", name="Datasets").click()
        page.wait_for_url("**/datasets*")
        driver.settle(page)
        page.get_by_role("link", name="RaPP").click()
        page.locator("p", has_text=f"Test image {image},").wait_for()
        driver.settle(page)
        assert f"image={image}" in page.url
        page.context.close()


def test_two_quick_key_presses_leave_link_and_window_alike(app, page):
    page.goto(f"{app}/rapp?rapp_run=rapp-ae-digits-multimodal-3")
    driver.settle(page)
    first = page.get_by_role("slider").first
    for pause, key, value in ((60, "ArrowRight", "3"), (200, "ArrowLeft", "1"), (200, "ArrowRight", "3")):
        first.focus()
        page.keyboard.press(key)
        page.wait_for_timeout(pause)
        page.keyboard.press(key)
        driver.until(page, lambda value=value: first.input_value() == value)
        driver.settle(page)
        page.wait_for_timeout(1500)
        assert ("rapp_layers_5=3" in page.url) == (value == "3")
        assert "rapp_layers_5=2" not in page.url
