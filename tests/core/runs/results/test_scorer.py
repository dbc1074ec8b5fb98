import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import DamagedRun, RunFailed, WrongRequest
from core.runs import store
from core.runs.results import detectors, scorer
from core.runs.results.scorer import Judges, Scorer


@pytest.fixture(scope="module")
def client():
    """One scoring process for all tests of this file that leave it alive."""
    client = Scorer(patience=60)
    yield client
    client.close()


@pytest.fixture
def run(store_with_runs) -> store.Run:
    return store.find("rapp-ae")


@pytest.fixture
def images(run) -> np.ndarray:
    return run.arrays("test", "images")["images"][:6]


def test_a_frame_comes_back_as_it_was_sent():
    stream = io.BytesIO()
    arrays = {"0/scores/nap": np.array([1.5, np.inf]), "empty": np.zeros((0, 1, 8, 8), np.uint8)}
    scorer.send(stream, {"runs": ["é"]}, arrays)
    stream.seek(0)
    header, found = scorer.receive(stream)
    assert header == {"runs": ["é"]}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize(
    "damage", [lambda b: b"garbage " + b, lambda b: b[:-3], lambda b: b[:30] + b"\0" * (len(b) - 30)]
)
def test_what_is_no_frame_is_told_from_one(damage):
    stream = io.BytesIO()
    scorer.send(stream, {}, {"a": np.arange(3)})
    with pytest.raises(scorer.Disconnected):
        scorer.receive(io.BytesIO(damage(stream.getvalue())))


def test_a_frame_with_a_pickle_is_refused():
    stream = io.BytesIO()
    scorer.send(stream, {}, {"a": np.array([print], dtype=object)})
    stream.seek(0)
    with pytest.raises(scorer.Disconnected):
        scorer.receive(stream)


def test_the_process_says_what_the_detector_says_here(client, store_with_runs, images):
    runs = [store.find(name) for name in ("rapp-ae", "rapp-vae")]
    answers = client.judge([(each, images) for each in runs], explain=True)
    for each, answer in zip(runs, answers, strict=True):
        here = detectors.load_judge(each, "cpu").judge(images, explain=True)
        assert answer.thresholds == here.thresholds
        assert answer.marks == here.marks
        assert answer.held_out == here.held_out
        assert answer.explanation.keys() == here.explanation.keys()
        for name in here.scores:
            np.testing.assert_allclose(answer.scores[name], here.scores[name], rtol=1e-5)
            np.testing.assert_allclose(answer.percentiles[name], here.percentiles[name], atol=0.5)
        np.testing.assert_allclose(answer.explanation["layers"], here.explanation["layers"], rtol=1e-4)
        assert answer.explanation["reconstruction"].dtype == np.uint8


def test_a_damaged_run_gives_its_sentence_and_the_others_their_scores(client, run, images, tmp_path):
    damaged = store.Run(tmp_path / run.id)
    shutil.copytree(run.folder, damaged.folder)
    (damaged.folder / "detector.safetensors").unlink()
    first, second = client.judge([(damaged, images), (run, images)])
    assert isinstance(first, DamagedRun)
    assert str(first) == f"The run {run.id} has no detector.safetensors. Delete the run, or import it again."
    assert second.scores["nap"].shape == (6,)


def test_images_of_another_shape_give_the_same_class_of_error(client, run):
    (answer,) = client.judge([(run, np.zeros((2, 3, 8, 8), np.uint8))])
    assert isinstance(answer, WrongRequest)
    assert "shape (1, 8, 8)" in str(answer)


def test_what_a_network_draws_comes_through_the_frames(run):
    drawn = np.arange(128, dtype=np.uint8).reshape(2, 1, 8, 8)
    detector = SimpleNamespace(decode=lambda latents: drawn if latents.shape == (2, 3) else None)
    judges = Judges(load=lambda run, changes: SimpleNamespace(detector=detector))
    told, arrays = scorer.answer({"decode": str(run.folder)}, {"latents": np.zeros((2, 3), np.float32)}, judges)
    assert told == {} and np.array_equal(arrays["images"], drawn)


def test_a_method_that_draws_no_images_says_so(client, run):
    with pytest.raises(WrongRequest, match="RaPP, autoencoder draws no images"):
        client.decode(run, np.zeros((2, 8), np.float32))
    with pytest.raises(WrongRequest, match="0 images can't be drawn at once"):
        client.decode(run, np.zeros((0, 8), np.float32))


@pytest.mark.parametrize("count", [0, 2001])
def test_no_and_too_many_images_are_refused(client, run, count):
    with pytest.raises(WrongRequest, match=f"{count:,} images can't be scored at once. Choose from 1 to 2,000"):
        client.judge([(run, np.zeros((count, 1, 8, 8), np.uint8))])


def test_a_killed_process_is_started_again_without_a_word(client, run, images):
    before = client.judge([(run, images)])[0]
    client.process.kill()
    after = client.judge([(run, images)])[0]
    np.testing.assert_array_equal(after.scores["nap"], before.scores["nap"])


def test_a_process_that_ends_twice_is_an_error(run, images, monkeypatch):
    client = Scorer()
    monkeypatch.setattr(scorer.sys, "executable", shutil.which("true"))
    with pytest.raises(RunFailed, match="ended twice"):
        client.judge([(run, images)])


def test_a_process_that_hangs_is_ended_in_time(run, images):
    client = Scorer(patience=60)
    client.judge([(run, images)])
    os.kill(client.process.pid, signal.SIGSTOP)
    client.patience = 0.2
    with pytest.raises(RunFailed, match="took more than 0.2 s"):
        client.judge([(run, images)])
    assert client.process is None


def test_garbage_ends_the_process_and_what_libraries_print_stays_out_of_the_answers(run, images):
    program = """
from core.runs.results import scorer
scorer._few_threads = lambda: print("hello")
raise SystemExit(scorer.serve())
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=store.PROJECT,
        **{name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")},
    )
    scorer.send(process.stdin, {"runs": [str(run.folder)], "changes": [{}], "explain": False}, {"0": images})
    header, _ = scorer.receive(process.stdout)
    assert header["runs"][0]["held_out"] == len(run.held_out_scores())
    answer, noise = process.communicate(b"no frame at all, and longer than the lengths of one", timeout=30)
    assert answer == b""
    assert noise == b"hello\n"
    assert process.returncode == 0


def test_the_process_ends_with_its_server(run, images):
    program = (
        "import numpy as np, sys\nfrom pathlib import Path\n"
        "from core.runs import store\nfrom core.runs.results import scorer\n"
        "run = store.Run(Path(sys.argv[1]))\n"
        "scorer.shared.judge([(run, np.zeros((1, *run.shape), np.uint8))])\n"
        "print(scorer.shared.process.pid)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, run.folder], cwd=store.PROJECT, capture_output=True, check=True
    )
    deadline = time.monotonic() + 10
    while _works(int(told.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _works(int(told.stdout))


def _works(process: int) -> bool:
    """Whether there is such a process; one that ended has no command line, even before it is reaped."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes() != b""
    except OSError:
        return False


def test_the_least_recently_used_detector_makes_room(store_with_runs):
    loaded = []
    judges = Judges(load=lambda run, changes: loaded.append(run.spec.method) or object(), most=2)
    for name in ("rapp-ae", "rapp-vae", "rapp-ae", "rapp-aae", "rapp-ae", "rapp-vae"):
        judges.of(store.find(name))
    assert loaded == ["rapp-ae", "rapp-vae", "rapp-aae", "rapp-vae"]


def test_a_run_that_changed_is_loaded_again(run, tmp_path):
    copy = store.Run(tmp_path / run.id)
    shutil.copytree(run.folder, copy.folder)
    loaded = []
    judges = Judges(load=lambda run, changes: loaded.append(run.version) or object())
    judges.of(copy)
    judges.of(copy)
    store.mark(copy, store.FINISHED)
    judges.of(copy)
    assert len(loaded) == 2
