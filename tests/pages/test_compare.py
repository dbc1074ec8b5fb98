import json
import os
import shutil

import numpy as np
import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from core import evaluation
from core.evaluation import Impurities, Quantile, conventions
from core.figures.pages import compare_lines as rows
from core.runs import files, store
from tests.pages.words import words

TITLE = "Which method sees it, and which doesn't?"


def chart(app: AppTest, title: str) -> dict:
    """The figure of this title, as the browser gets it."""
    figures = [json.loads(each.proto.spec) for each in app.get("plotly_chart")]
    return next(figure for figure in figures if title in figure["layout"].get("title", {}).get("text", ""))


def table(app: AppTest, place: int = 0):
    return app.table[place].value.map(lambda cell: cell.replace("\\", "").replace("\N{NO-BREAK SPACE}", " "))


def copied(run: store.Run, name: str, **spec) -> store.Run:
    """A copy of the run with another spec."""
    folder = run.folder.with_name(name)
    shutil.copytree(run.folder, folder)
    about = json.loads((folder / "run.json").read_text())
    about["spec"] |= spec
    (folder / "run.json").write_text(json.dumps(about))
    return store.Run(folder)


def ranked() -> list[store.Run]:
    return sorted(store.runs(), key=lambda run: -run.metrics()["auroc"]["value"])


def test_an_empty_store_says_what_to_do_next(own_store, open_page):
    app = open_page("compare")
    assert "No finished run yet" in words(app)
    assert [each.label for each in app.main.button] == ["Train one"]


def test_all_runs_of_the_task_stand_in_order_above_the_control_lines(store_with_runs, open_page):
    app = open_page("compare")
    assert [title.value for title in app.title] == [TITLE]
    assert app.selectbox(key="compare_task").options == ["digits · all but 3 (3 runs)"]
    shown = table(app)
    assert shown["Method"].tolist()[:3] == [run.spec.card.title for run in ranked()]
    assert shown["AUROC"].tolist()[0] == rows.three_digits(ranked()[0].metrics()["auroc"])
    assert [cell for cell in shown["Method"] if cell.startswith(":gray[")] == [
        ":gray[Five nearest training images, pixels]",
        ":gray[Five nearest training images, 50 principal components]",
        ":gray[PCA error (95 % of the variance)]",
    ]
    assert "Published" not in shown  # no figure of a paper is for digits
    assert len(chart(app, "Novel images caught")["data"]) == 6


def test_who_does_not_beat_the_best_control_is_said_with_the_paired_difference(store_with_runs, open_page):
    told = words(open_page("compare"))
    run = ranked()[-1]
    control = max(
        (name for name in ("nearest-pixels", "nearest-pca", "pca-error")),
        key=lambda name: run.controls[name]["auroc"]["value"],
    )
    rival = run.arrays("controls", f"test/{control}")[f"test/{control}"]
    expected = evaluation.paired_difference(run.scores(), rival, run.novel)
    assert expected["low"] < 0  # four epochs don't beat the nearest images
    assert f"the best control line, {store.CONTROLS[control]}" in told
    assert f"{run.spec.card.title} {rows.interval(expected)}" in told


def test_a_link_opens_its_runs_and_their_task(filled_store, open_page):
    other = copied(store.runs()[0], "rapp-other-task", target=["4"])
    app = open_page("compare", runs=[other.id])
    assert app.session_state["runs"] == [other.id]
    assert app.selectbox(key="compare_task").value == other.spec.task.hash
    assert sorted(app.selectbox(key="compare_task").options) == [
        "digits · all but 3 (3 runs)",
        "digits · all but 4 (1 run)",
    ]
    app.selectbox(key="compare_task").set_value(store.find("rapp-ae").spec.task.hash).run()
    assert len(app.session_state["runs"]) == 3


def test_tasks_of_the_same_words_are_told_apart_by_their_options(filled_store, open_page):
    copied(store.runs()[0], "rapp-drawn", options={"novelty_share": 0.35})
    options = open_page("compare").selectbox(key="compare_task").options
    assert "digits · all but 3 · novelty share 0.35 · split seed 0 (1 run)" in options
    assert "digits · all but 3 · novelty share 0.0 · split seed 0 (3 runs)" in options


def test_fewer_runs_are_compared_when_one_is_taken_away(store_with_runs, open_page):
    app = open_page("compare")
    app.multiselect(key="runs").set_value([ranked()[0].id]).run()
    assert len(table(app)) == 4
    assert "disagreement needs two" in words(app)
    app.multiselect(key="runs").set_value([]).run()
    assert "Choose a run above" in words(app)


def test_control_lines_that_are_missing_are_announced_or_explained(filled_store, open_page):
    for run in store.runs():
        (run.folder / "controls.json").unlink()
    app = open_page("compare")
    assert "The comparison with control lines is missing: the run's process ended before it was computed" in words(app)
    assert len(table(app)) == 3
    assert not app.error
    with FileLock(run.folder / "lock", is_singleton=False):
        assert "The comparison with control lines is being computed by the run's process" in words(open_page("compare"))


def test_a_collapsed_run_wears_a_badge_and_its_sentence(filled_store, open_page):
    run = ranked()[0]
    about = json.loads((run.folder / "run.json").read_text())
    about["alarms"] = {"nap": "Collapsed: all 507 images have nearly the same score (1)."}
    (run.folder / "run.json").write_text(json.dumps(about))
    app = open_page("compare")
    assert [("collapsed" in cell) for cell in table(app)["Method"]] == [True, *[False] * 5]
    assert f"{run.spec.card.title}: Collapsed: all 507 images" in words(app)


def test_every_score_of_a_run_can_be_compared(store_with_runs, open_page):
    app = open_page("compare")
    app.toggle(key="compare_scores").set_value(True).run()
    shown = table(app)
    assert len(shown) == 9 + 3
    assert {"RaPP, autoencoder, SAP", "RaPP, autoencoder, Reconstruction"} <= set(shown["Method"])


def test_seeds_can_be_taken_together(filled_store, open_page):
    first = store.find("rapp-ae")
    copied(first, "rapp-ae-again", seed=1)
    app = open_page("compare")
    assert len(table(app)) == 4 + 3
    app.toggle(key="compare_seeds").set_value(True).run()
    value = first.metrics()["auroc"]["value"]
    shown = table(app).set_index("Method")
    assert shown.loc["RaPP, autoencoder (2 seeds)", "AUROC"] == f"{value:.3f} ({value:.3f} to {value:.3f})"
    assert len(shown) == 3 + 3


def test_disagreement_follows_the_two_chosen_runs_and_shows_the_picked_image(store_with_runs, open_page):
    app = open_page("compare")
    one, other = ranked()[:2]
    alone = (one.scores() > one.threshold()) & (other.scores() <= other.threshold()) & (one.novel == 1)
    assert f"Only {one.spec.card.title} catches {int(alone.sum())}" in words(app)
    app.selectbox(key="compare_b").set_value(2).run()
    assert chart(app, "one method against the other")["layout"]["yaxis"]["title"]["text"].startswith(
        ranked()[2].spec.card.title
    )
    picked = open_page("compare", image="7")
    assert f"{one.spec.card.title} says" in words(picked).replace("**", "")
    assert any(each.label == "Let go of it" for each in picked.main.button)


def test_a_quadrant_counts_its_images_by_kind(store_with_runs, open_page):
    app = open_page("compare")
    app.selectbox(key="compare_quadrant").set_value("neither").run()
    one, other = ranked()[:2]
    neither = (one.scores() <= one.threshold()) & (other.scores() <= other.threshold())
    for word, kind in (("novel", 1), ("normal", 0)):
        assert f"{int((neither & (one.novel == kind)).sum())} {word}" in words(app)


@pytest.mark.parametrize(
    ("tab", "title", "says"),
    [
        ("Class by method", "AUROC of each class", "Hardest to see: novel 3"),
        ("Cost", "What the training buys", "needs none"),
        ("Differences", "AUROC of the row minus", "pairs differ beyond chance"),
        ("Threshold desk", "Drag the threshold", "It never comes from the test set"),
    ],
)
def test_each_tab_computes_its_picture_when_it_is_opened(store_with_runs, open_page, tab, title, says):
    app = open_page("compare", compare_tab=tab)
    assert chart(app, title)
    assert says in words(app)
    assert "Only " not in words(app)  # the tab that isn't open is not computed


def test_the_desk_counts_what_the_slider_says_and_goes_back_to_the_rule(store_with_runs, open_page):
    app = open_page("compare", compare_tab="Threshold desk")
    run = ranked()[0]
    caught = int((run.scores()[run.novel == 1] > run.threshold()).sum())
    metrics = {each.label: each.value for each in app.metric}
    assert metrics["Novel caught"] == f"{caught:,}"
    slider = app.select_slider[0]
    slider.set_value(0).run()
    metrics = {each.label: each.value for each in app.metric}
    assert (metrics["Novel missed"], metrics["False positive rate"]) == ("0", "1.000")
    app.number_input(key="desk_rate").set_value(50.0).run()
    assert {each.label: each.value for each in app.metric}["False alarms per 1,000"] == "500"
    next(each for each in app.main.button if each.label == "Back to the rule").click().run()
    assert {each.label: each.value for each in app.metric}["Novel caught"] == f"{caught:,}"


def caught(run: store.Run, threshold: float) -> str:
    return f"{int((run.scores()[run.novel == 1] > threshold).sum()):,}"


def test_the_desk_takes_another_rule_and_its_mark_follows(store_with_runs, open_page):
    run, tab = ranked()[0], "Threshold desk"
    app = open_page("compare", compare_tab=tab)
    assert app.button_group(key="desk_rule").value == "own"
    app.button_group(key="desk_rule").set_value("quantile").run()
    app.number_input(key="desk_share_quantile").set_value(60.0).run()
    assert "accept 60 % of the 322 normal validation images" in words(app)
    assert "It never comes from the test set" in words(app)
    threshold = np.quantile(run.scores(split="valid"), 0.6, method="higher")
    assert threshold < run.threshold()
    assert {each.label: each.value for each in app.metric}["Novel caught"] == caught(run, threshold)
    app.select_slider[0].set_value(0).run()
    lines = chart(app, "Drag the threshold")["layout"]["shapes"]
    assert [line["x0"] for line in lines][0] == 0 and len(lines) == 2  # the slider's, the rule's
    next(each for each in app.main.button if each.label == "Back to the rule").click().run()
    assert {each.label: each.value for each in app.metric}["Novel caught"] == caught(run, threshold)
    linked = open_page("compare", compare_tab=tab, desk_rule=Quantile.title, desk_share_quantile="60.0")
    assert {each.label: each.value for each in linked.metric}["Novel caught"] == caught(run, threshold)
    app.button_group(key="desk_rule").set_value("own").run()
    assert {each.label: each.value for each in app.metric}["Novel caught"] == caught(run, run.threshold())


def test_the_desk_assumes_impurities_where_the_run_keeps_training_scores(filled_store, open_page):
    run = ranked()[0]
    app = open_page("compare", compare_tab="Threshold desk", desk_rule=Impurities.title, desk_share_impurities="20.0")
    pooled = np.concatenate([run.training_scores(), run.held_out_scores()])
    threshold = np.sort(pooled)[-int(0.2 * len(pooled))]
    assert f"call 20 % of the {len(pooled):,} training and validation images impure" in words(app)
    assert {each.label: each.value for each in app.metric}["Novel caught"] == caught(run, threshold)
    stored = {name: values for name, values in run.arrays("scores").items() if not name.startswith("train/")}
    files.write_arrays(run.folder / "scores.npz", stored)
    os.utime(run.folder / "run.json")  # the files are read anew
    app.run()
    assert [error.value for error in app.error] == [
        "This run keeps no training scores, which the rule needs. Train it again to use it."
    ]
    assert {each.label: each.value for each in app.metric}["Novel caught"] == caught(run, run.threshold())
    assert "The rule: accept 95 %" in words(app)


def test_differences_are_those_of_the_paired_bootstrap(store_with_runs, open_page):
    app = open_page("compare", compare_tab="Differences")
    one, other = ranked()[:2]
    expected = evaluation.paired_difference(one.scores(), other.scores(), one.novel)
    text = np.array(chart(app, "AUROC of the row minus")["data"][0]["text"])
    assert rows.signed(expected["value"]) in text[0, 1]
    assert f"{rows.signed(expected['low'])} to {rows.signed(expected['high'])}" in text[0, 1]


def test_a_tab_compares_by_kind_where_there_are_several(store_with_kinds, open_page):
    app = open_page("compare", compare_tab="By kind")
    heat = chart(app, "AUROC of each kind of novel image")
    assert [head.partition("<br>")[2] for head in heat["data"][0]["x"]] == ["91 images", "92 images"]
    expected = ranked()[0].metrics()["by_source"]["gaussian-noise"]["auroc"]
    assert f">{rows.three_digits(expected)}<" in heat["data"][0]["text"][0][1].replace("<br>", " ")
    assert "Hardest to see: " in words(app)
    app.button_group(key="compare_kind_measure").set_value("fpr95").run()
    assert chart(app, "FPR at 95 % TPR (normal positive) of each kind")
    app.button_group(key="compare_kind_measure").set_value("aupr_in").run()
    app.selectbox(key="compare_kind_aupr_in").set_value("aupr_normal_rates").run()
    rates = np.array(chart(app, "AUPR-in (rates, steps) of each kind")["data"][0]["text"])
    run, source = ranked()[0], ranked()[0].arrays("test", "source")["source"]
    of = np.isin(source, ["normal", "gaussian-noise"])
    value = conventions.aupr_rates(run.scores()[of], run.novel[of], "normal")
    assert f">{value:.3f}<br>(" in rates[0, 1]
    assert "AUPR-in: Average precision from rates" in words(app)


def test_without_several_kinds_there_is_no_such_tab(store_with_runs, open_page):
    assert "By kind" not in [tab.label for tab in open_page("compare").tabs]
