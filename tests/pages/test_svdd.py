import json
import shutil

import numpy as np
import pytest

from core.figures import percent
from core.runs import files, store
from core.runs.store import Run
from tests.pages.training import trained
from tests.pages.words import words

TRAIN = """
short = {"epochs": 6, "pretrain_epochs": 6, "warm_up": 3}
for method, more in (("multi-radius-svdd", {"labels": "classes"}), ("deep-svdd", {}), ("multi-radius-svdd", {})):
    request = spec.request(
        "digits", "several-normal", "0,1,3", method, changes={**short, **more}, options={"split": "pooled"}
    )
    run = worker.execute(store.create(request))
    assert run.state == store.FINISHED, run.sentence
"""
TABS = {  # and a sentence that stands in no other
    "Distances": "With nu = 0.1",
    "One image": "Nearest training images of ball",
    "Gallery": "Most novel",
    "Clusters": "For diagnosis only",
    "Neighbourhoods": "UMAP keeps neighbourhoods only",
    "Training": "bookkeeping, not learning",
    "One or several": "on the same test images",
}


@pytest.fixture(scope="module")
def balls(tmp_path_factory):
    """A store with three short runs on one task: hidden classes, one ball, FINCH. Don't change it."""
    return trained(tmp_path_factory.mktemp("balls"), TRAIN)


@pytest.fixture
def runs(own_store, balls) -> dict[str, Run]:
    """These runs in a store that a test may change, by what is special about them."""
    shutil.copytree(balls, own_store)
    told = {run.spec.knobs.get("labels", "one"): run for run in store.runs()}
    assert set(told) == {"finch", "classes", "one"}
    return told


def test_an_empty_store_says_what_to_do(own_store, open_page):
    app = open_page("svdd")
    assert app.title[0].value == "One ball or several?"
    assert "No Deep SVDD run yet" in words(app)


def test_the_page_opens_on_plane_and_radii_with_controls_beside_the_auroc(runs, open_page):
    app = open_page("svdd")
    run = runs["finch"]  # the newest
    assert app.selectbox[0].value == run.id
    assert f"Boundary {run.metrics()['auroc']['value']:.3f}" in words(app)
    assert f"Five nearest training images, pixels {run.controls['nearest-pixels']['auroc']['value']:.3f}" in words(app)
    assert "no published figure for this task" in words(app)
    count = len(run.arrays("portrait")["radii"])
    figure = app.get("plotly_chart")[0].proto.spec
    assert figure.count('"type":"circle"') == count > 1
    assert "inside proves nothing" in words(app)


def test_the_sentence_counts_the_controls_that_beat_the_headline(runs, open_page):
    run = runs["finch"]
    own = run.metrics()["auroc"]["value"]
    for gaps, said in (
        ((-0.1, -0.2, -0.3, -0.4), "None of 4 beats it."),
        ((-0.1, 1e-4, -0.3, -0.4), "**1 of 4 beats it.**"),
        ((0.1, 0.02, 0.3, 0), "**3 of 4 beat it, 1 equals it.**"),
    ):
        lines = {name: {"auroc": {"value": own + gap}} for name, gap in zip(store.CONTROLS, gaps, strict=True)}
        files.write_json(run.folder / "controls.json", lines)
        assert said in words(open_page("svdd", svdd_run=run.id))


def test_another_nu_draws_the_balls_anew_at_once(runs, open_page):
    app = open_page("svdd")
    outside = [d > r for d, r in _members(runs["finch"], 0.3)]
    assert all(abs(each.sum() - 0.3 * len(each)) <= 1 for each in outside)
    slider = next(each for each in app.select_slider if each.label.startswith("nu"))
    assert slider.value == 0.1
    slider.set_value(0.3).run()
    share = percent(np.concatenate(outside).mean())  # 30 % only where the sizes of the balls allow it
    assert f"With nu = 0.3, {share} of the training images" in words(app)
    assert "Radii at nu = 0.3" in app.get("plotly_chart")[1].proto.spec


def _members(run: Run, nu: float):
    portrait = run.arrays("portrait")
    for k in range(len(portrait["radii"])):
        own = portrait["distances"][portrait["clusters"] == k]
        yield own, np.quantile(own, 1 - nu)


@pytest.mark.parametrize("kind", ["finch", "one"])
def test_every_tab_draws_one_ball_and_several(runs, open_page, kind):
    app = open_page("svdd", svdd_run=runs[kind].id)
    for tab in TABS:
        app.session_state["svdd_tab"] = tab
        app.run()
        assert not app.error
        assert [name for name, sentence in TABS.items() if sentence in words(app)] == [tab]


def test_the_picked_image_is_explained(runs, open_page):
    run = runs["finch"]
    app = open_page("svdd", svdd_run=run.id, svdd_tab="One image", image="17")
    tested = run.arrays("test")
    assert "Test image 17" in words(app)
    verdict = "called novel" if run.scores()[17] > run.threshold() else "accepted"
    assert verdict in words(app)
    assert "test image 17" in app.get("plotly_chart")[0].proto.spec
    assert len(tested["novel"]) > 17


def test_replay_follows_its_slider(runs, open_page):
    app = open_page("svdd", svdd_tab="Training")
    assert "after epoch 6" in app.get("plotly_chart")[3].proto.spec
    slider = next(each for each in app.select_slider if each.label == "After epoch")
    slider.set_value(1).run()
    assert "after epoch 1" in app.get("plotly_chart")[3].proto.spec
    assert "No ball has a radius yet" in words(app)


def test_a_level_of_the_hierarchy_shows_its_clusters(runs, open_page):
    app = open_page("svdd", svdd_tab="Clusters")
    levels = runs["finch"].arrays("portrait")["level_labels"]
    sizes = np.bincount(levels[-1])
    assert f"{sizes[0]:,} images" in words(app)
    app.session_state[f"svdd_level_{len(levels)}"] = 0
    app.run()
    assert f"{np.bincount(levels[0])[0]:,} images" in words(app)


def test_clusters_that_another_seed_does_not_find_are_called_doubtful(runs, open_page, rng):
    run = runs["finch"]
    assert "Other seeds find other kinds" not in words(open_page("svdd", svdd_run=run.id, svdd_tab="Clusters"))
    shutil.copytree(run.folder, folder := run.folder.with_name(f"{run.id}-other"))
    about = json.loads((folder / "run.json").read_text())
    files.write_json(folder / "run.json", about | {"spec": about["spec"] | {"seed": 5}})
    portrait = files.read_arrays(folder / "portrait.npz")
    files.write_arrays(folder / "portrait.npz", portrait | {"clusters": rng.permutation(portrait["clusters"])})
    told = words(open_page("svdd", svdd_run=run.id, svdd_tab="Clusters"))
    assert "Other seeds find other kinds" in told and "a doubtful partition" in told
    assert "AUROC lay up to 0.21 apart" in told


def test_a_run_that_was_told_the_classes_says_so(runs, open_page):
    badge = "uses hidden classes"
    assert badge in words(open_page("svdd", svdd_run=runs["classes"].id))
    assert badge not in words(open_page("svdd", svdd_run=runs["finch"].id))


def test_a_collapsed_run_says_so(runs, open_page):
    run = runs["one"]
    collapsed = {"boundary": "Collapsed: all images have nearly the same embedding."}
    files.write_json(run.folder / "run.json", run.about | {"alarms": collapsed})
    assert "Collapsed: all images" in words(open_page("svdd", svdd_run=run.id))


def test_one_ball_is_compared_with_several_of_the_other_method(runs, open_page):
    app = open_page("svdd", svdd_run=runs["finch"].id, svdd_tab="One or several")
    assert "than Deep SVDD on the same test images" in words(app)


def test_what_was_not_trained_on_this_task_can_be_trained(runs, open_page):
    store.delete(runs["one"])
    app = open_page("svdd", svdd_run=runs["finch"].id, svdd_tab="One or several")
    assert "Not trained yet on this task: Deep SVDD" in words(app)
    commands = [each.value for each in app.code]
    assert any("--method deep-svdd" in each and "--target 0,1,3" in each for each in commands)
    assert any("nu=0.01" in each for each in commands)


def test_pictures_that_are_not_computed_are_announced_or_explained(runs, open_page):
    run = runs["finch"]
    plane = {n: a for n, a in run.arrays("projection").items() if not n.startswith("umap")}
    files.write_arrays(run.folder / "projection.npz", plane)
    app = open_page("svdd", svdd_run=run.id, svdd_tab="Neighbourhoods")
    assert "ended before it was computed" in words(app)
    (run.folder / "projection.npz").unlink()
    (run.folder / "train.npz").unlink()
    for tab in TABS:
        app.session_state["svdd_tab"] = tab
        app.run()
        assert not app.error
        assert "ended before it was computed" in words(app)


def test_a_picture_is_being_computed_while_the_process_lives(runs, open_page):
    from filelock import FileLock

    run = runs["finch"]
    (run.folder / "projection.npz").unlink()
    with FileLock(run.folder / "lock", is_singleton=False):
        assert "is being computed" in words(open_page("svdd", svdd_run=run.id))
