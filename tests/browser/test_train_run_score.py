"""From a blank form to a score: train in the app, watch it end, open the run, ask it about an image."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator

from core import data
from tests.browser import driver

pytestmark = pytest.mark.browser
FORM = "dataset=digits&scenario=multimodal&target=3&method=rapp-ae&set=epochs=30&set=batch_size=256"


@pytest.fixture
def app(chromium, tmp_path, monkeypatch):
    """A server of its own: what is trained here is nobody else's run."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    with driver.server(tmp_path / "checkpoints", tmp_path / "server.log") as address:
        yield address


def trained(page: driver.Page, app: str) -> Locator:
    """Presses Train and waits until the run has ended; gives the button that opens it."""
    page.goto(f"{app}/train?{FORM}")
    driver.settle(page)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Training now").wait_for()
    page.get_by_test_id("stProgress").wait_for()
    assert page.get_by_role("button", name="Cancel").is_visible()
    page.get_by_text(re.compile(r"AUROC 0\.\d{3} \(0\.\d{3} to [01]\.\d{3}\)")).wait_for()
    page.get_by_text("Trained just now").wait_for()
    return page.get_by_test_id("stBaseButton-primary").filter(has_text="Open")


def png(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, format="PNG")
    return content.getvalue()


def test_train_watch_open_and_score_an_image(app, page, tmp_path):
    trained(page, app).click()
    page.wait_for_url("**/rapp?rapp_run=rapp-ae-digits-multimodal-3-s0-*")
    page.locator("h1", has_text="RaPP").wait_for()
    (folder,) = (each for each in (tmp_path / "checkpoints").iterdir() if not each.name.startswith("."))
    threshold = json.loads((folder / "run.json").read_text())["thresholds"]["nap"]

    page.get_by_role("link", name="Score an image", exact=True).click()
    page.get_by_role("radio", name="Upload").click()
    digits = data.load("digits")
    three = digits.images[digits.class_indices(3)[0], 0]
    page.locator("input[type=file]").set_input_files(
        {"name": "three.png", "mimeType": "image/png", "buffer": png(three)}
    )
    page.get_by_text("three.png").first.wait_for()
    verdict = page.locator(".js-plotly-plot .annotation-text", has_text="its threshold").first
    verdict.wait_for()
    factor = float(re.search(r"([\d.,]+) × its threshold", verdict.text_content())[1].replace(",", ""))
    assert ("novel" in verdict.text_content()) == (factor > 1)
    assert threshold > 0 and factor > 0


def test_a_drawing_is_scored_and_outlives_a_visit_elsewhere(app, page):
    page.goto(f"{app}/score?score_from=Draw")
    driver.settle(page)
    pad = page.get_by_label("Draw here")
    box = pad.bounding_box()
    for step, (x, y) in enumerate([(60, 50), (130, 60), (90, 100), (130, 140), (60, 150)]):  # a 3, in one stroke
        page.mouse.move(box["x"] + x, box["y"] + y, steps=5)
        if step == 0:
            page.mouse.down()
    page.mouse.up()
    verdict = page.locator(".js-plotly-plot .annotation-text", has_text="its threshold").first
    verdict.wait_for()

    def ink() -> int:
        return pad.evaluate(
            "pad => pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data"
            ".reduce((sum, value, place) => sum + (place % 4 == 0 && value > 128 ? 1 : 0), 0)"
        )

    drawn = ink()
    assert 2_000 < drawn < 12_000  # of 38,416 pixels
    page.get_by_role("link", name="Datasets").click()
    page.wait_for_url("**/datasets*")
    driver.settle(page)
    page.get_by_role("link", name="Score an image", exact=True).click()
    verdict.wait_for()
    page.wait_for_timeout(500)  # the kept drawing is decoded by the browser
    assert ink() == drawn
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_text("Draw within the dashed frame").wait_for()
    assert ink() == 0


def test_a_running_row_moves_and_the_table_keeps_its_choice(app, page):
    page.goto(f"{app}/train?dataset=digits&target=3&method=rapp-ae&set=epochs=5000")
    driver.settle(page)
    page.get_by_role("button", name="Train", exact=True).click()
    bar = page.get_by_test_id("stProgress")
    bar.get_by_text(re.compile(r"epoch \d+/5000")).wait_for()
    before = bar.text_content()
    page.wait_for_function("old => document.querySelector('[data-testid=stProgress]').textContent !== old", arg=before)

    page.get_by_role("link", name="Runs", exact=True).first.click()
    page.wait_for_url("**/runs*")
    table = page.get_by_test_id("stDataFrame")
    table.wait_for()
    page.wait_for_timeout(1500)  # the table is drawn on a canvas, which says nothing of when it is done
    box = table.bounding_box()
    page.mouse.click(box["x"] + 16, box["y"] + 52)  # the box at the left of the first row
    page.wait_for_url("**run=rapp-ae-digits*")
    page.get_by_test_id("stProgress").wait_for()
    page.wait_for_timeout(2500)  # some polls later the choice still stands
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete").click()
    page.get_by_text("Choose a run by the box").wait_for()  # none is chosen any more; the shipped runs are left
    assert page.get_by_role("dialog").count() == 0
