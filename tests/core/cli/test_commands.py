"""Each command for real, through `main`, on scikit-learn's digits."""

import contextlib
import csv
import io
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import data, evaluation, glossary, methods
from core.__main__ import main
from core.cli import commands, terminal
from core.knobs import knobs_of
from core.mlflow import mirror
from core.runs import store
from core.runs.process import jobs
from core.runs.results import detectors
from core.runs.spec import request

TASK = ["--dataset", "digits", "--scenario", "multimodal", "--target", "3", "--method", "rapp-ae", "--device", "cpu"]


@dataclass
class Said:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        (line,) = self.out.splitlines()
        return json.loads(line)


def say(*words: str) -> Said:
    """Run one command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([os.fspath(word) for word in words])
    return Said(status, out.getvalue(), err.getvalue())


def settled(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """An own store, no image sets but the built-in one, no mirror."""
    patch.setenv("NOVELTY_CHECKPOINTS", str(folder / "store"))
    patch.setenv("NOVELTY_DATA", str(folder / "data"))
    patch.setenv("NOVELTY_MIRROR", "off")
    patch.setattr("core.runs.folders.shipped_root", lambda: folder / "shipped")
    patch.setattr(os, "nice", lambda change: 0)  # the tests themselves are not to become slower


@pytest.fixture(autouse=True)
def empty_store(tmp_path, monkeypatch) -> None:
    settled(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Said, Said]:
    """A folder with two equal runs in its store, and what `train` said of them: as text, and as JSON."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        settled(folder, patch)
        return folder, say("train", *TASK, "--epochs", "2"), say("train", *TASK, "--set", "epochs=2", "--json")


@pytest.fixture
def run(trained, monkeypatch) -> store.Run:
    """The first of the two runs, which no test changes."""
    settled(trained[0], monkeypatch)
    return store.find(trained[2].json["run"].removesuffix("-2"))


def test_datasets_says_what_is_there_and_how_to_get_the_rest():
    listed = {each["name"]: each for each in say("datasets", "--json").json["datasets"]}
    assert listed["digits"]["present"] and not listed["mnist"]["present"]
    assert listed["digits"]["shape"] == [1, 8, 8] and listed["digits"]["classes"] == list("0123456789")
    text = say("datasets").out
    assert "--fetch mnist downloads 12 MB" in text
    assert all(name in text for name in listed)


def test_a_fetch_shows_its_progress_and_the_set(monkeypatch):
    def fetch(name, progress):
        progress(0.25, "Downloading MNIST: 3 of 12 MB")
        return data.entry("digits")

    monkeypatch.setattr(data, "fetch", fetch)
    said = say("datasets", "--fetch", "mnist")
    assert said.status == 0
    assert "Downloading MNIST: 3 of 12 MB  25%" in said.err
    assert "built in" in said.out and data.entry("digits").note in said.out


def test_a_folder_of_images_becomes_a_dataset_that_can_be_trained_on(tmp_path, rng):
    for name, low in (("dark", 0), ("light", 150)):
        (tmp_path / "own" / name).mkdir(parents=True)
        for number in range(30):
            pixels = rng.integers(low, low + 100, (12, 12), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{number}.png")
    words = ["datasets", "--add", tmp_path / "own", "--name", "own", "--size", "8", "--json"]
    (entry,) = say(*words).json["datasets"]
    assert (entry["name"], entry["classes"], entry["shape"]) == ("own", ["dark", "light"], [1, 8, 8])
    task = ["--dataset", "own", "--scenario", "unimodal", "--target", "dark", "--method", "rapp-ae"]
    assert say("train", *task, "--epochs", "1", "--json").json["state"] == "finished"


def test_methods_lists_every_method_with_its_settings_and_scores():
    listed = say("methods", "--json").json["methods"]
    assert [each["name"] for each in listed] == list(methods.METHODS)
    for each in listed:
        card = methods.card(each["name"])
        assert [knob["name"] for knob in each["knobs"]] == [knob.name for knob in knobs_of(card.knobs)]
        assert card.headline in [score["name"] for score in each["scores"]]
        text = say("methods", card.name).out
        assert all(knob.label in text and terminal.takes(knob) in text for knob in knobs_of(card.knobs))
    (rapp,) = say("methods", "rapp-ae", "--json").json["methods"]
    epochs = next(knob for knob in rapp["knobs"] if knob["name"] == "epochs")
    assert (epochs["kind"], epochs["low"], epochs["high"], epochs["quick"], epochs["paper"]) == (
        "int",
        1,
        5000,
        10,
        200,
    )


def test_train_ends_with_the_documented_line(trained):
    folder, text, line = trained
    assert (text.status, line.status) == (0, 0)
    answer = line.json
    assert list(answer) == ["run", "state", "headline", "scores"]
    assert (answer["state"], answer["headline"]) == ("finished", "nap")
    assert set(answer["scores"]) == {"nap", "sap", "reconstruction"}
    for metrics in answer["scores"].values():
        assert set(metrics) == set(evaluation.METRICS)
        assert all(0 <= each["low"] <= each["value"] <= each["high"] <= 1 for each in metrics.values())


def test_train_shows_metrics_controls_and_last_the_run(run, trained):
    text = trained[1].out
    headline = run.metrics()["auroc"]
    assert f"{headline['value']:.3f} ({headline['low']:.3f} to {headline['high']:.3f})" in text
    for name, title in store.CONTROLS.items():
        assert f"{title} " in text and f"{run.controls[name]['auroc']['value']:.3f} (" in text
    better = run.controls["nearest-pixels"]["auroc"]["value"] >= headline["value"]
    assert ("doesn't beat: Five nearest training images, pixels" in text) == better
    assert text.splitlines()[-1].startswith(f"{run.id}: nap auroc {headline['value']:.3f}, aupr_novel ")
    assert "Published" not in text  # RaPP has no figure on digits
    steps = ["train", "prepare", "evaluate", "nearest", "reasons", "portrait", "plane", "control", "map"]
    assert [line.split()[0].rstrip(":") for line in trained[1].err.splitlines()] == steps


def test_a_second_training_of_the_same_says_so(run, trained):
    _, first, second = trained
    assert f"An equal run exists: {run.id}, finished. This one is {run.id}-2." in second.err.splitlines()
    assert "An equal run exists" not in first.err


def test_epochs_and_set_ask_for_the_same(run, trained):
    second = store.find(trained[2].json["run"])
    assert (second.id, second.spec) == (f"{run.id}-2", run.spec)
    assert run.spec.knobs["epochs"] == 2
    assert second.metrics() == run.metrics()


def test_every_option_reaches_the_run():
    more = ["--preset", "paper", "--set", "layers=3", "bottleneck=5", "--scenario-set", "novelty_share=0.3"]
    said = say(
        "train", *TASK, *more, "--set", "batch_size=128", "--epochs", "1", "--seed", "4", "--split-seed", "2", "--json"
    )
    spec = store.find(said.json["run"]).spec
    assert spec == request(
        "digits",
        "multimodal",
        "3",
        "rapp-ae",
        preset="paper",
        changes={"layers": 3, "bottleneck": 5, "batch_size": 128, "epochs": 1},
        options={"novelty_share": 0.3},
        split_seed=2,
        seed=4,
        device="cpu",
    )


def test_precision_tells_what_bfloat16_gains_and_keeps_nothing():
    before = len(store.runs())
    told = say("precision", "--dataset", "digits", "--method", "rapp-ae", "--set", "batch_size=32", "--json").json
    assert told["float32"] > 0 and told["bfloat16"] > 0 and told["worth"] is (told["gain"] >= 1.1)
    assert told["sentence"].startswith("bfloat16 ")
    assert len(store.runs()) == before


def test_precision_needs_images_whose_size_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    said = say("precision", "--dataset", "tsinghua", "--method", "rapp-ae")
    assert said.status == 2 and "aren't on this machine yet" in said.err


def test_a_run_that_fails_says_why_keeps_a_log_and_can_be_resumed(monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("core.runs.results.page_arrays.store_scores", fail)
        said = say("train", *TASK, "--epochs", "1", "--json")
    assert said.status == 1
    assert (said.json["state"], said.json["scores"]) == ("failed", {})
    run = store.find(said.json["run"])
    assert said.err.splitlines()[-1] == f"{run.id} failed. The disk is full. Free some space, then resume the run."
    assert "Traceback" not in said.err and "Traceback" in run.log()
    assert say("resume", run.id, "--json").json["state"] == "finished"
    assert say("resume", run.id).status == 2


def test_ctrl_c_cancels_and_resume_goes_on(monkeypatch):
    def interrupt(line, news):
        if news["epoch"] == 2:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr(terminal.ProgressLine, "training", interrupt)
        said = say("train", *TASK, "--epochs", "3", "--json")
    signal.signal(signal.SIGINT, before)
    assert (said.status, said.json["state"]) == (1, "cancelled")
    run = store.find(said.json["run"])
    assert said.err == f"{run.id} was cancelled. `python -m core resume {run.id}` goes on with it.\n"
    resumed = say("resume", run.id, "--json")
    assert (resumed.status, resumed.json["state"], resumed.json["run"]) == (0, "finished", run.id)


def test_ctrl_c_after_the_training_leaves_the_run_finished(monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("core.runs.results.controls.controls", interrupt)
    said = say("train", *TASK, "--epochs", "1", "--json")
    assert (said.status, said.json["state"]) == (0, "finished")


def test_a_gpu_that_is_missing_is_a_wrong_request(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    said = say("train", *TASK[:-1], "cuda")
    assert (said.status, store.runs()) == (2, [])
    assert "no CUDA GPU" in said.err


def test_evaluate_finds_the_stored_metrics_again(run):
    said = say("evaluate", run.id, "--json")
    assert said.json == {"run": run.id, "state": "finished", "headline": "nap", "scores": run.about["metrics"]}
    assert say("evaluate", run.id).out.splitlines()[-1].startswith(f"{run.id}: nap auroc")


def test_evaluate_tells_the_accuracy_of_known_classes(run, monkeypatch):
    told = {"accuracy": {"value": 0.9, "low": 0.85, "high": 0.95}}
    monkeypatch.setattr(detectors, "evaluate", lambda run, *_: run.about | told)
    assert "Accuracy of the known classes, normal test images: 0.900 (0.850 to 0.950)" in say("evaluate", run.id).out
    assert say("evaluate", run.id, "--json").json["accuracy"] == told["accuracy"]


def test_evaluate_takes_settings_that_act_after_training(run):
    said = say("evaluate", run.id, "--set", "normal_share=0.8", "--json").json["scores"]["nap"]
    threshold = np.quantile(run.scores(split="valid"), 0.8, method="higher")
    assert said["recall"]["value"] == pytest.approx(np.mean(run.scores()[run.novel == 1] > threshold))
    assert said["auroc"] == run.metrics()["auroc"]
    other = say("evaluate", run.id, "--set", "first_layer=0", "--json").json["scores"]["nap"]
    assert other["auroc"] != run.metrics()["auroc"]
    refused = say("evaluate", run.id, "--set", "layers=3")
    assert refused.status == 2 and "layers acts in training" in refused.err


@pytest.fixture
def pictures(run, tmp_path) -> list[Path]:
    """Three test images of the run as files."""
    paths = [tmp_path / f"{place}.png" for place in (0, 1, -1)]
    for path in paths:
        Image.fromarray(run.arrays("test", "images")["images"][int(path.stem), 0]).save(path)
    return paths


def test_score_says_what_the_run_says_of_the_same_images(run, pictures):
    answer = say("score", run.id, *pictures, "--json").json
    assert answer["thresholds"] == run.about["thresholds"]
    assert [each["image"] for each in answer["images"]] == [str(path) for path in pictures]
    for path, each in zip(pictures, answer["images"], strict=True):
        assert set(each["scores"]) == {"nap", "sap", "reconstruction"}
        for name, said in each["scores"].items():
            expected = run.scores(name)[int(path.stem)]
            assert said["value"] == pytest.approx(expected, rel=1e-4)
            assert said["percentile"] == pytest.approx(100 * np.mean(run.scores(name, "valid") < expected), abs=0.5)
            assert said["novel"] == (expected > run.threshold(name))


def test_score_as_table_and_as_csv(run, pictures):
    expected = say("score", run.id, *pictures, "--score", "sap", "--json").json["images"]
    assert [list(each["scores"]) for each in expected] == [["sap"]] * 3
    rows = list(csv.DictReader(io.StringIO(say("score", run.id, *pictures, "--score", "sap", "--csv").out)))
    assert [row["image"] for row in rows] == [str(path) for path in pictures]
    assert [float(row["value"]) for row in rows] == [each["scores"]["sap"]["value"] for each in expected]
    assert [row["verdict"] == "novel" for row in rows] == [each["scores"]["sap"]["novel"] for each in expected]
    text = say("score", run.id, *pictures, "--score", "sap").out
    assert f"sap: novel is what scores above {run.threshold('sap'):.4g}." in text
    assert f"{expected[0]['scores']['sap']['value']:.4g}" in text


def test_score_takes_settings_that_act_after_training_and_no_others(run, pictures):
    usual = say("score", run.id, *pictures, "--json").json
    half = say("score", run.id, *pictures, "--set", "normal_share=0.5", "--json").json
    for name, threshold in half["thresholds"].items():
        assert threshold == pytest.approx(np.quantile(run.scores(name, "valid"), 0.5, method="higher"))
    for each, other in zip(half["images"], usual["images"], strict=True):
        for name, said in each["scores"].items():
            assert said == other["scores"][name] | {"novel": said["value"] > half["thresholds"][name]}
    window = say("score", run.id, *pictures, "--set", "first_layer=0", "last_layer=0", "--json").json
    for each in window["images"]:  # layer 0 is the input, where SAP is the reconstruction error
        assert each["scores"]["sap"] == pytest.approx(each["scores"]["reconstruction"], rel=1e-4)
    assert window["thresholds"]["sap"] == pytest.approx(run.threshold("reconstruction"), rel=1e-4)
    for setting, said in (("layers=3", "layers acts in training"), ("first_layer=12", "The window 12 to")):
        refused = say("score", run.id, *pictures, "--set", setting)
        assert (refused.status, refused.out) == (2, "") and said in refused.err


def test_score_says_what_it_did_to_an_image(run, tmp_path):
    Image.new("RGB", (20, 10), "white").save(tmp_path / "wide.png")
    said = say("score", run.id, tmp_path / "wide.png").out
    assert (
        f"{tmp_path / 'wide.png'}: made grey, border added to keep its proportions, resized from 20x10 to 8x8." in said
    )


def test_score_takes_a_folder_and_a_broken_file_costs_its_row(run, pictures, tmp_path):
    folder = tmp_path / "mine"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.png", "deeper/a.png"):
        shutil.copy(pictures[0], folder / name)
    (folder / "deeper" / "notes.txt").write_text("of no interest")
    (folder / "z.png").write_text("not an image")
    answer = say("score", run.id, folder, "--json").json["images"]
    names = [str(Path(each["image"]).relative_to(folder)) for each in answer]
    assert names == ["b.png", "deeper/a.png", "z.png"]
    assert [set(each["scores"]) for each in answer] == [{"nap", "sap", "reconstruction"}] * 2 + [set()]
    assert "z.png isn't an image" in answer[2]["error"]
    assert "z.png isn't an image" in say("score", run.id, folder).out
    assert say("score", run.id, folder, "--csv").out.splitlines()[-1].startswith(f"{folder / 'z.png'},,,,")


def test_score_says_where_an_image_is_framed_otherwise(run, tmp_path):
    small = np.zeros((80, 80), np.uint8)
    small[30:50, 35:45] = 255
    for name, image in (("far.png", small), ("near.png", small[29:51, 29:51])):
        Image.fromarray(image).save(tmp_path / name)
    notes = {
        Path(each["image"]).name: each["notes"] for each in say("score", run.id, tmp_path, "--json").json["images"]
    }
    assert any("fills its frame otherwise" in note for note in notes["far.png"])
    assert not any("fills its frame otherwise" in note for note in notes["near.png"])


def test_score_refuses_what_is_no_image(run, pictures, tmp_path):
    (tmp_path / "text.png").write_text("not an image")
    (empty := tmp_path / "empty").mkdir()
    for words, said in (
        ([tmp_path / "absent.png"], "absent.png can't be read"),
        ([tmp_path / "text.png"], "text.png isn't an image"),
        ([empty], "holds no images"),
        ([pictures[0], "--score", "magic"], "no score 'magic'"),
    ):
        refused = say("score", run.id, *words)
        assert (refused.status, refused.out) == (2, "")
        assert said in refused.err and refused.err.count("\n") == 1


def test_runs_can_be_chosen_by_state_and_method(run):
    queued = store.create(request("digits", "unimodal", "1", "rapp-vae"))
    try:
        listed = say("runs", "--json").json["runs"]
        assert {each["run"]: each["state"] for each in listed} == {
            run.id: "finished",
            f"{run.id}-2": "finished",
            queued.id: "queued",
        }
        assert next(each for each in listed if each["run"] == run.id)["auroc"] == run.metrics()["auroc"]
        for words in (["--state", "queued"], ["--method", "rapp-vae"]):
            assert [each["run"] for each in say("runs", *words, "--json").json["runs"]] == [queued.id]
        assert say("runs", "--state", "failed").out == "There are no such runs.\n"
        text = say("runs").out
        assert f"nap {run.metrics()['auroc']['value']:.3f} (" in text and queued.id in text
    finally:  # the store is shared with other tests
        store.mark(queued, store.CANCELLED)
        store.delete(queued)


def test_runs_names_folders_that_are_no_runs(tmp_path):
    (tmp_path / "store" / "holiday").mkdir(parents=True)
    assert say("runs", "--json").json == {"runs": [], "damaged": ["holiday"]}
    assert "Not readable as runs: holiday." in say("runs").out


def test_cancel_stops_a_run_in_another_process():
    run = jobs.submit(request("digits", "multimodal", "3", "rapp-ae", changes={"epochs": 5000}))
    deadline = time.monotonic() + 60
    while not run.progress() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.state == "running"
    refused = say("delete", run.id, "--yes")
    assert refused.status == 2 and "is running" in refused.err
    assert say("cancel", run.id, "--json").json == {"run": run.id, "state": "cancelled"}
    again = say("cancel", run.id)
    assert again.status == 2 and "is cancelled" in again.err


def test_delete_asks_where_somebody_can_answer(monkeypatch):
    run = store.create(request("digits", "multimodal", "3", "rapp-ae"))
    store.mark(run, store.CANCELLED)

    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    refused = say("delete", run.id)
    assert refused.status == 2 and "--yes" in refused.err
    monkeypatch.setattr(sys, "stdin", Keyboard("\n"))
    assert say("delete", run.id, "--json").json == {"run": run.id, "state": "cancelled"}
    assert run.folder.exists()
    monkeypatch.setattr(sys, "stdin", Keyboard("y\n"))
    assert say("delete", run.id, "--json").json == {"run": run.id, "state": "deleted"}
    assert not run.folder.exists()


def test_delete_removes_a_damaged_run():
    run = store.create(request("digits", "multimodal", "3", "rapp-ae"))
    store.mark(run, store.CANCELLED)
    (run.folder / "run.json").write_text("{")
    assert say("delete", run.id, "--yes", "--json").json == {"run": run.id, "state": "deleted"}
    assert not run.folder.exists()


def test_a_job_trains_a_queued_run():
    run = store.create(request("digits", "multimodal", "3", "rapp-ae", changes={"epochs": 1}))
    assert (say("job", run.id).status, run.state) == (0, "finished")
    absent = store.create(request("mnist", "multimodal", "3", "rapp-ae"))
    assert (say("job", absent.id).status, absent.state) == (1, "failed")
    assert "MNIST isn't on this machine" in absent.sentence


def test_whoever_trains_starts_the_mirror(monkeypatch):
    calls = []
    monkeypatch.setattr(mirror, "start", lambda: calls.append("start"))
    monkeypatch.setattr(mirror, "main", lambda: calls.append("main"))
    monkeypatch.setattr(commands.worker, "execute", lambda run, listen: store.mark(run, store.CANCELLED))
    assert say("train", *TASK).status == 1
    (run,) = store.runs()
    assert say("resume", run.id).status == 1
    assert say("mirror").status == 0
    assert calls == ["start", "start", "main"]


def test_names_of_files_neither_steer_the_terminal_nor_run_in_a_spreadsheet(run, pictures, tmp_path):
    for name in ("=1+1.png", "a\x1b[31m.png"):
        (tmp_path / name).write_bytes(Path(pictures[0]).read_bytes())
    told = say("score", run.id, tmp_path / "a\x1b[31m.png").out
    assert "\x1b" not in told and "a\ufffd[31m.png" in told
    assert "\x1b" not in say("score", run.id, tmp_path / "a\x1b[32m.png").err
    with contextlib.chdir(tmp_path):
        rows = list(csv.DictReader(io.StringIO(say("score", run.id, "=1+1.png", "--csv").out)))
    assert rows[0]["image"] == "'=1+1.png" and float(rows[0]["value"]) > 0


def test_glossary_explains_a_term_or_all():
    (term,) = say("glossary", "AUROC", "--json").json["terms"]
    assert term["title"] == "AUROC" and "0.5 is guessing" in term["sentence"]
    assert all(each.sentence in text for text in [say("glossary").out] for each in glossary.TERMS.values())
