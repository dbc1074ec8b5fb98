import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import evaluation
from core.figures import ANOMALY, NOVEL
from core.runs import files, store
from core.runs.store import Run
from pages.shared.frame import OUR_FAULT

ENTRY = Path(__file__).parents[2] / "streamlit_app.py"
TABS = ("Ranked images", "ROC and PR", "NAP spectrum", "Replay", "Choosing the window")


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ENTRY), default_timeout=60).run().switch_page("pages/rapp.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


@pytest.fixture
def run(store_with_runs) -> Run:
    return next(run for run in store.runs() if run.spec.method == "rapp-ae")


@pytest.fixture
def app(run) -> AppTest:
    return opened(rapp_run=run.id)


def figure(app: AppTest, title: str) -> dict:
    """The chart whose title begins so."""
    specs = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    return next(each for each in specs if each["layout"].get("title", {}).get("text", "").startswith(title))


def words(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption)).replace("\\", "")


def test_the_page_opens_on_a_run_with_its_answer(app, run):
    assert app.title[0].value.startswith("RaPP: how far")
    assert not app.exception and not app.error
    auroc = run.metrics("nap")["auroc"]
    assert f"NAP {auroc['value']:.3f} ({auroc['low']:.3f} to {auroc['high']:.3f})" in words(app)
    assert "The same network, untrained" in words(app)
    assert "no published figure for this task" in words(app)
    for title in ("Difference by layer", "NAP of 507", "6", "The image and its", "Its path"):
        assert figure(app, title)


@pytest.mark.parametrize("method", ["rapp-ae", "rapp-vae", "rapp-aae"])
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_of_every_variant_can_be_drawn(store_with_runs, method, tab):
    app = opened(rapp_run=method, rapp_tab=tab)
    assert OUR_FAULT not in [error.value for error in app.error]
    assert not app.exception
    assert len(app.get("plotly_chart")) > 5


def test_moving_the_window_moves_score_threshold_and_interval(app, run):
    app.slider[0].set_range(2, 3).run()
    column = run.arrays("portrait")["windows"].tolist().index([2, 3])
    stored = run.arrays("explanations", "test/windows", "valid/windows")
    scores, threshold = stored["test/windows"][:, column], np.sort(stored["valid/windows"][:, column])
    threshold = evaluation.Quantile().threshold(None, threshold)
    expected = evaluation.metrics(scores, run.novel, threshold)["auroc"]
    assert f"NAP {expected['value']:.3f} ({expected['low']:.3f} to {expected['high']:.3f})" in words(app)
    caught = int((scores[run.novel == 1] > threshold).sum())
    assert f"it catches {caught} of 183 novel images" in words(app)
    assert figure(app, "Difference by layer")["layout"]["shapes"][0]["x0"] == 1.6


def test_the_score_moves_too_and_reconstruction_has_no_window(app, run):
    app.button_group(key="rapp_score").set_value("reconstruction").run()
    assert f"Reconstruction {run.metrics('reconstruction')['auroc']['value']:.3f} (" in words(app)
    assert app.slider[0].disabled
    assert "shapes" not in figure(app, "Difference by layer")["layout"]
    app.session_state["rapp_tab"] = "Choosing the window"
    assert "Reconstruction has no window to choose" in words(app.run())


def test_a_picked_image_is_shown_and_stays_while_the_window_moves(app, run):
    app.query_params["image"] = "3"
    app.run()
    kind, name = ("normal", "novel")[run.novel[3]], run.arrays("test", "classes")["classes"][3]
    assert f"Test image 3, class {name}, {kind}" in words(app)
    app.slider[0].set_range(2, 4).run()
    assert f"Test image 3, class {name}, {kind}" in words(app)
    pointer = [each for each in figure(app, "6")["data"] if each.get("name") == "shown beside"]
    assert pointer[0]["customdata"] == [3]


@pytest.mark.parametrize("which", ["least", "most"])
def test_the_picked_image_lies_where_it_does_among_normal_images(app, run, which):
    scores, normal = run.scores("nap"), run.held_out_scores("nap")
    place = int(scores.argmin() if which == "least" else scores.argmax())
    app.query_params["image"] = str(place)
    share = 100 * ((normal < scores[place]).mean() + (normal == scores[place]).mean() / 2)
    assert share < 5 if which == "least" else share > 95
    assert f"above {share:.1f}".removesuffix(".0") + " % of the held-out normal images" in words(app.run())


def test_the_sentence_counts_the_controls_that_beat_the_score(run, tmp_path, monkeypatch):
    shutil.copytree(run.folder, tmp_path / run.id)
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    own = run.metrics("nap")["auroc"]["value"]
    for gaps, said in (
        ((1e-4, -0.1, -0.2, -0.3), "1 of 4 beats it."),
        ((0.1, -0.2, 0.02, 0), "2 of 4 beat it, 1 equals"),
    ):
        lines = {name: {"auroc": {"value": own + gap}} for name, gap in zip(store.CONTROLS, gaps, strict=True)}
        files.write_json(tmp_path / run.id / "controls.json", lines)
        assert said in words(opened(rapp_run=run.id))


def test_an_older_run_that_lacks_a_metric_is_shown_without_it(run, tmp_path, monkeypatch):
    shutil.copytree(run.folder, tmp_path / run.id)
    about = json.loads((run.folder / "run.json").read_text())
    del about["metrics"]["nap"]["aupr_novel"], about["alarms"]
    files.write_json(tmp_path / run.id / "run.json", about)
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    app = opened(rapp_run=run.id)
    assert not app.error and "SAP 0." in words(app)


def test_a_place_beyond_the_test_set_is_no_pick(app):
    app.query_params["image"] = "99999"
    app.run()
    assert not app.error
    assert "image" not in app.query_params


def test_only_the_open_tab_is_computed(app):
    assert figure(app, "Most novel")
    with pytest.raises(StopIteration):
        figure(app, "What the training did")
    app.session_state["rapp_tab"] = "Replay"
    app.run()
    assert figure(app, "What the training did")
    with pytest.raises(StopIteration):
        figure(app, "Most novel")


def test_replay_shows_the_chosen_epoch(app):
    app.session_state["rapp_tab"] = "Replay"
    app.run().select_slider(key="rapp_epoch_4").set_value(2).run()
    assert figure(app, "Redrawn after epoch 2")
    assert figure(app, "Difference by layer after epoch 2")


def test_the_lines_of_python_give_the_number_of_the_page(app):
    app.slider[0].set_range(1, 2).run()
    app.session_state["rapp_code"] = True
    lines = next(block.value for block in app.run().code if "import" in block.value)
    found: dict = {}
    exec(lines, found)
    assert f"NAP {found['auroc']['value']:.3f} ({found['auroc']['low']:.3f}" in words(app)


def test_a_damaged_run_says_so_in_one_sentence(run, tmp_path, monkeypatch):
    shutil.copytree(run.folder, tmp_path / run.id)
    (tmp_path / run.id / "explanations.npz").write_bytes(b"nothing")
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    app = opened(rapp_run=run.id)
    assert ["explanations.npz" in each.value and "left out" in each.value for each in app.warning] == [True]
    assert not app.exception and not app.error


def test_a_run_without_controls_and_snapshots_is_still_drawn(run, tmp_path, monkeypatch):
    shutil.copytree(run.folder, tmp_path / run.id)
    (tmp_path / run.id / "controls.json").unlink()
    (tmp_path / run.id / "controls.npz").unlink()
    shutil.rmtree(tmp_path / run.id / "snapshots")
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    app = opened(rapp_run=run.id, rapp_tab="Replay")
    assert "The comparison with control lines is missing: the run's process ended before it was computed" in words(app)
    assert "keeps no snapshots" in words(app)
    assert len(figure(opened(rapp_run=run.id, rapp_tab="ROC and PR"), "Novel images caught")["data"]) == 3


def test_several_kinds_are_measured_drawn_and_named_apart(store_with_kinds):
    run = next(run for run in store.runs() if run.spec.method == "rapp-ae")
    app = opened(rapp_run=run.id)
    known = run.metrics("nap")["by_source"]
    assert f"AUROC by kind: novelty {known['novel']['auroc']['value']:.3f}" in words(app)
    drawn = {trace.get("name"): trace for trace in figure(app, "NAP of 507")["data"]}
    assert drawn["novelty (91)"]["marker"]["color"] == NOVEL
    assert drawn["gaussian-noise (92)"]["marker"]["color"] == ANOMALY
    app.slider[0].set_range(2, 3).run()  # a moved window is measured by kind, too
    scores = run.arrays("explanations", "test/windows")["test/windows"]
    column = run.arrays("portrait")["windows"].tolist().index([2, 3])
    source = run.arrays("test")["source"]
    of = np.isin(source, ["normal", "novel"])
    expected = evaluation.auroc(scores[of, column], run.novel[of])
    assert f"AUROC by kind: novelty {expected:.3f}" in words(app)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_draws_several_kinds(store_with_kinds, tab):
    app = opened(rapp_run="rapp-ae", rapp_tab=tab)
    assert not app.error and not app.exception
