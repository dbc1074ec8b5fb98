import json

import pytest

from core.__main__ import main
from core.reproduce.start import plan
from core.runs import store
from tests.core.reproduce.making import asked, finish


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))


@pytest.fixture
def trained(tmp_path):
    """The words for a table whose runs are there already."""
    request = asked(tmp_path)
    for spec in plan(request).runs:
        finish(spec, 0.9)
    return ["reproduce", request.table, "--published"]


def told(capsys) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_tables_and_their_cells_are_listed(capsys):
    assert main(["reproduce", "--list", "--json"]) == 0
    assert {"table": "rapp-table-2", "cells": 18}.items() <= told(capsys)["tables"][-4].items()
    assert main(["reproduce", "rapp-table-2", "--list"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "ae/reconstruction/mnist"


def test_a_table_is_sealed_judged_and_written(trained, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([*trained, "--out", str(out), "--json"]) == 0
    content = told(capsys)
    first = content["cells"][0]
    assert first["verdict"]["word"] == "reproduced" and first["published"] == 0.9 and first["finished"] == 4
    assert len(content["protocol"]) == 64 and not content["broken"]
    assert sorted(path.suffix for path in out.iterdir()) == [".csv", ".html", ".json", ".md", ".tex"]
    assert content["protocol"] in (out / "small-published.html").read_text()


def test_shown_as_it_stands_nothing_is_trained(trained, capsys):
    assert main([*trained, "--show"]) == 2
    assert "was not started here" in capsys.readouterr().err
    assert main(trained) == 0
    assert "✓ reproduced" in capsys.readouterr().out
    assert main([*trained, "--show"]) == 0
    assert "✓ reproduced" in capsys.readouterr().out


def test_a_dry_run_seals_nothing(tmp_path, capsys):
    words = ["reproduce", asked(tmp_path).table, "--published", "--dry-run", "--jobs", "2"]
    assert main([*words, "--json"]) == 0
    assert {"runs": 8, "left": 8, "jobs": 2}.items() <= told(capsys).items()
    assert not (store.root() / ".reproductions").exists()


def test_wrong_requests_get_one_sentence(trained, tmp_path, capsys):
    assert main(["reproduce"]) == 2
    assert "Name a table" in capsys.readouterr().err
    assert main(["reproduce", "nonesuch"]) == 2
    assert "There is no table 'nonesuch'" in capsys.readouterr().err
    assert main(trained) == 0
    capsys.readouterr()
    assert main([*trained, "--seeds", "3"]) == 2
    assert "Ask for the same, or seal another with --anew" in capsys.readouterr().err
