"""From a blank form to a score: train in the app, watch it end, open the run, ask it about an image."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator

from core import data
from core.runs.store import Run
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
        for folder in tmp_path.glob("checkpoints/rapp-*"):  # what a test that failed has left in training
            (folder / "cancel").touch()


def trained(page: driver.Page, app: str) -> Locator:
    """Presses Train and waits until the run has ended; gives the button that opens it."""
    page.goto(f"{app}/train?{FORM}")
    driver.settle(page)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Training now").wait_for()
    page.get_by_test_id("stProgress").wait_for()
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_text(re.compile(r"AUROC [01]\.\d{3} \([01]\.\d{3} to [01]\.\d{3}\)")).wait_for()
    page.get_by_text("Trained just now").wait_for()
    return page.get_by_test_id("stBaseButton-primary").filter(has_text="Open")


def strips(page: driver.Page) -> Locator:
    """The chart of the verdicts."""
    return page.get_by_role("figure", name="The image among normal ones")


def png(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, format="PNG")
    return content.getvalue()


def test_train_watch_open_and_score_an_image(app, page, tmp_path):
    trained(page, app).click()
    page.wait_for_url("**/rapp?rapp_run=rapp-ae-digits-multimodal-3-s0-*")
    page.locator("h1", has_text="RaPP").wait_for()
    (folder,) = (each for each in (tmp_path / "checkpoints").iterdir() if not each.name.startswith("."))
    run, digits = Run(folder), data.load("digits")
    three = digits.images[digits.class_indices(3)[0], 0]  # a test image, as every 3 is
    (place,) = np.flatnonzero((run.arrays("test", "images")["images"] == three).all((1, 2, 3)))
    score, threshold = run.scores()[place], run.threshold()

    page.get_by_role("link", name="Score an image", exact=True).click()
    page.get_by_role("radio", name="Upload").click()
    strips(page).wait_for(state="detached")  # that of the sample
    page.locator("input[type=file]").set_input_files(
        {"name": "three.png", "mimeType": "image/png", "buffer": png(three)}
    )
    page.get_by_text("three.png").first.wait_for()
    strips(page).locator(".annotation-text").nth(1).wait_for()
    verdict, distance = strips(page).locator(".annotation-text").all_text_contents()[:2]  # of the newest run
    called, percentile = re.fullmatch(r"[●◆] (normal|novel), (\d+(?:\.\d)?)", verdict).groups()
    assert called == ("novel" if score > threshold else "normal")
    assert float(percentile) == pytest.approx(100 * (run.held_out_scores() < score).mean(), abs=0.5)
    factor = float(distance.removesuffix(" × its threshold").replace(",", ""))
    assert factor == pytest.approx(score / threshold, rel=0.01)
    assert f": {called}, percentile {percentile}, {distance}" in strips(page).get_attribute("aria-label")


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
    strips(page).wait_for()

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
    strips(page).wait_for()
    driver.until(page, lambda: ink() == drawn)  # the browser takes a moment to decode the kept drawing
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_text("Draw over the dashed frame").wait_for()
    driver.until(page, lambda: ink() == 0)


def test_a_running_row_moves_and_the_table_keeps_its_choice(app, page):
    page.goto(f"{app}/train?dataset=digits&target=3&method=rapp-ae&set=epochs=5000")
    driver.settle(page)
    page.get_by_role("button", name="Train", exact=True).click()
    bar = page.get_by_test_id("stProgress")

    def moves() -> None:
        """Waits for news of the run, which only a poll brings."""
        bar.get_by_text(re.compile(r"epoch \d+/5000")).wait_for()
        before = bar.text_content()
        driver.until(page, lambda: bar.text_content() != before)

    moves()

    page.get_by_role("link", name="Runs", exact=True).first.click()
    page.wait_for_url("**/runs*")
    table = page.get_by_test_id("stDataFrame")
    # It is drawn on a canvas; its rows are there as text too, a moment after they are drawn.
    table.get_by_test_id("glide-cell-1-0").filter(has_text="running").wait_for(state="attached")
    driver.settle(page)
    box = table.bounding_box()
    page.mouse.click(box["x"] + 16, box["y"] + 52)  # the box at the left of the first row
    page.wait_for_url("**run=rapp-ae-digits*")
    for _ in range(2):  # some polls later the choice still stands
        moves()
    assert "run=rapp-ae-digits" in page.url
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete").click()
    page.get_by_text("Choose a run by the box").wait_for()  # none is chosen any more; the shipped runs are left
    assert page.get_by_role("dialog").count() == 0
