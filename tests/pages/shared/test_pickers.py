import json
import shutil
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.runs import store
from pages.shared import pickers


def one_run() -> None:
    import streamlit as st

    from pages.shared import pickers

    run = pickers.run(family="rapp", key="rapp_run")
    st.session_state["chosen"] = run.id
    st.session_state["score"] = pickers.score(run, key="rapp_score")


def several_runs() -> None:
    import streamlit as st

    from pages.shared import pickers

    st.session_state["chosen"] = [run.id for run in pickers.runs(key="compare_runs", first=2)]


def one_image() -> None:
    import streamlit as st

    from pages.shared import pickers

    st.session_state["shown"] = pickers.picked(st.session_state.get("task", "this task"))


@pytest.fixture
def own_store(store_with_runs, tmp_path, monkeypatch):
    """A copy of the trained runs that a test may change."""
    folder = shutil.copytree(store_with_runs, tmp_path / "store")
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(folder))
    return folder


def _sentences(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.warning, *app.markdown)).replace("\\", "")


def test_the_newest_run_comes_first_and_its_id_is_in_the_link(store_with_runs):
    app = AppTest.from_function(one_run).run()
    assert app.session_state["chosen"] == store.runs()[0].id
    assert app.query_params["rapp_run"] == store.runs()[0].id
    assert app.selectbox[0].options[0] == "digits · all but 3 · RaPP, adversarial autoencoder"


def test_a_link_opens_its_run_and_a_choice_changes_the_link(store_with_runs):
    oldest, newest = store.runs()[-1], store.runs()[0]
    app = AppTest.from_function(one_run)
    app.query_params["rapp_run"] = oldest.id
    assert app.run().session_state["chosen"] == oldest.id
    app.selectbox[0].set_value(newest.id).run()
    assert app.session_state["chosen"] == newest.id
    assert app.query_params["rapp_run"] == newest.id


def test_a_link_with_the_beginning_of_an_id_opens_its_run(store_with_runs):
    app = AppTest.from_function(one_run)
    app.query_params["rapp_run"] = "rapp-vae-digits"
    assert app.run().session_state["chosen"].startswith("rapp-vae-digits-multimodal-3-s0-")


def test_a_link_to_a_run_that_is_gone_says_so_and_opens_no_other(own_store):
    gone = store.runs()[0]
    store.delete(gone)
    app = AppTest.from_function(one_run)
    app.query_params["rapp_run"] = gone.id
    app.run()
    assert f"{gone.id} is not here any more" in _sentences(app)
    assert "chosen" not in app.session_state
    assert len(app.selectbox[0].options) == 2
    app.selectbox[0].set_value(store.runs()[0].id).run()
    assert app.session_state["chosen"] == store.runs()[0].id
    assert not app.warning


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("run.json", "{", "run.json of the run"),
        ("state.json", json.dumps({"state": "failed", "since": 0}), "is failed"),
    ],
)
def test_a_link_to_a_damaged_or_unfinished_run_says_what_is_wrong(own_store, file, content, says):
    run = store.runs()[0]
    (run.folder / file).write_text(content)
    app = AppTest.from_function(one_run)
    app.query_params["rapp_run"] = run.id
    assert says in _sentences(app.run())
    assert "chosen" not in app.session_state


def test_a_run_that_was_open_and_is_deleted_elsewhere_is_not_silently_replaced(own_store):
    app = AppTest.from_function(one_run).run()
    store.delete(store.runs()[0])
    assert "not here any more" in _sentences(app.run())


def test_an_empty_store_says_what_to_do_next(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    app = AppTest.from_function(one_run).run()
    assert "No RaPP run yet" in _sentences(app)
    assert [button.label for button in app.button] == ["Train one"]


def test_the_score_begins_with_the_headline_and_follows_a_choice(store_with_runs):
    app = AppTest.from_function(one_run).run()
    assert app.session_state["score"] == "nap"
    assert app.button_group[0].options == ["Reconstruction", "SAP", "NAP"]
    app.button_group[0].set_value("sap").run()
    assert app.session_state["score"] == "sap"


def test_several_runs_begin_with_the_first_few_and_may_all_be_taken_away(store_with_runs):
    app = AppTest.from_function(several_runs).run()
    ids = [run.id for run in store.runs()]
    assert app.session_state["chosen"] == ids[:2]
    app.multiselect[0].set_value([]).run()
    assert app.run().session_state["chosen"] == []
    app.multiselect[0].set_value(ids[1:]).run()
    assert app.session_state["chosen"] == ids[1:]
    assert app.query_params["compare_runs"] == ids[1:]


def test_several_runs_name_those_that_are_gone_and_keep_the_rest(store_with_runs):
    app = AppTest.from_function(several_runs)
    app.query_params["compare_runs"] = [store.runs()[2].id, "rapp-ae-gone"]
    assert app.run().session_state["chosen"] == [store.runs()[2].id]
    assert "rapp-ae-gone" in _sentences(app)


def test_a_picked_image_comes_from_the_link_and_stays_with_its_test_set():
    app = AppTest.from_function(one_image)
    app.query_params["image"] = "12"
    assert app.run().session_state["shown"] == 12
    app.session_state["task"] = "another task"
    assert app.run().session_state["shown"] is None
    assert "image" not in app.query_params
    app.session_state["task"] = "this task"
    assert app.run().session_state["shown"] == 12
    assert app.query_params["image"] == "12"


@pytest.mark.parametrize("nonsense", ["-1", "x", "", "1e3"])
def test_a_link_with_an_image_that_is_no_number_picks_none(nonsense):
    app = AppTest.from_function(one_image)
    app.query_params["image"] = nonsense
    assert app.run().session_state["shown"] is None


def test_runs_of_one_name_are_told_apart_by_what_differs(own_store):
    first = store.runs()[0]
    copy = first.folder.with_name("rapp-aae-copy")
    shutil.copytree(first.folder, copy)
    about = json.loads((copy / "run.json").read_text())
    about["spec"]["knobs"]["bottleneck"] = 3
    (copy / "run.json").write_text(json.dumps(about))
    labels = pickers.labels(store.runs())
    assert len(set(labels.values())) == 4
    assert labels["rapp-aae-copy"].endswith("RaPP, adversarial autoencoder · bottleneck 3")
    shutil.copytree(copy, copy.with_name("rapp-aae-copy-2"))
    assert len(set(pickers.labels(store.runs()).values())) == 5


def test_short_labels_leave_out_the_words_of_the_task_but_not_a_name_of_its_own(own_store):
    first, renamed = store.runs()[:2]
    store.rename(renamed, "the good one")
    labels = pickers.short_labels(store.runs())
    assert pickers.task(first) == "digits · all but 3"
    assert labels[first.id] == first.spec.card.title
    assert labels[renamed.id] == "the good one"


def _run(task: str, shipped: bool, side: int) -> SimpleNamespace:
    of = SimpleNamespace(task=SimpleNamespace(hash=task))
    return SimpleNamespace(spec=of, shipped=shipped, shape=(1, side, side))


@pytest.mark.parametrize(
    ("offered", "tasks"),
    [
        ([("a", False, 8), ("b", False, 8), ("a", True, 8), ("c", True, 28)], ["a", "a"]),
        ([("a", True, 8), ("c", True, 28), ("a", True, 8), ("c", True, 28)], ["c", "c"]),
        ([("a", True, 8), ("b", True, 8)], ["a"]),
    ],
)
def test_of_one_task_is_the_newest_of_the_user_s_own_else_the_shipped_one_that_shows_most(offered, tasks):
    chosen = pickers.of_one_task([_run(*each) for each in offered])
    assert [run.spec.task.hash for run in chosen] == tasks


class _Link(dict):
    """A link that counts how often it is sent to the browser."""

    sent = 0

    def get_all(self, key: str) -> list[str]:
        return self.get(key, [])

    def __setitem__(self, key: str, value: str | list[str]) -> None:
        self.sent += 1
        super().__setitem__(key, [value] if isinstance(value, str) else list(value))


def test_a_choice_is_written_only_where_the_link_says_something_else(monkeypatch):
    """A needless writing takes back what a person has changed since."""
    link = _Link()
    monkeypatch.setattr(pickers.st, "query_params", link)
    for value, sent in (("a", 1), ("a", 1), (["a", "b"], 2), (("a", "b"), 2), ("b", 3), (None, 3), (None, 3)):
        pickers.into_link("run", value)
        assert link.sent == sent
    assert "run" not in link
