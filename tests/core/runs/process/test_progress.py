"""Progress as files: lines that survive a kill, news of the epoch under way, the wish to stop."""

import json

import pytest

from core.errors import Cancelled
from core.runs import store
from core.runs.process import progress
from core.runs.process.progress import RunProgress
from core.runs.spec import request
from core.training import Checkpoint


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr(progress, "LIVE_SECONDS", 0.0)
    return store.create(request("digits", "unimodal", "3", "rapp-ae"))


def test_each_epoch_is_a_line_and_news_say_how_far_it_is(run):
    news = []
    told = RunProgress(run, news.append, None)
    told.stage("train", 0, 2, 2, 200)
    told.step(50)
    assert news[-1]["share"] == 0.25 and news[-1]["epoch"] == 1
    told.step(50)
    told.epoch(1, {"loss": 3.0})
    lines = [json.loads(line) for line in (run.folder / "progress.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["epoch"], line["curves"]) for line in lines] == [("train", 1, {"loss": 3.0})]
    assert run.live()["epoch"] == 2 and run.live()["share"] == 0.5
    told.say("evaluate", 0.4)
    assert news[-1]["stage"] == "evaluate"


def test_a_resume_ends_a_torn_line_and_counts_what_was_done(run):
    (run.folder / "progress.jsonl").write_text('{"stage": "tra')
    news = []
    told = RunProgress(run, news.append, Checkpoint(0, 3, {}, {}))
    told.stage("train", 0, 2, 4, 400)
    assert news[-1]["share"] == 0.75 and news[-1]["epoch"] == 4
    told.step(100)
    told.epoch(4, {})
    assert [line["epoch"] for line in run.progress()] == [4]


def test_the_wish_to_stop_is_heard_at_the_next_batch(run):
    told = RunProgress(run, lambda news: None, None)
    told.stage("train", 0, 1, 1, 100)
    told.step(10)
    (run.folder / "cancel").touch()
    with pytest.raises(Cancelled):
        told.step(10)
