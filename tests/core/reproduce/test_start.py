import pytest

from core.__main__ import parser
from core.errors import WrongRequest
from core.reproduce import start
from core.reproduce.start import Asked, agreed, cancel, grid_of, log_of, plan, running, said, sweep_of, under_way
from core.sweeps import grid, sweep
from tests.core.reproduce.making import asked, finish


def test_the_runs_of_a_table_are_a_sweep_that_carries_its_digest(tmp_path):
    request = asked(tmp_path)
    made = plan(request)
    assert len(made.runs) == len(made.left) == 8
    protocol = agreed(request, made)
    assert running(protocol) is None
    one = sweep_of(protocol, made)
    assert one.name == protocol.sweep and one.name.endswith(protocol.short)
    assert [cell.spec for cell in one.cells] == list(made.runs)
    assert running(protocol) == one and one.grid.method == ("rapp-ae", "deep-svdd")


def test_what_is_trained_is_not_trained_again(tmp_path):
    request = asked(tmp_path)
    for spec in plan(request).runs[:-1]:
        finish(spec, 0.9)
    made = plan(request)
    assert made.left == made.runs[-1:]
    finish(made.left[0], 0.9)
    made = plan(request)
    assert not made.left and sweep_of(agreed(request, made), made) is None


def test_the_grid_of_runs_is_read_as_any_other(tmp_path):
    made = plan(asked(tmp_path))
    shown = grid_of("small", made.runs)
    assert grid.read(shown.to_json()) == shown and shown.seeds == (0, 1)
    assert start._settings(made.runs[0])["knobs.epochs"] == made.runs[0].knobs["epochs"]


def test_words_mean_the_same_to_the_command_line():
    request = Asked("rapp-table-2", "quick", "digits", 3, 5, "cpu", ("ae/*", "*/nap/*"), True)
    words = parser().parse_args(["reproduce", *request.words()])
    assert (words.table, words.quick, words.dataset, words.seeds) == ("rapp-table-2", True, "digits", 3)
    assert (words.epochs, words.device, words.cells, words.anew) == (5, "cpu", ["ae/*", "*/nap/*"], True)
    assert Asked("rapp-table-2", "shortened").words() == ["rapp-table-2"]
    assert Asked("rapp-table-2", "quick").key == request.key == "rapp-table-2-quick-digits"


def test_a_detached_process_leaves_its_words(tmp_path, monkeypatch):
    request = asked(tmp_path, patterns=("nothing/*",))
    assert said(request) == "" and not under_way(request)
    start.submit(request)
    assert log_of(request).exists()
    import time

    until = time.monotonic() + 60
    assert under_way(request)  # though it has said nothing yet
    with pytest.raises(WrongRequest, match="being trained already"):
        start.submit(request)
    while under_way(request) and time.monotonic() < until:
        time.sleep(0.1)
    assert said(request).startswith("No cell is called nothing/*.") and not under_way(request)


def test_cancelling_reaches_the_sweep(tmp_path):
    request = asked(tmp_path)
    made = plan(request)
    protocol = agreed(request, made)
    with pytest.raises(WrongRequest, match="nothing to cancel"):
        cancel(protocol)
    one = sweep_of(protocol, made)
    assert under_way(request)  # queued, its process about to start
    cancel(protocol)
    assert one.cancelling
    sweep.mark(one, sweep.CANCELLED)
    assert not under_way(request)
