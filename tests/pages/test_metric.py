import json
import re
import shutil
import time

import numpy as np
import pytest

from core import evaluation
from core.figures import three_digits
from core.runs import files, store
from core.runs.results import scorer
from core.runs.results.evaluation import keep_measured_again
from core.runs.store import Run
from tests.pages.training import trained
from tests.pages.words import words

TRAIN = """
OPTIONS = {"anomalies": "gaussian-noise", "seen_classes": "0,3,4,8", "most": 60}
for method in ("softmax-twin", "metric-learning", "metric-learning-odm"):
    changes = {"epochs": 20} | ({} if method == "softmax-twin" else {"dimension": 3})
    request = spec.request("digits", "cross-dataset", "2,6,7", method, options=OPTIONS, changes=changes)
    run = worker.execute(store.create(request))
    assert run.state == store.FINISHED, run.sentence
"""
TABS = {  # and a sentence that stands in no other
    "One image": "Training images nearest to the mean of",
    "Known classes": "near is not within",
    "Pairs": "are pushed apart until the margin",
    "Without and with seen images": "only what nobody saw is evidence",
    "Softmax twin": "far away it is sure again",
    "Training": "little is left to learn",
}
METHODS = ("metric-learning", "metric-learning-odm", "softmax-twin")


@pytest.fixture(scope="module")
def known_store(tmp_path_factory):
    """A store with a short run of each method. Don't change it."""
    return trained(tmp_path_factory.mktemp("known"), TRAIN)


@pytest.fixture
def runs(known_store, own_store) -> dict[str, Run]:
    """The three runs by method, in a store that a test may change."""
    shutil.copytree(known_store, own_store)
    return {run.spec.method: run for run in store.runs()}


def chart(app, title: str) -> dict:
    """The chart of this title, as the browser gets it."""
    return next(
        json.loads(each.proto.spec)
        for each in app.get("plotly_chart")
        if title in json.loads(each.proto.spec)["layout"]["title"]["text"]
    )


def test_an_empty_store_says_what_to_do(own_store, open_page):
    app = open_page("metric")
    assert app.title[0].value == "Near which class, or near none?"
    assert "No Metric learning run yet" in words(app)


def test_the_page_opens_on_numbers_by_kind_and_accuracy(runs, open_page):
    run = runs["metric-learning-odm"]
    told = words(open_page("metric", metric_run=run.id))
    assert f"Distance {run.metrics()['auroc']['value']:.3f}" in told
    assert "seen other classes" in told and "gaussian-noise" in told
    tested = run.arrays("test")
    nearest = run.arrays("explanations")["test/nearest"][tested["novel"] == 0]
    right = np.array(["2", "6", "7"])[nearest] == tested["classes"][tested["novel"] == 0]
    assert run.accuracy["value"] == pytest.approx(right.mean())
    assert f"Accuracy of the known classes, normal test images: {three_digits(run.accuracy)}" in told


def test_compare_shows_the_accuracy_beside_detection(runs, open_page):
    app = open_page("compare", runs=[run.id for run in runs.values()])
    table = app.table[0].value
    told = {cell.replace("\N{NO-BREAK SPACE}", " ").replace("\\", "") for cell in table["Accuracy"] if cell}
    assert told == {three_digits(run.accuracy) for run in runs.values()}


def test_a_scored_image_has_its_class_mean_and_the_training_images_that_are_near_in_the_embedding(runs, open_page):
    run = runs["metric-learning-odm"]
    try:
        app = open_page("score", score_runs=run.id, score_tab="Why", image="7")
        name = ["2", "6", "7"][run.arrays("explanations")["test/nearest"][7]]
        assert f"Nearest is class {name}, at" in words(app)
        told = words(open_page("score", score_runs=run.id, score_tab="Nearest training images", image="7"))
        assert "The nearest in pixels among" in told
        assert "The nearest in the embedding that Metric learning, ODM makes, among the" in told
    finally:
        scorer.shared.close()


def test_an_older_run_gets_its_accuracy_from_what_it_keeps(runs):
    for run in runs.values():
        accuracy, metrics = run.accuracy, run.about["metrics"]
        files.write_json(run.folder / "run.json", {k: v for k, v in run.about.items() if k != "accuracy"})
        again = store.find(run.id)
        assert again.accuracy == {}
        keep_measured_again(again)
        assert again.accuracy == accuracy and again.about["metrics"].keys() == metrics.keys()


def test_layers_come_and_go(runs, open_page):
    app = open_page("metric", metric_run=runs["metric-learning"].id)
    (layers,) = [each for each in app.get("button_group") if each.label == "Layers"]
    assert layers.value == [
        "training",
        "normal",
        "novelty",
        "seen other classes",
        "gaussian-noise",
        "class means",
        "balls",
    ]
    names = [trace["name"] for trace in chart(app, "The embedding")["data"]]
    assert any(name.startswith("novelty") for name in names)
    layers.set_value(["normal", "class means"]).run()
    assert not app.exception
    names = [trace["name"].partition(",")[0] for trace in chart(app, "The embedding")["data"]]
    assert names == ["normal", "class means"] and not chart(app, "The embedding")["layout"].get("shapes")


def test_layers_that_are_switched_off_stand_in_the_link(runs, open_page):
    app = open_page("metric", metric_run=runs["metric-learning"].id, metric_hidden=["training", "balls", "no layer"])
    (layers,) = [each for each in app.get("button_group") if each.label == "Layers"]
    assert layers.value == ["normal", "novelty", "seen other classes", "gaussian-noise", "class means"]
    assert not chart(app, "The embedding")["layout"].get("shapes")
    layers.set_value(["normal", "novelty", "seen other classes", "class means", "balls"]).run()
    assert app.query_params["metric_hidden"] == ["no layer", "training", "gaussian-noise"]
    (layers,) = [each for each in app.get("button_group") if each.label == "Layers"]
    layers.set_value(["training", "normal", "novelty", "seen other classes", "gaussian-noise", "class means", "balls"])
    app.run()
    names = [trace["name"].partition(" (")[0] for trace in chart(app, "The embedding")["data"]]
    assert "training" in names and app.query_params["metric_hidden"] == "no layer"


def test_the_threshold_moves_balls_and_counts(runs, open_page):
    run = runs["metric-learning"]
    app = open_page("metric", metric_run=run.id)
    held_out = run.held_out_scores()
    for share in (95, 60):
        app.slider[0].set_value(float(share)).run()
        threshold = evaluation.Quantile(share / 100).threshold(None, held_out)
        disc = chart(app, "The embedding")["layout"]["shapes"][0]
        assert (disc["x1"] - disc["x0"]) / 2 == pytest.approx(threshold**0.5, rel=1e-6)
        inside = (run.scores() <= threshold) & (run.novel == 0)
        assert f"Within some ball lie {inside.sum()} of {(run.novel == 0).sum()} images of known classes" in words(app)


@pytest.mark.parametrize("name", ["Own axes", "PCA", "UMAP"])
def test_every_map_in_two_and_three_dimensions(runs, open_page, name):
    for axes in ("2-D", "3-D"):
        app = open_page("metric", metric_run=runs["metric-learning-odm"].id, metric_map=name, metric_axes=axes)
        kinds = {trace["type"] for trace in chart(app, "The embedding")["data"]}
        assert ("scatter3d" in kinds) == (axes == "3-D")


def test_a_picked_image_stays_with_its_class_and_neighbours(runs, open_page):
    run = runs["metric-learning-odm"]
    app = open_page("metric", metric_run=run.id, image="7")
    told = words(app)
    assert f"Test image 7, class {run.arrays('test')['classes'][7]}" in told.replace("*", "")
    name = ["2", "6", "7"][run.arrays("explanations")["test/nearest"][7]]
    assert f"Nearest is class {name}" in told and f"nearest to the mean of class {name}" in told


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_of_an_embedding(runs, open_page, tab):
    told = words(open_page("metric", metric_run=runs["metric-learning-odm"].id, metric_tab=tab))
    assert TABS[tab] in told
    assert [each for each in TABS.values() if each in told] == [TABS[tab]] or tab in (
        "Without and with seen images",
        "Softmax twin",  # has the same sentence on what was seen
    )


@pytest.mark.parametrize(
    ("tab", "sentence"),
    [
        ("One image", "The softmax twin takes it for class"),
        ("Known classes", "near is not within"),
        ("Pairs", "learns from single images, not from pairs"),
        ("Without and with seen images", "is better than metric learning on"),
        ("Softmax twin", "far away it is sure again"),
        ("Training", "It never hears of anything that is no known class"),
    ],
)
def test_every_tab_of_the_twin(runs, open_page, tab, sentence):
    assert sentence in words(open_page("metric", metric_run=runs["softmax-twin"].id, metric_tab=tab))


def test_differences_are_those_of_the_two_runs(runs, open_page):
    app = open_page("metric", metric_run=runs["metric-learning"].id, metric_tab="Without and with seen images")
    plain, mined = runs["metric-learning"], runs["metric-learning-odm"]
    source = plain.arrays("test")["source"]
    of = (source == "other classes") | (source == "normal")
    found = evaluation.paired_difference(mined.scores()[of], plain.scores()[of], plain.novel[of])
    texts = [each["text"] for each in chart(app, "AUROC on each kind")["layout"]["annotations"]]
    assert any(text.startswith(f"{found['value']:+.3f}") for text in texts)


def test_pairs_of_other_seeds_are_told_and_so_are_other_settings(runs, open_page):
    pair = runs["metric-learning-odm"], runs["metric-learning"]

    def opened() -> str:
        return words(open_page("metric", metric_run=pair[0].id, metric_tab="Without and with seen images"))

    told = opened()
    assert "trained both ways" not in told and "differ in settings" not in told
    for run in pair:
        again = shutil.copytree(run.folder, run.folder.with_name(f"{run.id}-again"))
        files.write_json(again / "run.json", run.about | {"spec": run.about["spec"] | {"seed": 1}})
    gap = np.subtract(*(run.metrics()["by_source"]["other classes"]["auroc"]["value"] for run in pair))
    told = opened()
    assert "Over the 2 seeds trained both ways, AUROC of ODM minus that of metric learning" in told
    assert f"seen other classes {gap:+.3f} ({gap:+.3f} to {gap:+.3f})" in told
    shutil.rmtree(pair[1].folder.with_name(f"{pair[1].id}-again"))
    spec = pair[1].about["spec"]
    files.write_json(
        pair[1].folder / "run.json", pair[1].about | {"spec": spec | {"knobs": spec["knobs"] | {"epochs": 21}}}
    )
    assert "They also differ in settings, without and with: epochs 21 and 20." in opened()


def test_what_is_missing_can_be_trained(runs, open_page):
    for method in ("softmax-twin", "metric-learning"):
        shutil.rmtree(runs[method].folder)
    run = runs["metric-learning-odm"].id
    app = open_page("metric", metric_run=run, metric_tab="Without and with seen images")
    assert "Not trained yet on this task: Metric learning." in words(app)
    assert any(re.search(r"--method metric-learning\b(?!-)", each.value) for each in app.code)
    assert "Not trained yet on this task: Softmax twin." in words(
        open_page("metric", metric_run=run, metric_tab="Softmax twin")
    )


def test_a_task_without_seen_images_says_what_mining_needs(runs, open_page, monkeypatch):
    shutil.rmtree(runs["metric-learning-odm"].folder)
    monkeypatch.setattr("core.runs.alike.other_methods", lambda run, alike: [])
    told = words(open_page("metric", metric_run=runs["metric-learning"].id, metric_tab="Without and with seen images"))
    assert "needs seen foreign images, and this task has none" in told


def test_replay_shows_an_earlier_epoch(runs, open_page):
    app = open_page("metric", metric_run=runs["metric-learning"].id, metric_tab="Training")
    slider = next(each for each in app.select_slider if each.label == "After epoch")
    assert slider.value == 20
    slider.set_value(1).run()
    assert chart(app, "probe images after epoch 1") and chart(app, "Pair distances in epoch 1")


def test_a_run_without_its_map_yet_says_so(runs, open_page):
    run = runs["metric-learning"]
    (run.folder / "projection.npz").unlink()
    for tab in ("One image", "Without and with seen images", "Softmax twin"):
        assert "map of neighbourhoods" in words(open_page("metric", metric_run=run.id, metric_tab=tab))


def grown(run: Run, count: int) -> None:
    """Repeat the test images of a run in place until there are so many, and give its noise three names."""
    rows = np.arange(count) % len(run.novel)
    for file in ("scores", "explanations", "controls", "neighbours", "test"):
        arrays = run.arrays(file)
        tested = [name for name in arrays if name.startswith("test/") or name in ("places", "distances")]
        arrays |= {name: arrays[name][rows] for name in (set(arrays) - {"valid_novel"} if file == "test" else tested)}
        if file == "test":
            arrays["source"] = arrays["source"].astype("<U16")
            noise = np.flatnonzero(arrays["kind"] == "anomaly")
            arrays["source"][noise] = np.array(["gaussian-noise", "letters", "clothes"])[np.arange(len(noise)) % 3]
            counts = {"normal": int((arrays["novel"] == 0).sum()), "novel": int(arrays["novel"].sum())}
        files.write_arrays(run.folder / f"{file}.npz", arrays)
    about = run.about
    told = {"counts": about["counts"] | counts, "arrays": files.described(run.folder)}
    files.write_json(run.folder / "run.json", about | told)


def test_a_layer_of_twenty_thousand_images_of_seven_kinds_is_switched_quickly(runs, open_page):
    """0.1 to 0.2 s of processor time, measured; the bound leaves room for a slower machine."""
    run = runs["metric-learning"]
    grown(run, 20_000)
    app, taken = open_page("metric", metric_run=run.id), []
    for hidden in ("letters", "novelty", "training"):
        (layers,) = [each for each in app.get("button_group") if each.label == "Layers"]
        assert hidden in layers.value
        began = time.process_time()
        layers.set_value([name for name in layers.value if name != hidden]).run()
        taken.append(time.process_time() - began)
    assert not app.exception and min(taken) < 1.0, taken
    shown = {t["name"].partition(",")[0]: len(t["x"]) for t in chart(app, "The embedding")["data"] if "customdata" in t}
    assert shown.keys() == {"normal", "seen other classes", "gaussian-noise", "clothes"}


def test_the_same_without_the_app(runs, open_page):
    app = open_page("metric", metric_run=runs["metric-learning"].id)
    app.slider[0].set_value(80.0)
    next(each for each in app.expander if "without the app" in each.label)
    app.session_state["metric_code"] = True
    app.run()
    assert any(re.search(r"evaluate metric-learning-\S+ --set normal_share=0.8", each.value) for each in app.code)
