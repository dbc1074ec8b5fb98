"""The words of the command line, its exit statuses, and what only a process of its own shows."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.__main__ import INNER, main
from core.runs import files, store
from core.runs.spec import request

PROJECT = Path(__file__).resolve().parents[2]
TRAIN = {"--dataset": "digits", "--scenario": "multimodal", "--target": "3", "--method": "rapp-ae", "--device": "cpu"}


def train_words(*more: str, **changes: str) -> list[str]:
    """The words of a training on digits, with some options changed and some added."""
    options = TRAIN | {f"--{name}": value for name, value in changes.items()}
    return ["train", *(word for pair in options.items() for word in pair), *more]


@pytest.fixture(autouse=True)
def empty_store(tmp_path, monkeypatch) -> Path:
    """An empty store, no image sets but the built-in one, no mirror; also for processes."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NOVELTY_MIRROR", "off")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    monkeypatch.setattr(os, "nice", lambda change: 0)  # the tests themselves are not to become slower
    return tmp_path / "store"


def process(code: str, *, check: int = 0, **settings: str) -> subprocess.CompletedProcess:
    """Run Python code in a process of its own, from the project's root."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == check, done.stderr
    return done


@pytest.mark.parametrize(("asked", "spins"), [({}, "400"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)])
def test_threads_spin_shortly_where_nobody_says_otherwise(asked, spins):
    code = "import os; os.environ.pop('GOMP_SPINCOUNT', None); import core.__main__ as it; it.main(['methods', 'sap'])"
    told = process(f"{code}; print(os.environ.get('GOMP_SPINCOUNT'))", **asked).stdout.split()
    assert told[-1] == str(spins)


@pytest.mark.parametrize(
    ("loaded", "told"),
    [
        ("", "in order\n"),
        ("sys.modules['torch'] = sys", ""),
        ("sys.modules['torch'] = sys.modules['joblib'] = sys", "in order\n"),
        ("sys.modules['torch'] = sys; threading.Thread(target=time.sleep, args=[0.2]).start()", "in order\n"),
        ("sys.modules['torch'] = sys; threading.Thread(target=time.sleep, args=[9], daemon=True).start()", ""),
    ],
)
def test_a_process_with_torch_ends_without_taking_it_apart_unless_others_are_to_be_ended(loaded, told):
    code = f"""
import atexit, sys, threading, time
from core.__main__ import leave
atexit.register(print, "in order")
print("said")
{loaded}
leave(3)
"""
    assert process(code, check=3).stdout == f"said\n{told}"


def test_help_lists_the_commands_for_people(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(f"\n    {name} " in text for name in ("datasets", "methods", "train", "score", "evaluate", "runs"))
    assert all(f"\n    {name} " in text for name in ("resume", "cancel", "delete"))
    assert all(f"\n    {name} " in text for name in ("sweep", "sweeps"))
    assert not any(f" {name} " in text for name in (*INNER, "export"))


@pytest.mark.parametrize("words", [["--json", "runs"], ["runs", "--json"]])
def test_json_may_stand_before_or_after_the_command(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out == '{"runs": [], "damaged": []}\n'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "COMMAND"),
        (["fly"], "'fly'"),
        (["runs", "--state", "asleep"], "'asleep'"),
        (["runs", "--colour"], "--colour"),
        (["train", "--dataset", "digits"], "--scenario"),
        (train_words("--epochs", "many"), "'many'"),
        (train_words("--epo", "3"), "--epo"),
        (train_words(dataset="cats"), "no dataset called 'cats'"),
        (train_words(scenario="upside-down"), "no scenario 'upside-down'"),
        (train_words(target="10"), "no class '10'"),
        (train_words(target="1,2"), "exactly one class"),
        (train_words(method="magic"), "no method 'magic'"),
        (train_words("--preset", "slow"), "no preset 'slow'"),
        (train_words("--set", "epochs=0"), "epochs can't be 0"),
        (train_words("--epochs", "0"), "epochs can't be 0"),
        (train_words("--set", "layers=2", "depth=3"), "no setting 'depth'"),
        (train_words("--set", "layers"), "name=value"),
        (train_words("--scenario-set", "novelty_share=2"), "novelty_share can't be 2"),
        (train_words("--seed", "-1"), "-1"),
        (train_words("--split-seed", "-1"), "-1"),
        (train_words(device="abacus"), "no device 'abacus'"),
        (train_words(dataset="mnist"), "datasets --fetch mnist"),
        (["methods", "magic"], "no method 'magic'"),
        (["runs", "--method", "magic"], "no method 'magic'"),
        (["evaluate", "nothing"], "no run nothing"),
        (["resume", "nothing"], "no run nothing"),
        (["cancel", "../nothing"], "not a run id"),
        (["datasets", "--fetch", "cats"], "no dataset called 'cats'"),
        (["datasets", "--add", "nowhere"], "--name"),
        (["datasets", "--size", "8"], "--add"),
        (["datasets", "--add", "nowhere", "--name", "mine"], "nowhere is neither a folder nor a zip"),
    ],
)
def test_a_wrong_request_gives_one_line_and_status_2(words, said, empty_store, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert not list(empty_store.glob("*"))


def test_data_roots_are_separated_as_in_path(tmp_path, capsys):
    (tmp_path / "second").mkdir()
    images = np.zeros((2, 8, 8), np.uint8)
    np.savez(
        tmp_path / "second" / "blank.npz",
        train_images=images,
        train_labels=np.arange(2),
        class_names=np.array(["a", "b"]),
    )
    roots = os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second")])
    for words in (["datasets", "--json"], ["datasets", "--json", "--data-root", roots]):
        assert main(words) == 0
    unnamed, named = (json.loads(line)["datasets"] for line in capsys.readouterr().out.splitlines())
    assert next(each for each in named if each["name"] == "blank")["present"]
    assert "blank" not in [each["name"] for each in unnamed]


def test_what_only_lists_loads_no_torch():
    commands = [["datasets"], ["methods"], ["methods", "rapp-ae"], ["runs"], ["delete", "nothing"], ["train"]]
    heavy = ("torch", "torchvision", "streamlit", "plotly", "mlflow", "sklearn", "scipy", "umap")
    done = process(
        f"import sys\nfrom core.__main__ import main\nfor words in {commands}: main(words)\n"
        f"print('loaded:', *(name for name in {heavy} if name in sys.modules))"
    )
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_a_reader_that_leaves_early_is_no_error():
    child = subprocess.Popen(
        [sys.executable, "-m", "core", "methods"], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait() == 0


def test_a_terminal_without_unicode_shows_what_it_can():
    store.create(request("digits", "multimodal", "3", "rapp-ae"))  # its title has a middle dot
    done = process(
        "import runpy, sys; sys.argv = ['core', 'runs']; runpy.run_module('core', run_name='__main__')",
        PYTHONIOENCODING="ascii",
    )
    assert "digits \\xb7 all but 3" in done.stdout


def test_the_scorer_ends_with_its_pipe():
    child = subprocess.run([sys.executable, "-m", "core", "scorer"], cwd=PROJECT, input=b"", capture_output=True)
    assert (child.returncode, child.stdout, child.stderr) == (0, b"", b"")


@pytest.fixture
def threads():
    """A resumed run takes the number of threads it began with, here for the whole test process: put it back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_killed_run_resumes_to_the_same_weights(threads, capsys):
    """Killed in epoch 4 with a checkpoint of epoch 3, then resumed, against a run that nobody disturbed."""
    words = train_words("--epochs", "6", "--json")
    dying = f"""
import os, signal
from core.__main__ import main
from core.runs import files
from core.runs.process import worker

worker.CHECKPOINT_SECONDS = -1
write = files.write_state

def write_or_die(path, state):
    if state.get("epoch") == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, state)

files.write_state = write_or_die
main({words})
"""
    process(dying, check=-signal.SIGKILL)
    (killed,) = store.runs()
    assert killed.state == store.INTERRUPTED
    assert [line["epoch"] for line in killed.progress()] == [1, 2, 3, 4]

    assert main(["resume", killed.id, "--json"]) == 0
    assert main(words) == 0
    answer, expected = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert answer["run"] == killed.id != expected["run"]
    assert answer["state"] == expected["state"] == "finished"
    assert answer["scores"] == expected["scores"]
    first, second = (
        dict(_leaves(files.read_state(store.find(each["run"]).folder / "detector.safetensors")))
        for each in (answer, expected)
    )
    assert first.keys() == second.keys() and len(first) > 10
    assert all(np.array_equal(first[name], second[name]) for name in first)


def _leaves(state, path=""):
    """(path, value) of all leaves of a nested state."""
    if isinstance(state, dict | list):
        for name, value in state.items() if isinstance(state, dict) else enumerate(state):
            yield from _leaves(value, f"{path}/{name}")
    else:
        yield path, np.asarray(state)
