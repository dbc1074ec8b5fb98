import base64
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.runs import store
from core.runs.results import scorer
from pages.shared import frame
from pages.shared.score import pad

ROOT = Path(__file__).parents[2]
TITLE = "How strange is this picture, and to whom?"
AFTER = "Settings that act after training"


@pytest.fixture(scope="module", autouse=True)
def _end_of_the_scorer():
    yield
    scorer.shared.close()


@pytest.fixture
def app(store_with_runs) -> AppTest:
    return _opened()


def _opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/score.py").run()


def _png(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    return content.getvalue()


def _chart(app: AppTest, title: str) -> dict:
    """The figure of this title, as the browser gets it."""
    figures = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    return next(figure for figure in figures if title in figure["layout"].get("title", {}).get("text", ""))


def _percentiles(app: AppTest) -> list[float]:
    """Of the detectors, from the top."""
    points = [t for t in _chart(app, "The image among normal ones")["data"] if t["type"] == "scatter"]
    pairs = [(y, x) for trace in points for x, y in zip(trace["x"], trace["y"], strict=True)]
    return [x for _, x in sorted(pairs)]


def _marks(app: AppTest) -> list[float]:
    """The percentiles of the thresholds, from the top."""
    lines = [each for each in _chart(app, "The image among normal ones")["layout"]["shapes"] if each["type"] == "line"]
    return [each["x0"] for each in lines]


def _upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    """These files instead of those before."""
    app.segmented_control(key="score_from").set_value("upload").run()
    typed = [(name, content, "application/octet-stream") for name, content in files]
    return app.file_uploader(key="score_files").set_value(typed).run()


def _said(app: AppTest) -> str:
    return " ".join(each.value for each in (*app.markdown, *app.caption, *app.warning)).replace("\\", "")


def test_it_opens_on_a_sample_that_is_scored_by_every_run(app):
    assert [title.value for title in app.title] == [TITLE]
    assert not app.error
    assert len(_percentiles(app)) == len(store.runs()) == 3
    assert "of 3 detectors call it novel" in _said(app)
    heard = next(chart.proto.alt for chart in app.get("plotly_chart") if "among normal ones" in chart.proto.alt)
    for name, percentile in zip(("adversarial", "variational", "RaPP, autoencoder"), _percentiles(app), strict=True):
        shown = f"{percentile:.1f}".removesuffix(".0")
        assert re.search(rf"{name}[^;]*: (normal|novel), percentile {re.escape(shown)}, [^;]+", heard)
    verdict = next(each.proto.body for each in app.get("html") if 'role="status"' in each.proto.body)
    assert re.search(r"ovel to (all \d|\d)|ormal to all 3 detectors", verdict)
    assert _chart(app, "The image and its reconstruction")
    assert _chart(app, "Its path through the layers")


def test_a_drawing_is_scored_as_the_same_upload_is(app, rng):
    png = _png(rng.integers(0, 256, (196, 196, 3), np.uint8))
    app.segmented_control(key="score_from").set_value("draw").run()
    assert "Draw over the dashed frame" in _said(app)
    assert not app.get("plotly_chart")
    app.session_state[pad.DRAWING] = pad.PREFIX + base64.b64encode(png).decode()
    drawn = _percentiles(app.run())
    assert len(drawn) == 3
    assert drawn == _percentiles(_upload(app, ("same.png", png)))


def test_a_drawing_that_is_none_is_refused_and_the_pad_stays(app):
    app.session_state[pad.DRAWING] = pad.PREFIX + "PGI+"  # a forged client's
    app.segmented_control(key="score_from").set_value("draw").run()
    assert "your drawing isn't an image that can be read" in app.error[0].value.replace("\\", "")
    assert "Draw over the dashed frame" in _said(app)


def test_the_percentiles_are_those_of_the_picked_test_image(store_with_runs):
    runs = store.runs()
    app = _opened(image="11")
    for run, shown in zip(runs, _percentiles(app), strict=True):
        score, reference = run.scores()[11], run.held_out_scores()
        assert shown == pytest.approx(100 * (reference < score).mean(), abs=0.5)


def test_an_upload_shows_what_was_changed_and_its_verdict(app, rng):
    _upload(app, ("photo.jpg", _png(rng.integers(0, 256, (40, 60, 3), np.uint8))))
    assert not app.error
    assert "made grey" in _said(app)
    assert "resized from 60x40 to 8x8" in _said(app)
    assert len(_percentiles(app)) == 3
    assert any("core score" in code.value and "photo.jpg" in code.value for code in app.code)


def test_a_bend_moves_the_percentiles_and_reset_takes_it_back(app):
    plain = _percentiles(app)
    app.slider(key="score_noise").set_value(0.5).run()
    assert _percentiles(app) == pytest.approx([100.0] * 3, abs=2)
    app.button(key="score_reset").click().run()
    assert _percentiles(app) == plain
    assert app.slider(key="score_noise").value == 0


def test_settings_that_act_after_training_move_verdicts_and_threshold_and_go_back(app, store_with_runs):
    plain, marks = _percentiles(app), _marks(app)
    assert marks == pytest.approx([95.0] * 3, abs=1)
    assert [each.label for each in app.expander if "after training" in each.label] == [AFTER]
    app.number_input(key="score_after_0.95_normal_share").set_value(0.5).run()
    assert not app.error
    assert (_percentiles(app), _marks(app)) == (plain, pytest.approx([50.0] * 3, abs=1))
    assert f"{AFTER} · 1 changed" in [each.label for each in app.expander]
    run = store.find("rapp-ae")
    app.number_input(key=f"score_after_{run.id}_first_layer").set_value(3).run()
    assert f"{AFTER} · 2 changed" in [each.label for each in app.expander]
    moved = [one != other for one, other in zip(_percentiles(app), plain, strict=True)]
    assert moved == [each.id == run.id for each in store.runs()]
    assert "(normal_share=0.5, first_layer=3)" in _chart(app, "The image among normal ones")["layout"]["yaxis"][
        "ticktext"
    ][moved.index(True)].replace("<br>", " ")
    app.button(key="score_after_reset").click().run()
    assert (_percentiles(app), _marks(app)) == (plain, marks)
    assert app.button(key="score_after_reset").disabled


def test_a_setting_gives_what_the_run_says_with_it(store_with_runs):
    run = store.find("rapp-ae")
    app = _opened(score_runs=run.id, image="11")
    app.number_input(key=f"score_after_{run.id}_first_layer").set_value(2).run()
    tested, normal = (run.arrays("explanations")[f"{split}/windows"] for split in ("test", "valid"))
    place = run.arrays("portrait")["windows"].tolist().index([2, 4])
    expected = 100 * (normal[:, place] < tested[11, place]).mean()
    assert _percentiles(app) == pytest.approx([expected], abs=0.5)


def test_a_setting_that_does_not_fit_costs_one_sentence_and_the_others_score(app, store_with_runs):
    app.number_input(key=f"score_after_{store.find('rapp-ae').id}_first_layer").set_value(9).run()
    (error,) = app.error
    assert "The window 9 to 4 doesn't lie in layers 0 to 4." in error.value.replace("\\", "")
    assert len(_percentiles(app)) == 2
    assert app.slider(key="score_blur").value == 0


def test_the_command_names_the_settings(store_with_runs, rng):
    run = store.find("rapp-ae")
    app = _opened(score_runs=run.id)
    app.number_input(key=f"score_after_{run.id}_last_layer").set_value(2).run()
    _upload(app, ("a photo.png", _png(rng.integers(0, 256, (8, 8), np.uint8))))
    assert [code.value for code in app.code] == [f"python -m core score {run.id} 'a photo.png' --set last_layer=2"]


def test_dark_on_light_is_said_and_inverted_with_one_click(app, store_with_runs):
    digit = store.runs()[0].arrays("test", "images")["images"][0, 0]
    _upload(app, ("digit.png", _png(digit)))
    assert "the other way round" not in _said(app)
    right = _percentiles(app)
    _upload(app, ("scan.png", _png(255 - digit)))
    assert "the other way round" in _said(app)
    app.button(key="score_invert_it").click().run()
    assert _percentiles(app) == right
    assert "the other way round" not in _said(app)


def test_a_file_that_is_no_image_costs_one_row_and_nothing_else(app, rng):
    app.slider(key="score_blur").set_value(0.5).run()
    _upload(app, ("notes.txt", b"not an image"), ("a.png", _png(rng.integers(0, 256, (8, 8), np.uint8))))
    assert not app.error
    table = app.dataframe[0].value
    assert list(table["file"]) == ["a.png", "notes.txt"]
    assert "notes.txt isn't an image" in table["why it can't be read"][1]
    assert len(_percentiles(app)) == 3
    assert app.slider(key="score_blur").value == 0.5
    _upload(app, ("notes.txt", b"not an image"))
    (error,) = app.error
    assert "notes.txt isn't an image" in error.value.replace("\\", "")
    assert error.value.replace("\\", "") != frame.OUR_FAULT


def test_an_upload_framed_otherwise_is_said_and_cropped_with_one_click(app, store_with_runs):
    digit = store.runs()[0].arrays("test", "images")["images"][0, 0]
    large = digit.repeat(10, 0).repeat(10, 1)
    _upload(app, ("digit.png", _png(large)))
    assert "fills its frame otherwise" not in _said(app)
    right = _percentiles(app)
    _upload(app, ("far.png", _png(np.pad(large, 60))))
    assert "fills its frame otherwise" in _said(app)
    wrong = _percentiles(app)
    app.button(key="score_crop_it").click().run()
    assert "fills its frame otherwise" not in _said(app) and "framed by its content" in _said(app)
    away = [
        sum(abs(one - other) for one, other in zip(shown, right, strict=True)) for shown in (_percentiles(app), wrong)
    ]
    assert away[0] < 0.3 * away[1]


def test_several_files_give_a_table_to_download(app, store_with_runs):
    images = store.runs()[0].arrays("test", "images")["images"][:4, 0]
    _upload(app, *((f"{place}.png", _png(image)) for place, image in enumerate(images)))
    table = app.dataframe[0].value
    assert list(table["file"]) == ["0.png", "1.png", "2.png", "3.png"]
    assert table["image"].str.startswith("data:image/png;base64,").all()
    for run, name in zip(store.runs(), table.columns[3::2], strict=True):
        shares = [100 * (run.held_out_scores() < score).mean() for score in run.scores()[:4]]
        np.testing.assert_allclose(table[name], shares, atol=0.5)
        over = table[f"{name}, score over threshold"]
        np.testing.assert_allclose(over, run.scores()[:4] / run.threshold(), rtol=1e-3)
    assert any("All scores of 4 files" in button.label for button in app.download_button)


def test_the_path_of_a_bend_and_the_nearest_images_come_when_opened(store_with_runs):
    app = _opened(score_tab="How much bending it bears", score_knob="blur")
    lines = _chart(app, "How much of this bend each detector bears")["data"]
    assert len(lines) == 3
    assert "verdict" in _said(app)
    app = _opened(score_tab="Nearest training images", image="0")
    assert "The nearest in pixels among the 968 training images of digits · all but 3" in _said(app)


def test_a_damaged_run_says_so_and_the_others_score(store_with_runs, tmp_path, monkeypatch):
    shutil.copytree(store_with_runs, tmp_path / "runs")
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "runs"))
    (store.find("rapp-vae").folder / "detector.safetensors").write_bytes(b"nothing")
    app = _opened()
    (error,) = app.error
    assert "is damaged" in error.value
    assert len(_percentiles(app)) == 2


def test_an_empty_store_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "none")
    app = _opened()
    assert [button.label for button in app.button] == ["Train one"]


def test_the_page_loads_no_torch(store_with_runs):
    program = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(ROOT / 'streamlit_app.py')!r}, default_timeout=60).run()\n"
        "app.switch_page('pages/score.py').run()\n"
        "assert app.get('plotly_chart') and not app.error, app.error\n"
        "heavy = {'torch', 'torchvision', 'mlflow', 'umap', 'sklearn', 'scipy.stats'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
