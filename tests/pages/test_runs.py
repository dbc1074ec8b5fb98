import shutil

import pytest
from streamlit.testing.v1 import AppTest

from core.mlflow import mirror
from core.runs import store, transfer
from core.runs.process import worker
from core.runs.spec import request
from core.runs.store import Run
from tests.pages.words import button, buttons, words


def column(app: AppTest, name: str) -> list[str]:
    return app.dataframe[0].value[name].tolist()


def ended(state: str, sentence: str = "") -> Run:
    """A run that ended in this state."""
    run = store.create(request("digits", "unimodal", "0", "deep-svdd"))
    store.mark(run, state, sentence=sentence)
    return run


def test_an_empty_store_says_what_to_do(own_store, open_page):
    app = open_page("runs")
    assert app.title[0].value == "What has been trained, and how did it go?"
    assert "No run yet" in words(app)
    button(app, "Train one").click().run()
    assert app.title[0].value == "What should it learn to call normal?"


def test_the_table_has_every_run_with_state_task_and_auroc(filled_store, open_page):
    ended(store.FAILED)
    app = open_page("runs")
    assert column(app, "State") == ["✗ failed", "✓ finished", "✓ finished", "✓ finished"]
    assert column(app, "Name") == ["0", "all but 3", "all but 3", "all but 3"]
    assert column(app, "Method") == [run.spec.method for run in store.runs()]
    metric = store.runs()[1].metrics()["auroc"]
    shown = f"{metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})"
    assert column(app, "AUROC (95 % interval)")[:2] == ["", shown]


def test_runs_that_no_column_tells_apart_are_told_apart_by_name(own_store, open_page):
    for epochs in (3, 4):
        store.create(request("digits", "multimodal", "3", "rapp-ae", changes={"epochs": epochs}))
    assert sorted(column(open_page("runs"), "Name")) == ["all but 3 · epochs 3", "all but 3 · epochs 4"]


def test_filters_choose_and_may_leave_nothing(filled_store, open_page):
    ended(store.FAILED)
    app = open_page("runs")
    app.selectbox(key="runs_method").set_value("rapp-vae").run()
    assert column(app, "Method") == ["rapp-vae"]
    app.selectbox(key="runs_state").set_value("failed").run()
    assert "Take a filter away" in words(app)
    app.selectbox(key="runs_method").set_value(None).run()
    assert column(app, "State") == ["✗ failed"]
    app.text_input(key="runs_text").set_value("ALL BUT").run()
    assert not app.dataframe


def test_a_run_opens_on_the_page_of_its_family(filled_store, open_page):
    run = store.runs()[0]
    app = open_page("runs", run=run.id)
    assert app.dataframe[0].proto.selection_default and app.subheader[0].value.replace("\\", "") == run.name
    button(app, "Open").click().run()
    assert app.title[0].value.startswith("RaPP")
    assert app.query_params["rapp_run"] == run.id


def test_fork_goes_to_the_form_filled_in(filled_store, open_page):
    run = next(each for each in store.runs() if each.spec.method == "rapp-aae")
    app = open_page("runs", run=run.id)
    button(app, "Fork").click().run()
    assert app.selectbox(key="train_method").value == "rapp-aae"


def test_rename_and_an_empty_name(filled_store, open_page):
    run = store.runs()[0]
    app = open_page("runs", run=run.id)
    app.text_input[-1].set_value("for the *class*")
    button(app, "Rename").click().run()
    assert run.name == "for the *class*"
    assert column(app, "Name")[0] == "for the *class*"
    app.text_input[-1].set_value("  ")
    button(app, "Rename").click().run()
    assert "1 to 80 characters" in words(app)
    assert run.name == "for the *class*"


def test_delete_asks_first(filled_store, open_page):
    run = store.runs()[0]
    app = open_page("runs", run=run.id)
    button(app, "Delete").click().run()
    assert run.folder.exists()
    assert run.name in words(app)
    app.button(key="runs_delete_yes").click().run()
    assert not run.folder.exists()
    assert len(column(app, "State")) == 2
    assert "run" not in app.query_params


def test_what_another_window_deleted_is_no_mistake(filled_store, open_page):
    run, live = store.runs()[0], store.create(request("digits", "multimodal", "3", "rapp-ae"))
    app = open_page("runs", run=run.id)
    button(app, "Delete").click().run()
    shutil.rmtree(run.folder)
    app.button(key="runs_delete_yes").click().run()
    assert not app.error and not app.exception
    app = open_page("runs", run=live.id)
    shutil.rmtree(live.folder)
    button(app, "Cancel").click().run()
    assert not app.exception
    assert len(column(app, "State")) == 2


def test_several_are_compared_or_deleted_together(filled_store, open_page):
    runs = store.runs()[:2]
    app = open_page("runs", run=[run.id for run in runs])
    assert app.subheader[0].value == "2 runs chosen"
    button(app, "Delete").click().run()
    app.button(key="runs_delete_yes").click().run()
    assert len(store.runs()) == 1
    app = open_page("runs", run=[store.runs()[0].id, ended(store.FAILED).id])
    button(app, "Compare").click().run()
    assert app.query_params["runs"] == store.runs()[1].id


def test_a_failed_run_shows_its_sentence_and_its_log_and_resumes(filled_store, open_page, monkeypatch):
    run = ended(store.FAILED, "The disk is full. Free some space, then resume the run.")
    (run.folder / "log.txt").write_text("Traceback: no space left")
    app = open_page("runs", run=run.id)
    assert app.error[0].value.replace("\\", "") == run.sentence
    assert app.code[0].value == "Traceback: no space left"
    resumed = []
    monkeypatch.setattr("core.runs.process.jobs.resume", resumed.append)
    button(app, "Resume").click().run()
    assert resumed == [run]


def test_a_live_run_can_be_followed_and_cancelled_but_not_deleted(own_store, open_page):
    run = store.create(request("digits", "multimodal", "3", "rapp-ae"))
    app = open_page("runs", run=run.id)
    assert column(app, "State") == ["◷ queued"]
    assert "Waits its turn" in words(app)
    assert {"Delete", "Resume"}.isdisjoint(buttons(app))
    button(app, "Cancel").click().run()
    worker.execute(run)  # its process, which was still starting, finds that it was cancelled
    app.run()
    assert column(app, "State") == ["■ cancelled"]
    assert "Delete" in buttons(app)


def test_shipped_runs_are_read_only(own_store, trained_store, open_page, monkeypatch):
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: trained_store)
    app = open_page("runs", run=store.runs()[0].id)
    assert column(app, "Name")[0] == "all but 3 (shipped)"
    assert {"Delete", "Rename"}.isdisjoint(buttons(app))
    assert "Fork" in buttons(app)


def test_a_zip_is_imported_and_chosen_and_a_bad_one_is_refused(filled_store, open_page):
    run = store.runs()[0]
    content = transfer.pack(run)
    store.delete(run)
    app = open_page("runs")
    app.file_uploader[0].upload("run.zip", b"no zip").run()
    button(app, "Add it to these runs").click().run()
    assert "This is not a whole zip file" in words(app)
    assert len(store.runs()) == 2
    app.file_uploader[0].upload("run.zip", content).run()
    button(app, "Add it to these runs").click().run()
    assert len(store.runs()) == 3
    assert app.subheader[0].value.replace("\\", "") == run.name
    app.run()
    assert len(store.runs()) == 3


def test_what_is_no_run_is_named_with_what_to_do(filled_store, open_page):
    (filled_store / "left-over").mkdir()
    app = open_page("runs")
    assert "The run left-over has no run.json. Delete the run, or import it again." in words(app)
    app.button(key="runs_delete_left-over").click().run()
    assert (filled_store / "left-over").exists()
    app.button(key="runs_delete_yes").click().run()
    assert not (filled_store / "left-over").exists()
    assert "left-over" not in words(app)


def test_a_run_whose_results_were_taken_away_does_not_take_the_others_with_it(filled_store, open_page):
    hollow = ended(store.FINISHED)
    app = open_page("runs", run=hollow.id)
    assert column(app, "AUROC (95 % interval)")[0] == ""
    assert len(column(app, "State")) == 4
    assert "without results" in words(app)


def test_a_link_to_a_run_that_is_gone_says_so(filled_store, open_page):
    app = open_page("runs", run="rapp-ae-gone")
    assert "There is no run rapp-ae-gone" in words(app)
    assert not app.subheader


@pytest.mark.parametrize(
    ("behind", "says"),
    [(None, ""), (0, "MLflow has a copy of every run"), (2, "2 of these runs wait to be copied to MLflow")],
)
def test_how_far_the_mirror_is_behind(filled_store, open_page, monkeypatch, behind, says):
    monkeypatch.setattr(mirror, "behind", lambda: behind)
    shown = words(open_page("runs"))
    assert says in shown and ("MLflow" in shown) == bool(says)
