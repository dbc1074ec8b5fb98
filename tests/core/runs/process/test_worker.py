"""A run's own process, here in the process of the tests: what it writes, and how it ends."""

import functools
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from core.errors import RunFailed, WrongRequest
from core.methods.rapp import Rapp
from core.runs import files, locks, store
from core.runs.process import slots, worker
from core.runs.results import controls, detectors, page_arrays, projection
from core.runs.run import FOLLOWS
from core.runs.spec import RunSpec, request
from core.runs.store import Run


def small(seed: int = 0, **changes) -> RunSpec:
    """RaPP with two layers on the digit 3: a training of well under a second."""
    changes = {"epochs": 3, "layers": 2, "batch_size": 32} | changes
    return request("digits", "unimodal", "3", "rapp-ae", changes=changes, seed=seed, device="cpu")


@pytest.fixture(scope="module", autouse=True)
def quiet_machine():
    """No lower priority for the tests themselves, and no lasting change of torch's settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "nice", lambda increment: 0)
        yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", -1)  # a checkpoint after every epoch
    monkeypatch.setattr(controls, "controls", lambda run, task, tensors: None)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Run:
    """A run that went through undisturbed, control lines and all; with what it told while it trained."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOVELTY_CHECKPOINTS", str(folder))
        patch.setattr("core.runs.process.progress.LIVE_SECONDS", 0.0)
        news = []
        run = worker.execute(store.create(small()), news.append)
    (folder / "news.json").write_text(json.dumps(news))
    return run


class Killed(BaseException):
    """Passes every handler, as a kill does."""


def killed(spec: RunSpec, after: int) -> Run:
    """A run whose process dies when it has reported so many epochs."""
    run = store.create(spec)

    def die(news: dict) -> None:
        if len(run.progress()) == after:
            raise Killed

    with pytest.raises(Killed):
        worker.execute(run, die)
    return run


def test_a_process_of_its_own_lets_pages_and_other_trainings_go_first(empty, monkeypatch):
    states = []
    monkeypatch.setattr(os, "nice", lambda increment: states.append((increment, run.state)))
    run = store.create(small())
    worker.execute(run, own_process=True)
    assert states == [(5, store.RUNNING), (5, store.FINISHED)]
    states.clear()
    run = store.create(small())
    worker.execute(run)  # of the command line, in front of a person: at full speed
    assert states == []


def weights(run: Run) -> dict[str, torch.Tensor]:
    return files.read_state(run.folder / "detector.safetensors")["networks"]


# --- a run that went through ------------------------------------------------------------------------------------------


def test_a_finished_run_holds_what_its_pages_draw(finished):
    assert finished.state == store.FINISHED
    names = {path.name for path in finished.folder.iterdir()} - {"lock", "log.txt", "heartbeat"}
    assert {"run.json", "state.json", "progress.jsonl", "detector.safetensors", "probe.npz", "snapshots"} <= names
    assert {
        f"{name}.npz" for name in ("test", "scores", "explanations", "portrait", "curves", "neighbours", "controls")
    } <= names
    assert not names & {"checkpoint.safetensors", "live.json", "cancel"} and not [n for n in names if n.startswith(".")]


def test_what_run_json_says(finished):
    about = finished.about
    assert about["format"] == 1 and RunSpec.from_json(about["spec"]) == finished.spec
    assert about["created"] <= about["started"] <= about["finished"]
    assert set(about["metrics"]) == set(about["thresholds"]) == {"reconstruction", "sap", "nap"}
    assert about["counts"]["novel"] == int(finished.novel.sum())
    assert about["environment"]["device"] == "cpu" and about["environment"]["threads"] == torch.get_num_threads()
    assert set(about["environment"]["versions"]) == {"torch", "numpy", "scikit-learn", "safetensors"}
    assert 0 < about["timings"]["training"] <= about["timings"]["total"]
    json.dumps(about, allow_nan=False)  # every browser and database can read it


def test_the_stored_scores_are_those_of_the_stored_detector(finished):
    detector = detectors.load_detector(finished, "cpu")
    images = finished.arrays("test", "images")["images"]
    for name, each in detector.score(images).items():
        np.testing.assert_allclose(finished.scores(name), each, rtol=1e-6, err_msg=name)
    evaluated = detectors.evaluate(finished, "cpu")
    assert evaluated["metrics"] == finished.about["metrics"] and evaluated["thresholds"] == finished.about["thresholds"]


def test_progress_has_a_line_for_every_epoch(finished):
    lines = finished.progress()
    assert [(line["stage"], line["epoch"]) for line in lines] == [
        ("train", 1),
        ("train", 2),
        ("train", 3),
        ("prepare scores", 1),
    ]
    assert all(
        line["epochs"] == {"train": 3, "prepare scores": 1}[line["stage"]] and line["stages"] == 2 for line in lines
    )
    assert lines[-2]["curves"]["validation"] < lines[0]["curves"]["validation"]
    assert all(line["rate"] > 0 and line["seconds"] > 0 for line in lines[:3])


def test_news_say_where_the_training_stands(finished):
    news = json.loads((finished.folder.parent / "news.json").read_text())
    training = [each for each in news if each["stage"] == "train"]
    shares = [each["share"] for each in training]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert [each["epoch"] for each in training] == sorted(each["epoch"] for each in training)
    assert {each["epoch"] for each in training} == {1, 2, 3}
    assert training[-1]["eta"] == 0 and all(each["eta"] >= 0 for each in training[1:])
    after = [each["stage"] for each in news if each["stage"] != "train"]
    assert after[-7:] == ["evaluate", "nearest images", *worker.FOLLOWING.values()] and [*worker.FOLLOWING] == [
        *FOLLOWS
    ]


def test_snapshots_follow_the_main_stage(finished):
    assert list(finished.snapshots()) == [1, 2, 3]
    probe = finished.arrays("probe")
    for file in finished.snapshots().values():
        assert len(finished.arrays(file)["layers"]) == len(probe["images"])


def test_a_run_opens_where_its_dataset_is_missing(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "execute", None)
    monkeypatch.setattr("core.data.load", lambda name: pytest.fail("nobody needs the dataset"))
    judge = detectors.load_judge(finished, "cpu")
    image = finished.arrays("test", "images")["images"][:2]
    assert np.isfinite(judge.judge(image).scores["nap"]).all()
    assert finished.held_out_scores().size and finished.controls and finished.metrics()["auroc"]["value"] > 0.5


# --- how it ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_killed_run_is_interrupted_and_resumes_to_the_same_result(empty, finished, after):
    run = killed(small(), after)
    assert run.state == store.INTERRUPTED and run.mark["state"] == store.RUNNING
    reported = len(run.progress())
    store.mark(run, store.QUEUED)
    worker.execute(run)
    assert run.state == store.FINISHED and reported == after
    expected = weights(finished)
    assert weights(run).keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in weights(run).items())
    assert run.about["metrics"] == finished.about["metrics"]
    for a, b in zip(run.progress(), finished.progress(), strict=True):
        assert a["curves"] == b["curves"]


def test_a_resume_begins_where_the_last_checkpoint_was(empty, monkeypatch):
    run = killed(small(epochs=5), 3)
    trained = []
    step = Rapp.reconstruction_loss
    monkeypatch.setattr(Rapp, "reconstruction_loss", lambda self, images: trained.append(1) or step(self, images))
    store.mark(run, store.QUEUED)
    worker.execute(run)
    # The epoch that was reported when the kill came had no checkpoint yet, so it is trained again.
    assert len(trained) == 3


def test_a_damaged_checkpoint_means_from_the_start(empty, capsys, finished):
    run = killed(small(), 2)
    (run.folder / "checkpoint.safetensors").write_bytes(b"torn")
    store.mark(run, store.QUEUED)
    worker.execute(run)
    assert run.state == store.FINISHED and "begins anew" in capsys.readouterr().err
    assert all(torch.equal(value, weights(finished)[name]) for name, value in weights(run).items())


def test_a_torn_line_is_ended_before_a_resume_writes_on(empty):
    run, torn = killed(small(), 2), '{"number": 0, "epoch": 3, "cur'
    with (run.folder / "progress.jsonl").open("a") as stream:
        stream.write(torn)
    store.mark(run, store.QUEUED)
    worker.execute(run)
    assert [(line["number"], line["epoch"]) for line in run.progress()] == [(0, 1), (0, 2), (0, 3), (1, 1)]
    lines = (run.folder / "progress.jsonl").read_text().splitlines()
    assert [line for line in lines if not line.endswith("}")] == [torn]


def test_a_resume_takes_the_threads_that_the_run_began_with(empty, monkeypatch):
    run = killed(small(), 1)
    about = run.about
    about["environment"]["threads"] = 3
    files.write_json(run.folder / "run.json", about)
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    store.mark(run, store.QUEUED)
    worker.execute(run)
    assert asked == [3] and run.about["environment"]["threads"] == 3


def test_cancel_is_seen_within_a_batch(empty):
    run = store.create(small(epochs=500))

    def cancel(news: dict) -> None:
        if len(run.progress()) == 2:
            (run.folder / "cancel").touch()

    worker.execute(run, cancel)
    assert run.state == store.CANCELLED and len(run.progress()) == 2
    assert not (run.folder / "cancel").exists() and not (run.folder / "live.json").exists()
    assert (run.folder / "checkpoint.safetensors").exists()  # so that it can be resumed


def test_control_c_cancels(empty):
    run = store.create(small())

    def interrupt(news: dict) -> None:
        raise KeyboardInterrupt

    worker.execute(run, interrupt)
    assert run.state == store.CANCELLED


def test_a_run_that_another_process_has_is_refused(empty):
    run = store.create(small())
    locks.let_go(run.folder)
    with (
        FileLock(run.folder / "lock", is_singleton=False),
        pytest.raises(WrongRequest, match="already being trained by another process"),
    ):
        worker.execute(run)
    assert run.mark["state"] == store.QUEUED


def test_a_full_disk_fails_with_its_sentence_and_can_be_resumed(empty, monkeypatch, finished):
    run = store.create(small())
    with monkeypatch.context() as patch:
        write = files.write_state

        def full(path: Path, state) -> None:
            if state.get("epoch") == 2:
                raise OSError(28, "No space left on device")
            write(path, state)

        patch.setattr(files, "write_state", full)
        worker.execute(run)
    assert run.state == store.FAILED and run.sentence == "The disk is full. Free some space, then resume the run."
    assert run.progress() and not [path for path in run.folder.iterdir() if path.name.startswith(".")]
    store.mark(run, store.QUEUED)
    worker.execute(run)
    assert run.state == store.FINISHED
    assert all(torch.equal(value, weights(finished)[name]) for name, value in weights(run).items())


@pytest.mark.parametrize("spared", [True, False])
def test_a_disk_without_any_room_ends_without_a_traceback(empty, monkeypatch, spared):
    """Marking the failure takes room too, spared from the start; where even that is gone, the run is interrupted."""
    run = store.create(small())
    write = files.write_json

    def full(path: Path, content) -> None:
        if len(run.progress()) and (not spared or (run.folder / worker.SPARE).exists()):
            raise OSError(28, "No space left on device")
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_json", full)
        worker.execute(run)
    assert run.state == (store.FAILED if spared else store.INTERRUPTED)
    assert not spared or run.sentence == "The disk is full. Free some space, then resume the run."
    assert not [path for path in run.folder.iterdir() if path.name.startswith(".")]
    store.mark(run, store.QUEUED)
    assert worker.execute(run).state == store.FINISHED


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RunFailed("It diverged. Choose a smaller rate."), "It diverged. Choose a smaller rate."),
        (MemoryError(), "The memory is full. Choose a smaller batch or network, or the device cpu."),
        (
            torch.OutOfMemoryError("CUDA out of memory."),
            "The memory is full. Choose a smaller batch or network, or the device cpu.",
        ),
        (ZeroDivisionError("7 / 0"), "The training stopped on an error (ZeroDivisionError); the log has the details."),
    ],
)
def test_every_failure_is_one_sentence(empty, monkeypatch, capsys, error, sentence):
    def fail(*_):
        raise error

    monkeypatch.setattr(Rapp, "fit_statistics", fail)
    run = worker.execute(store.create(small()))
    assert (run.state, run.sentence) == (store.FAILED, sentence)
    assert type(error).__name__ in capsys.readouterr().err  # the traceback goes to the log


def test_a_training_that_diverges_is_no_detector(empty, monkeypatch):
    fit = Rapp.fit_statistics

    def poison(self, *args) -> None:
        fit(self, *args)
        with torch.no_grad():
            self.encoder[-1].weight[0, 0] = torch.nan

    monkeypatch.setattr(Rapp, "fit_statistics", poison)
    run = worker.execute(store.create(small()))
    assert (run.state, run.sentence) == (
        store.FAILED,
        "The training diverged: a weight is no longer a number. Choose a smaller learning rate.",
    )
    assert not (run.folder / "detector.safetensors").exists()


def test_a_run_is_finished_before_what_follows_is_computed(empty, monkeypatch):
    """And says of each part that it is still to come, until that is there."""
    seen = []

    def noted(done, run, *rest):
        seen.append((run.state, run.mark["follows"][0], run.has("explanations"), run.lacks("portrait")))
        assert run.awaited(run.mark["follows"][0]).endswith("by the run's process; reload the page in a moment.")
        done(run, *rest)

    for module, name in ((page_arrays, "store_reasons"), (page_arrays, "store_portrait"), (projection, "store_map")):
        monkeypatch.setattr(module, name, functools.partial(noted, getattr(module, name)))
    run = worker.execute(store.create(small()))
    assert seen == [
        (store.FINISHED, "reasons", False, True),
        (store.FINISHED, "portrait", True, True),
        (store.FINISHED, "map", True, False),
    ]
    assert not any(run.lacks(part) for part in FOLLOWS) and "follows" not in run.mark


def test_control_lines_that_fail_leave_the_run_finished(empty, monkeypatch, capsys):
    def fail(run, task, tensors):
        assert run.state == store.FINISHED  # they come after the end
        raise RuntimeError("no controls today")

    monkeypatch.setattr(controls, "controls", fail)
    run = worker.execute(store.create(small()))
    assert run.state == store.FINISHED and run.controls == {}
    assert "no controls today" in capsys.readouterr().err


def test_a_run_that_is_deleted_during_its_control_lines_does_not_come_back(empty, monkeypatch, capsys):
    def delete_then_write(run, task, tensors):
        store.delete(run)
        files.write_json(run.folder / "controls.json", {})

    monkeypatch.setattr(controls, "controls", delete_then_write)
    run = worker.execute(store.create(small()))
    assert not run.folder.exists() and store.damaged() == []


# --- slots ------------------------------------------------------------------------------------------------------------


def test_a_run_waits_for_its_slot_and_can_be_cancelled_there(empty):
    run = store.create(small())
    (slot,) = slots.slots()
    with FileLock(slot, is_singleton=False):
        began = time.monotonic()
        (run.folder / "cancel").touch()
        worker.execute(run)
    assert run.state == store.CANCELLED and time.monotonic() - began < 5 and run.progress() == []
