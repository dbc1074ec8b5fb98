import shutil

import numpy as np
import pytest

from core import evaluation
from core.errors import RunFailed
from core.evaluation import Impurities
from core.figures import Kinds
from core.figures.families import vae_latent, vae_line
from core.runs import files, store
from core.runs.results import scorer
from core.runs.spec import request
from core.runs.store import Run
from core.sweeps import cells, grid, sweep
from core.sweeps.rows import Row
from tests.pages.training import trained
from tests.pages.words import button, words

TRAIN = """
changes = {"epochs": 4, "latent": 3}
request = spec.request(
    "digits", "contaminated", "3", "vae-threshold", changes=changes, options={"rate": 0.1, "all_others": True}
)
run = worker.execute(store.create(request))
assert run.state == store.FINISHED, run.sentence
"""
TABS = {  # and a sentence that stands in no other
    "Reconstructions": "Squared and summed, they differ by",
    "Latent space": "points of the plane, decoded",
    "Which score": "the negative ELBO. Both flag",
    "ROC and PR": "Catching 90 % of the novel images",
    "Fitted and new": "Above the line lie",
    "Classes": "slips through most",
    "Training": "The validation loss is lowest",
    "Settings": "No sweep has measured it yet",
    "One-class SVM": "Highest AUROC: VAE threshold",
}


@pytest.fixture(scope="module")
def impure(tmp_path_factory):
    """A store with one short run. Don't change it."""
    return trained(tmp_path_factory.mktemp("impure"), TRAIN)


@pytest.fixture
def run(own_store, impure) -> Run:
    """The run in a store that a test may change."""
    shutil.copytree(impure, own_store)
    (only,) = store.runs()
    return only


@pytest.fixture
def drawing(monkeypatch) -> list[np.ndarray]:
    """What the scoring process is asked to draw; it answers with grey images."""
    asked = []

    def draw(run, latents):
        asked.append(latents)
        return np.full((len(latents), 1, 8, 8), 128, np.uint8)

    monkeypatch.setattr(scorer.shared, "decode", draw)
    return asked


def metric(app, label: str) -> str:
    (found,) = [each for each in app.metric if each.label == label]
    return found.value


def number(app, label: str):
    return next(each for each in app.number_input if each.label.startswith(label))


def test_an_empty_store_says_what_to_do(own_store, open_page):
    app = open_page("vae")
    assert app.title[0].value == "Where would you draw the line?"
    assert "No VAE threshold run yet" in words(app)


def test_the_page_opens_on_the_rule_s_line_with_its_counts(run, open_page):
    app = open_page("vae")
    counts = evaluation.confusion(run.scores(), run.novel, run.threshold())
    assert (
        metric(app, "Novel caught") == f"{counts.caught:,}" and metric(app, "Normal accepted") == f"{counts.accepted}"
    )
    assert metric(app, "F1, normal positive") == f"{counts.normal_f1:.4f}"
    trivial = evaluation.accept_everything(run.novel).normal_f1
    assert f"against accepting everything ({trivial:.4f})" in next(e for e in app.metric if e.label[:2] == "F1").delta
    histogram = app.get("plotly_chart")[0].proto.spec
    train = len(run.arrays("scores", "train/error")["train/error"])
    assert f"training ({train:,})" in histogram and "% of each kind" in histogram
    impure = int((run.arrays("train")["classes"] != "3").sum() + run.arrays("test")["valid_novel"].sum())
    assert impure > 5 and f"In truth {impure} are" in words(app)


def test_either_class_can_be_the_positive_one(run, open_page):
    app = open_page("vae", vae_positive="Novel")
    counts = evaluation.confusion(run.scores(), run.novel, run.threshold())
    assert metric(app, "F1, novel positive") == f"{counts.f1:.4f}"
    assert "calling everything novel" in words(app)
    assert app.table[0].value["counts"].iloc[0].startswith(f"{counts.caught:,} rightly")


def test_a_typed_line_an_assumed_share_and_the_slider_follow_each_other(run, open_page):
    app = open_page("vae")
    tried = float(np.sort(run.scores())[40])
    number(app, "Threshold").set_value(tried).run()
    counts = evaluation.confusion(run.scores(), run.novel, tried)
    assert (
        metric(app, "Novel caught") == f"{counts.caught:,}"
        and metric(app, "Normal rejected") == f"{counts.false_alarms}"
    )
    learned = vae_line.learned_from(run.arrays("scores"), "error")
    assert number(app, "Assumed").value == pytest.approx(100 * vae_line.share_above(*learned, tried))
    number(app, "Assumed").set_value(20.0).run()
    assert number(app, "Threshold").value == Impurities(0.2).threshold(*learned)
    (slider,) = [each for each in app.select_slider if each.label == "Threshold"]
    slider.set_value(3).run()
    moved = number(app, "Threshold").value
    assert moved < Impurities(0.2).threshold(*learned)
    assert metric(app, "Novel caught") == f"{evaluation.confusion(run.scores(), run.novel, moved).caught:,}"
    button(app, "The rule").click().run()
    assert number(app, "Threshold").value == run.threshold()


def test_another_score_has_a_line_of_its_own(run, open_page):
    app = open_page("vae", vae_score="Negative ELBO")
    assert number(app, "Threshold").value == run.threshold("elbo")
    counts = evaluation.confusion(run.scores("elbo"), run.novel, run.threshold("elbo"))
    assert metric(app, "Novel caught") == f"{counts.caught:,}"


@pytest.mark.parametrize("bars", ["Counts", "Log"])
def test_bars_can_count_images(run, open_page, bars):
    app = open_page("vae", vae_bars=bars)
    assert ('"type":"log"' in app.get("plotly_chart")[0].proto.spec) == (bars == "Log")


def test_every_tab_draws(run, open_page, drawing):
    app = open_page("vae")
    for tab in TABS:
        app.session_state["vae_tab"] = tab
        app.run()
        assert not app.exception and not app.error
        assert [name for name, sentence in TABS.items() if sentence in words(app)] == [tab]


def test_the_picked_image_is_explained(run, open_page):
    app = open_page("vae", image="17")
    assert "Test image 17" in words(app)
    assert ("called novel" if run.scores()[17] > run.threshold() else "accepted") in words(app)
    assert "Its latent carries" in words(app)


def test_the_way_between_two_images_is_drawn_from_their_latents(run, open_page, drawing):
    kinds = Kinds.of_test(run.novel)
    usual = vae_latent.most_usual(run.scores(), kinds)
    end, other = np.flatnonzero(kinds.novel)[:2].tolist()
    app = open_page("vae", image=str(end), vae_tab="Latent space")
    embedding = run.arrays("explanations")["test/embedding"]
    (route,) = drawing
    np.testing.assert_array_equal(route[[0, -1]], embedding[[usual, end]])
    assert f"From test image {usual} (circle) to test image {end} (square)" in words(app)
    assert "The two latents lie" in words(app)
    button(app, "Start from this image").click().run()
    assert "click another point to see where it leads" in words(app)
    app.query_params["image"] = str(other)
    app.run()
    assert f"From test image {end} (circle) to test image {other} (square)" in words(app)
    np.testing.assert_array_equal(drawing[-1][[0, -1]], embedding[[end, other]])


def test_a_scoring_process_that_fails_is_told_in_its_place(run, open_page, monkeypatch):
    def fail(run, latents):
        raise RunFailed("The scoring process ended twice.")

    monkeypatch.setattr(scorer.shared, "decode", fail)
    app = open_page("vae", vae_tab="Latent space")
    assert [each.value for each in app.error] == ["The scoring process ended twice."]
    assert "How much each latent unit says" in str([each.proto.spec for each in app.get("plotly_chart")])


def test_the_map_shows_neighbourhoods_and_scores_as_colours(run, open_page, drawing):
    app = open_page("vae", vae_tab="Latent space", vae_map="Neighbourhoods", vae_colour="Score")
    assert "UMAP keeps neighbourhoods only" in words(app)
    (run.folder / "projection.npz").unlink()
    assert "ended before it was computed" in words(open_page("vae", vae_tab="Latent space"))


def test_the_pixels_that_make_two_scores_disagree_are_shown(run, open_page):
    app = open_page("vae", vae_tab="Which score")
    assert "is the greyness of the image itself" in words(app)


def test_what_settings_do_comes_from_a_sweep(run, open_page):
    asked = grid.read(
        {
            "name": "latents",
            "dataset": "digits",
            "scenario": "contaminated",
            "target": "3",
            "method": "vae-threshold",
            "knobs": {"latent": [2, 8]},
        }
    )
    cells_of = cells.expand(asked)
    one = sweep.keep(asked, cells_of)
    found = [
        Row(
            cell.settings,
            cell.spec,
            sweep.FINISHED,
            headline="error",
            metrics={"error": {"auroc": {"value": 0.5 + cell.spec.knobs["latent"] / 20}}},
        )
        for cell in cells_of
    ]
    files.write_json(one.folder / "rows.json", [each.to_json() for each in found])
    app = open_page("vae", vae_tab="Settings")
    assert "AUROC moves most with latent size: 0.6 at 2, 0.9 at 8" in words(app)
    assert "by the sweep latents: 2 runs, one of each setting" in words(app)


def test_the_one_class_svm_is_beside_it_or_can_be_trained(run, open_page):
    app = open_page("vae", vae_tab="One-class SVM")
    assert "No one-class SVM has been trained on this task yet." in words(app)
    assert "--method oc-svm --scenario-set rate=0.1 all_others=True" in app.code[0].value
    settings = request("digits", "contaminated", "3", "oc-svm", options=run.spec.options)
    other = store.root() / settings.slug
    shutil.copytree(run.folder, other)  # its arrays under the names of the other method
    about = run.about | {"spec": settings.to_json(), "name": "", "thresholds": {"margin": run.threshold()}}
    files.write_json(other / "run.json", about | {"metrics": {"margin": run.about["metrics"]["error"]}})
    files.write_arrays(other / "scores.npz", {"test/margin": run.scores(), "valid/margin": run.held_out_scores()})
    app = open_page("vae", vae_tab="One-class SVM", vae_run=run.id)
    told = app.table[-1].value
    assert list(told["detector"])[1:] == ["One-class SVM", "accepting everything", "calling everything novel"]
    assert told["F1, novel positive"].iloc[0] == told["F1, novel positive"].iloc[1]
    assert "has been trained on this task yet" not in words(app)


def test_replay_follows_its_slider(run, open_page):
    app = open_page("vae", vae_tab="Training")
    slider = next(each for each in app.select_slider if each.label == "After epoch")
    slider.set_value(1).run()
    assert "after epoch 1" in "".join(each.proto.spec for each in app.get("plotly_chart")[-2:])


def test_the_same_numbers_come_from_a_command(run, open_page):
    app = open_page("vae")
    app.session_state["vae_code"] = True
    app.run()
    assert f"python -m core evaluate {run.id} --set contamination=0.03031" in [each.value for each in app.code]
