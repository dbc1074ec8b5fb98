"""The commands about sweeps, through `main`, with workers that are this process."""

import contextlib
import json
from pathlib import Path

import pytest

from core.__main__ import main
from core.cli import sweeps as commands
from core.runs import store
from core.runs.process import worker
from core.sweeps import backends, sweep
from core.sweeps.sweep import Sweep
from tests.core.sweeps.conftest import empty  # noqa: F401 - a fixture
from tests.core.sweeps.small import Here

FILE = """
dataset = "digits"
scenario = "unimodal"
target = [3, 8]
method = ["isolation-forest", "gaussian"]
device = "cpu"
seeds = [0, 1]
[knobs.isolation-forest]
trees = 3
"""


@pytest.fixture
def file(empty, tmp_path, monkeypatch) -> Path:  # noqa: F811
    @contextlib.contextmanager
    def workers(folder, backend, jobs, cluster):
        yield Here(Sweep(Path(folder)))

    monkeypatch.setattr(backends, "workers", workers)
    monkeypatch.setenv("NOVELTY_MIRROR", "off")
    path = tmp_path / "trial.toml"
    path.write_text(FILE)
    return path


def say(capsys, *words) -> tuple[int, str, str]:
    status = main(["sweep", *map(str, words)])
    return status, *capsys.readouterr()


def test_a_dry_run_counts_and_trains_nothing(file, capsys):
    status, out, _ = say(capsys, file, "--dry-run", "--jobs", "2")
    assert status == 0 and out.startswith("trial: 6 runs, 0 are done, 6 are left; of unknown length")
    assert out.endswith("with 2 at once.\n") and store.runs() == [] and sweep.sweeps() == []
    plan = json.loads(say(capsys, file, "--dry-run", "--json")[1])
    assert (plan["runs"], plan["done"], plan["left"], plan["refused"]) == (6, 0, 6, [])


def test_a_sweep_ends_with_a_table_over_seeds_and_is_listed(file, capsys):
    status, out, err = say(capsys, file)
    assert status == 0 and "6 are left" in err and "6/6 runs" in err
    lines = [line.split() for line in out.splitlines()]
    assert lines[0][:2] == ["method", "target"]
    assert [line[:2] for line in lines[1:]] == [
        [method, target] for method in ("isolation-forest", "gaussian") for target in "38"
    ]
    assert lines[1][-3:] == ["2", "of", "2"] and lines[3][-3:] == ["1", "of", "1"]
    assert 0.5 < float(lines[1][4]) <= 1
    assert main(["sweeps", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["sweeps"]
    assert {"sweep": "trial", "state": "finished", "runs": 6, "finished": 6, "failed": 0}.items() <= listed.items()
    status, out, err = say(capsys, "--go-on", "trial", "--json")
    assert status == 0 and "6 are done, 0 are left" in err
    told = json.loads(out)
    assert told["state"] == "finished" and len(told["rows"]) == 6 and len(store.runs()) == 6


def test_a_failed_run_makes_the_status_1_and_is_said(file, capsys, monkeypatch):
    execute = worker.execute

    def fail(run, **how):
        if run.spec.seed == 0:
            return execute(run, **how)
        store.mark(run, store.FAILED, sentence="The memory is full.")
        return run

    monkeypatch.setattr(worker, "execute", fail)
    status, out, err = say(capsys, file)
    assert status == 1 and "1 of 2" in out
    assert "The memory is full." in err and "2 of 6 runs failed." in err and "--go-on trial" in err


def test_refused_cells_are_said_and_do_not_stop_the_rest(file, capsys):
    file.write_text(FILE.replace("[3, 8]", "[3, [0, 1]]").replace('"unimodal"', '["unimodal", "several-normal"]'))
    status, out, _ = say(capsys, file, "--dry-run")
    assert status == 0 and "can't be trained" in out and "takes exactly one class" in out


def test_many_runs_are_asked_for(file, capsys, monkeypatch):
    monkeypatch.setattr(commands, "ASKED_FROM", 5)
    status, out, err = say(capsys, file)
    assert status == 2 and out == "" and "6 runs" in err and "--yes" in err and sweep.sweeps() == []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdin.readline", lambda: "n\n")
    status, _, err = say(capsys, file)
    assert status == 2 and "Nothing was started." in err and sweep.sweeps() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Name the TOML file"),
        (["no.toml"], "no.toml can't be read"),
        (["--go-on", "none"], "no sweep 'none'"),
    ],
)
def test_wrong_words(file, capsys, words, said):
    status, out, err = say(capsys, *words)
    assert status == 2 and out == "" and said in err and len(err.splitlines()) == 1


def test_a_wrong_file_names_the_line(file, capsys):
    file.write_text(FILE.replace("seeds", "sedes"))
    status, _, err = say(capsys, file)
    assert status == 2 and err.startswith("trial.toml, line 7: There is no key 'sedes'")


def test_no_sweeps(file, capsys):
    assert main(["sweeps"]) == 0
    assert capsys.readouterr().out == "There are no sweeps.\n"
