import re
import shutil

import numpy as np
import pytest

from core import evaluation
from core.figures.families.clad import unconfidence
from core.runs import files, store
from core.runs.store import Run
from core.sweeps import cells, grid
from pages.shared.clad import claims
from tests.pages.opening import opened
from tests.pages.training import trained
from tests.pages.words import words

TRAIN = """
short = {"clusters": 5, "pretrain_epochs": 80, "cluster_epochs": 6, "epochs": 3, "width": 8}
run = worker.execute(store.create(spec.request("digits", "latent-super-category", "CUR", "clad", changes=short)))
assert run.state == store.FINISHED, run.sentence
"""
TABS = {  # and a sentence that stands in no other
    "One image": "Nearest training images of kind",
    "Kinds": "surest",
    "Hidden classes": "adjusted Rand index",
    "Clustering": "makes its own guess more certain",
    "Temperature and step": "would choose a step of",
    "Classifier": "that the kinds can be told apart",
}


@pytest.fixture(scope="module")
def kinds_store(tmp_path_factory):
    """A store with one short run. Don't change it."""
    return trained(tmp_path_factory.mktemp("kinds"), TRAIN)


@pytest.fixture
def run(own_store, kinds_store) -> Run:
    """This run in a store that a test may change."""
    shutil.copytree(kinds_store, own_store)
    return store.runs()[0]


def slider(app, label):
    return next(each for each in app.select_slider if each.label == label)


def chart(app, title: str) -> str:
    """The specification of the chart of this title, as the browser gets it."""
    return next(each.proto.spec for each in app.get("plotly_chart") if title in each.proto.spec)


def test_an_empty_store_says_what_to_do(own_store, open_page):
    app = open_page("clad")
    assert app.title[0].value == 'What kinds did it find in "normal"?'
    assert "No CLAD run yet" in words(app)


def test_the_page_opens_on_the_kinds_by_what_was_found_and_by_hidden_class(run, open_page):
    app = open_page("clad")
    assert f"ODIN {run.metrics()['auroc']['value']:.3f}" in words(app)
    assert f"Five nearest training images, pixels {run.controls['nearest-pixels']['auroc']['value']:.3f}" in words(app)
    found = len(run.arrays("portrait")["sizes"])
    assert f"{found} kinds were found among 3 hidden classes" in words(app)
    spec = app.get("plotly_chart")[0].proto.spec
    assert "by the kind that it found" in spec and "not used in training" in spec
    assert "UMAP" in spec


def test_the_plane_can_be_chosen_instead_of_the_map(run, open_page):
    app = open_page("clad", clad_map="PCA")
    assert "First principal axis" in app.get("plotly_chart")[0].proto.spec
    assert "UMAP" not in app.get("plotly_chart")[0].proto.spec


def test_a_picked_image_is_ringed_on_both_panels_and_explained(run, open_page):
    app = open_page("clad", clad_tab="One image", image="17")
    assert app.get("plotly_chart")[0].proto.spec.count('"name":"test image 17"') == 2
    assert "Test image 17" in words(app)
    assert ("called novel" if run.scores()[17] > run.threshold() else "accepted") in words(app)
    reason = run.arrays("explanations")
    before = reason["test/logits"][17, 0].astype(float)
    believed = np.exp(before - before.max()) / np.exp(before - before.max()).sum()
    assert re.search(
        rf"takes it for kind {'ABCDE'[believed.argmax()]} \({100 * believed.max():.1f}".rstrip("0."), words(app)
    )
    assert "brighter" in chart(app, "What a step of")


def test_every_tab_says_its_own(run, open_page):
    app = open_page("clad")
    for tab in TABS:
        app.session_state["clad_tab"] = tab
        app.run()
        assert not app.error and not app.exception
        assert [name for name, sentence in TABS.items() if sentence in words(app)] == [tab]


def test_temperature_and_step_move_confidence_and_auroc_at_once(run, open_page):
    app = open_page("clad", clad_tab="One image")
    stored = run.arrays("explanations", "test/logits")["test/logits"]
    auroc = evaluation.auroc(unconfidence(stored[:, 2], 5), run.novel)
    slider(app, "Temperature").set_value(5).run()
    slider(app, "Step of ODIN").set_value(0.0025).run()
    assert f"ODIN {auroc:.3f}" in words(app) and "at your temperature and step" in words(app)
    plain = evaluation.auroc(unconfidence(stored[:, 0], 5), run.novel)
    assert f"Temperature {plain:.3f}" in words(app)
    shown = chart(app, "How sure the classifier is")
    assert f"AUROC {auroc:.3f}" in shown and "Temperature 5" in shown and "a step of 0.0025" in shown
    assert "Confidence at temperature 5" in chart(app, "Confidence at temperature")


def test_the_stored_scores_are_those_of_the_stored_outputs(run, open_page):
    """So that the sliders begin where the run's own numbers are."""
    reasons = run.arrays("explanations")
    step, temperature = int(reasons["test/step"][0]), float(reasons["test/temperature"][0])
    np.testing.assert_allclose(
        unconfidence(reasons["test/logits"][:, step], temperature), run.scores("odin"), rtol=1e-6
    )
    assert slider(open_page("clad"), "Step of ODIN").value == run.arrays("portrait")["epsilons"][step]


def test_replay_follows_its_slider(run, open_page):
    app = open_page("clad", clad_tab="Clustering")
    last = max(run.snapshots())
    assert f"Kinds after epoch {last}" in chart(app, "Kinds after epoch")
    slider(app, "After epoch").set_value(1).run()
    assert "probe images after epoch 1" in chart(app, "probe images after epoch")
    sizes = run.arrays(run.snapshots()[1])["sizes"]
    assert f"the smallest {sizes.min():,} of them" in words(app)


def test_hidden_classes_are_marked_as_diagnosis(run, open_page):
    app = open_page("clad", clad_tab="Hidden classes")
    assert "took no part in the training" in words(app)
    table = evaluation.contingency(run.arrays("portrait")["clusters"], run.arrays("train")["classes"])
    assert f"adjusted Rand index {evaluation.adjusted_rand_index(table):.2f}" in words(app)


def test_collapse_and_starved_kinds_are_named(run, open_page):
    portrait = run.arrays("portrait")
    files.write_arrays(run.folder / "portrait.npz", portrait | {"merged": np.array("1 of 5 clusters starved.")})
    changed = {"alarms": {"odin": "Collapsed: one of 5 clusters."}, "arrays": {}}  # no longer those that it listed
    files.write_json(run.folder / "run.json", run.about | changed)
    app = open_page("clad", clad_tab="Clustering")
    assert words(app).count("Collapsed: one of 5 clusters.") == 2
    assert words(app).count("1 of 5 clusters starved.") == 2
    assert "neither starved nor collapsed" not in words(app)


def test_pictures_that_are_not_computed_are_announced(run, open_page):
    plane = {name: array for name, array in run.arrays("projection").items() if not name.startswith("umap")}
    files.write_arrays(run.folder / "projection.npz", plane)
    assert "First principal axis" in open_page("clad").get("plotly_chart")[0].proto.spec
    (run.folder / "projection.npz").unlink()
    app = open_page("clad")
    for tab in TABS:
        app.session_state["clad_tab"] = tab
        app.run()
        assert not app.error and not app.exception
        assert "ended before it was computed" in words(app)


def test_the_claims_say_how_to_measure_them_where_nobody_has(run, open_page, monkeypatch, tmp_path):
    monkeypatch.setattr("core.sweeps.sweep.shipped_root", lambda: tmp_path / "none")
    for tab, file in (("One region or many", "one_region.toml"), ("How many clusters", "clusters.toml")):
        app = open_page("clad", clad_tab=tab)
        assert f"Save this as {file} and run it" in words(app)
        assert f"python -m core sweep {file}" in "".join(each.value for each in app.code)


@pytest.mark.parametrize("content", [claims.REGION, claims.CLUSTERS])
def test_the_sweeps_that_the_claims_ask_for_are_sweeps(content):
    assert len(cells.expand(grid.from_toml(content))) > 8


def test_the_claims_open_on_what_ships(monkeypatch, tmp_path):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    for tab, name in (("One region or many", "one_region"), ("How many clusters", "clusters")):
        assert f"by the sweep {name}." in words(opened("clad", clad_tab=tab))
