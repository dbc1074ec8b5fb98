import json
import shutil

import numpy as np
import pytest

from core import evaluation
from core.figures import three_digits
from core.runs import files, store
from core.runs.store import Run
from tests.pages.training import trained
from tests.pages.words import words

ASKED = """
for method, changes in [["oc-svm", {}], ["oc-svm", {"solver": "linear", "landmarks": 50}], ["svdd", {}],
["isolation-forest", {}], ["nearest-neighbours", {}], ["local-outlier-factor", {}], ["gaussian", {}],
["oc-nn", {"pretrain_epochs": 2, "epochs": 3}], ["oc-cnn", {"pretrain_epochs": 2, "epochs": 2}], ["pca-error", {}]]:
    run = worker.execute(store.create(spec.request("digits", "multimodal", "3", method, changes=changes)))
    assert run.state == store.FINISHED, run.sentence
"""
LEARNED = {  # what only the pictures of this method say
    "oc-svm": "training images hold the border",
    "svdd": "training images hold the border",
    "isolation-forest": "It picks pixels blindly",
    "nearest-neighbours": "by the mean distance to their nearest others",
    "local-outlier-factor": "No two of them are equal",
    "gaussian": "of a sphere is mixed in",
    "oc-nn": "of the training images are answered with less",
    "oc-cnn": "of the noise is recognised as such",
    "pca-error": "28 of 64 components keep 95.1 % of the variance",
}


@pytest.fixture(scope="session")
def fitted(tmp_path_factory):
    """A store with a run of every baseline on one task, the newest PCA error. Leave it as it is."""
    return trained(tmp_path_factory.mktemp("fitted"), ASKED)


@pytest.fixture
def runs(own_store, fitted) -> dict[str, Run]:
    """These runs in a store that a test may change, by method; of OC-SVM the exact one, and "linear"."""
    shutil.copytree(fitted, own_store, ignore=shutil.ignore_patterns(".*"))
    return {"linear" if run.spec.knobs.get("solver") == "linear" else run.spec.method: run for run in store.runs()}


def chart(app, name: str) -> str:
    """The specification of the chart with this text in it, as it is read."""
    every = [json.dumps(json.loads(each.proto.spec)) for each in app.get("plotly_chart")]
    (found,) = [each for each in every if name in each]
    return found


def test_an_empty_store_says_what_to_do(own_store, open_page):
    app = open_page("baselines")
    assert app.title[0].value == "What does no deep network at all reach?"
    assert "No Baseline run yet" in words(app)


def test_the_page_opens_on_all_runs_of_the_task(runs, open_page):
    app = open_page("baselines")
    assert app.selectbox[0].value == runs["pca-error"].id  # the newest
    assert f"Error {runs['pca-error'].metrics()['auroc']['value']:.3f}" in words(app)
    best = max(run.metrics()["auroc"]["value"] for run in runs.values() if not run.spec.card.network)
    assert best == runs["nearest-neighbours"].metrics()["auroc"]["value"]
    told = three_digits(runs["nearest-neighbours"].metrics()["auroc"])
    assert f"Without a network, Nearest neighbours reaches {told}. The best of 2 with one, OC-" in words(app)
    figure = chart(app, "Without a network, and with one")
    assert "no network (8)" in figure and "a network (2)" in figure and "<b>PCA error</b>" in figure
    assert "control lines (1)" in figure  # the others are runs
    first, second = app.get("plotly_chart")[:2]
    assert "Without a network" in first.proto.spec and "of 507 test images" in second.proto.spec


def test_runs_of_other_families_stand_beside_them(runs, trained_store, own_store, open_page):
    for folder in trained_store.iterdir():
        if not folder.name.startswith("."):
            shutil.copytree(folder, own_store / folder.name)
    app = open_page("baselines")
    assert "a network (5)" in chart(app, "Without a network, and with one")
    assert "The best of 5 with one" in words(app)


@pytest.mark.parametrize("method", LEARNED)
def test_every_method_shows_what_it_has_learned_and_why(runs, open_page, method):
    app = open_page("baselines", baselines_run=runs[method].id, image="17")
    assert not app.error
    assert [name for name, said in LEARNED.items() if said in words(app)] in ([method], ["oc-svm", "svdd"])
    assert "Test image 17" in words(app)
    verdict = "called novel" if runs[method].scores()[17] > runs[method].threshold() else "accepted"
    assert verdict in words(app)
    near = "test/neighbours" in runs[method].arrays("explanations")
    assert ("For diagnosis only, the method sees no class" in words(app)) == near


def test_how_it_was_fitted_is_told(runs, open_page):
    note = str(runs["linear"].arrays("portrait")["sentence"])
    assert "landmarks" in note
    assert note in words(open_page("baselines", baselines_run=runs["linear"].id))
    assert "They are no support vectors" in words(open_page("baselines", baselines_run=runs["linear"].id))


def test_components_move_numbers_threshold_and_pictures(runs, open_page):
    app = open_page("baselines", image="17")
    run, stored = runs["pca-error"], runs["pca-error"].arrays("explanations")
    (slider,) = app.select_slider
    assert slider.value == 28
    slider.set_value(9).run()
    errors = {
        split: stored[f"{split}/off_mean"] - np.square(stored[f"{split}/coordinates"][:, :9]).sum(1)
        for split in ("test", "valid")
    }
    assert f"Error {evaluation.auroc(errors['test'], run.novel):.3f}" in words(app)
    caught = (errors["test"] > run.rule.threshold(None, errors["valid"]))[run.novel == 1].sum()
    assert f"it catches {caught:,} of 183 novel images" in words(app)
    assert f"Redrawn from the first 9 components, {errors['test'][17]:.3g} is left over" in words(app)
    assert run.metrics()["auroc"]["value"] != pytest.approx(evaluation.auroc(errors["test"], run.novel), abs=0.01)


def test_as_many_neighbours_count_as_are_chosen(runs, open_page):
    run = runs["nearest-neighbours"]
    app = open_page("baselines", baselines_run=run.id, image="17")
    (slider,) = app.select_slider
    slider.set_value(2).run()
    distances = run.arrays("explanations")["test/distances"][:, :2]
    assert f"Mean distance {evaluation.auroc(distances.mean(1), run.novel):.3f}" in words(app)
    assert f"The nearest 2 training images lie on average {distances[17].mean():.3g} away" in words(app)
    assert "these 2 training images are" in words(app)
    slider = app.select_slider[0]
    slider.set_value(5).run()
    assert "The nearest 5 training images" in words(app)  # the reasons that are kept were not cut


def test_another_score_of_the_card_is_shown(runs, open_page):
    app = open_page("baselines", baselines_run=runs["nearest-neighbours"].id, baselines_score="Last distance")
    assert f"**Last distance {runs['nearest-neighbours'].metrics('last')['auroc']['value']:.3f}" in words(app)
    assert "Most novel, by Last distance" in chart(app, "by Last distance")


def test_a_ranking_without_images_says_so(runs, open_page):
    run = runs["nearest-neighbours"]
    scores = run.arrays("scores")
    scores["valid/mean"] = scores["valid/mean"] + 100
    files.write_arrays(run.folder / "scores.npz", scores)
    assert "no image of this kind is on the wrong side" in words(
        open_page("baselines", baselines_run=run.id, baselines_which="Normal, but alarming")
    )


def test_exact_and_linear_are_compared_where_both_are_there(runs, open_page):
    app = open_page("baselines", baselines_tab="Exact or linear", baselines_run=runs["oc-svm"].id)
    assert "Their rankings agree with a correlation of" in words(app)
    store.delete(runs["linear"])
    app = open_page("baselines", baselines_tab="Exact or linear", baselines_run=runs["oc-svm"].id)
    assert "Not trained yet on this task: the linear solver." in words(app)
    assert any("solver=linear" in each.value for each in app.code)
    store.delete(runs["oc-svm"])
    app = open_page("baselines", baselines_tab="Exact or linear", baselines_run=runs["svdd"].id)
    assert "There is no one-class SVM on this task yet" in words(app)


def test_what_nobody_has_trained_on_this_task_can_be_trained(runs, open_page):
    assert "Not trained yet" not in words(open_page("baselines", baselines_tab="Not trained yet"))
    for name in ("gaussian", "svdd"):
        store.delete(runs[name])
    app = open_page("baselines", baselines_tab="Not trained yet")
    assert "Not trained yet on this task: SVDD, Gaussian." in words(app)
    commands = [each.value for each in app.code]
    assert [name for name in ("svdd", "gaussian") if any(f"--method {name}" in each for each in commands)] == [
        "svdd",
        "gaussian",
    ]


def test_an_old_run_without_hidden_classes_or_controls_still_opens(runs, open_page):
    for part in ("train.npz", "controls.json", "controls.npz"):
        (runs["svdd"].folder / part).unlink()
    app = open_page("baselines", baselines_run=runs["svdd"].id)
    assert not app.error
    assert "For diagnosis only" not in words(app) and "ended before it was computed" in words(app)
