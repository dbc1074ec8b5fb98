import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data import Upload
from core.runs import store
from pages.shared.score import inputs
from pages.shared.score.inputs import Asked, Given

AS_IT_IS, INVERTED = Asked(False, False), Asked(True, False)


@pytest.fixture(autouse=True)
def _nothing_cached():
    inputs._fitted.clear()
    inputs._preview.clear()


def _given(image: np.ndarray, name: str = "one") -> tuple[Given, list[str]]:
    """An image, and how often it was decoded."""
    decoded = []

    def read(span=None) -> Upload:
        decoded.append(name)
        return Upload(image, ("first of 3 frames",))

    return Given(name, name, read, np.moveaxis(image, -1, 0)), decoded


def test_an_image_is_decoded_once_for_each_shape_and_way_round(rng):
    given, decoded = _given(rng.integers(0, 256, (16, 16, 3), np.uint8))
    small, large = (
        SimpleNamespace(shape=(1, 8, 8), value_range=None),
        SimpleNamespace(shape=(3, 16, 16), value_range=None),
    )
    for _ in range(3):
        assert given.fitted(small, AS_IT_IS).shape == (1, 8, 8)
        assert given.notes(small, AS_IT_IS)[:2] == ("first of 3 frames", "made grey")
    assert len(decoded) == 1
    np.testing.assert_array_equal(255 - given.fitted(large, AS_IT_IS), given.fitted(large, INVERTED))
    assert len(decoded) == 3


def test_two_images_of_one_name_are_two(rng):
    run = SimpleNamespace(shape=(1, 8, 8), value_range=None)
    one, other = (
        Given("a.png", key, lambda span=None, v=v: Upload(np.full((8, 8, 1), v, np.uint8), ()), None)
        for key, v in (("x", 3), ("y", 7))
    )
    assert (one.fitted(run, AS_IT_IS).max(), other.fitted(run, AS_IT_IS).max()) == (3, 7)


@pytest.mark.parametrize(("height", "width", "shown"), [(600, 300, (224, 112)), (8, 8, (8, 8)), (3000, 2, (224, 1))])
def test_previews_are_small_and_keep_proportions(height, width, shown):
    image = np.zeros((height, width, 3), np.uint8)
    assert inputs._preview(lambda: Upload(image, ()), f"{height}x{width}").shape == (3, *shown)


def test_one_per_task_keeps_the_first_and_the_order():
    def run(name: str, task: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, spec=SimpleNamespace(task=SimpleNamespace(hash=task)))

    runs = [run("a", "t1"), run("b", "t2"), run("c", "t1")]
    assert [each.name for each in inputs.one_per_task(runs).values()] == ["a", "b"]


def _page() -> None:
    import streamlit as st

    from core.runs import store
    from pages.shared.score import inputs

    st.session_state["given"] = inputs.given(st.session_state.get("source", "sample"), store.runs())
    st.session_state["bends"] = inputs.bends()


def test_the_first_sample_is_novel_and_others_are_one_click_away(store_with_runs):
    app = AppTest.from_function(_page).run()
    ((given,), _) = app.session_state["given"]
    assert given.sample
    assert given.name == "class 3, novel in digits · all but 3"
    before = app.get("plotly_chart")[0].proto.spec
    app.button(key="score_others").click().run()
    assert app.get("plotly_chart")[0].proto.spec != before


def test_a_click_picks_the_sample(store_with_runs):
    app = AppTest.from_function(_page).run()
    run = store.runs()[0]
    app.query_params["image"] = "17"
    ((given,), _) = app.run().session_state["given"]
    np.testing.assert_array_equal(given.preview, run.arrays("test", "images")["images"][17])


def test_files_that_are_no_images_are_named_and_left_out(store_with_runs):
    content = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(content, format="JPEG")
    app = AppTest.from_function(_page)
    app.session_state["source"] = "upload"
    app.run()
    files = [("red.txt", content.getvalue(), "text/plain"), ("blue.png", b"\x89PNG torn", "image/png")]
    app.file_uploader[0].set_value(files).run()
    images, broken = app.session_state["given"]
    assert [given.name for given in images] == ["red.txt"]
    assert [each.name for each in broken] == ["blue.png"] and "blue.png" in broken[0].sentence


def test_bends_give_strengths_and_reset_takes_them_back(store_with_runs):
    app = AppTest.from_function(_page).run()
    app.slider(key="score_rotate").set_value(45.0)
    app.toggle(key=inputs.INVERT).set_value(True).run()
    strengths, asked = app.session_state["bends"]
    assert strengths == {"rotate": 45.0, "blur": 0.0, "noise": 0.0, "occlude": 0.0, "brightness": 0.0}
    assert asked == INVERTED
    app.button(key="score_reset").click().run()
    assert app.session_state["bends"] == (dict.fromkeys(strengths, 0.0), AS_IT_IS)


def test_a_sample_is_never_cropped_and_an_upload_as_the_training_images_lie(store_with_runs):
    run = store.runs()[0]
    small = np.zeros((80, 80, 1), np.uint8)
    small[30:50, 35:45] = 255  # a quarter of the height, where digits fill all of it
    upload, _ = _given(small)
    sample = Given("a", "sample of 80", upload.read, upload.preview, sample=True)
    assert (upload.framed_otherwise(run), sample.framed_otherwise(run)) == (True, False)
    cropped = Asked(False, True)
    np.testing.assert_array_equal(sample.fitted(run, cropped), sample.fitted(run, AS_IT_IS))
    assert (upload.fitted(run, cropped)[0] > 128).any(1).all()
    assert any("framed by its content" in note for note in upload.notes(run, cropped))
    assert not (upload.fitted(run, AS_IT_IS)[0] > 128).any(1).all()
