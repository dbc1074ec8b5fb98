"""Verdicts from runs that look finished; what stands in their way is said."""

import json
from dataclasses import replace

import numpy as np
import pytest

from core.reproduce.protocol import read
from core.reproduce.results import SHORTENED, reached, results
from core.reproduce.start import agreed, plan
from core.reproduce.verdict import NOT_DECIDABLE, NOT_REPRODUCED, REPRODUCED
from core.runs import files, store
from tests.core.reproduce.making import asked, finish


@pytest.fixture
def sealed(tmp_path):
    request = asked(tmp_path, seeds=4)
    return agreed(request, plan(request))


def fill(cell, mean: float, sweep: str = "", **more):
    return [
        finish(spec, mean + 0.004 * (seed % 2) - 0.002, sweep, **more)
        for row in cell.specs
        for seed, spec in enumerate(row)
    ]


def test_nothing_is_trained_yet(sealed):
    first, _ = results(sealed)
    assert first.verdict.word == NOT_DECIDABLE and first.verdict.reason == "0 of 8 runs are finished"
    assert (first.asked, first.finished, first.runs) == (8, 0, ()) and not first.complete


def test_a_cell_that_is_so(sealed):
    runs = fill(sealed.cells[0], 0.9, sealed.sweep)
    first, _ = results(sealed)
    assert first.verdict.word == REPRODUCED and first.complete and first.verdict.mean == pytest.approx(0.9)
    assert set(first.runs) == {run.id for run in runs}
    assert first.controls == {"pca-error": pytest.approx(0.8)}
    assert not any("not trained for this protocol" in note for note in first.notes)


def test_a_cell_that_is_not_so_and_what_would_explain_it(sealed):
    fill(sealed.cells[0], 0.85)
    first, _ = results(sealed)
    assert first.verdict.word == NOT_REPRODUCED and first.verdict.difference == pytest.approx(-0.05)
    assert any("lies 0.050 below" in note and "deviations 1, 2, 3, 4 of rapp-ae" in note for note in first.notes)
    assert any("8 of 8 runs were not trained for this protocol" in note for note in first.notes)


def test_a_shorter_training_decides_nothing_against_a_figure(tmp_path):
    request = asked(tmp_path, epochs=3)
    protocol = agreed(request, plan(request))
    fill(protocol.cells[0], 0.8)
    first, _ = results(protocol)
    assert first.verdict.word == NOT_DECIDABLE and first.verdict.reason == SHORTENED
    assert first.verdict.difference == pytest.approx(-0.1)
    assert any("the shorter training (not tried longer)" in note for note in first.notes)


def test_both_readings_of_a_mistaken_cell(sealed):
    """Ours ranks the wrong way round; the published code's reading turns that into a good detector."""
    fill(sealed.cells[1], 0.31)
    _, right = results(sealed)
    _, wrong = results(sealed, mistaken=True)
    assert right.verdict.word == NOT_DECIDABLE and right.verdict.reason == "the published code turns it round"
    run = store.find(right.runs[0])
    flipped, error = reached(run, right.cell, mistaken=True)
    assert flipped > 0.5 and error > 0 and reached(run, right.cell)[0] == pytest.approx(0.308)
    assert wrong.verdict.mean == pytest.approx(flipped) and wrong.verdict == right.misread
    assert any("read as the published code does" in note for note in right.notes)


def test_a_broken_seal_takes_every_verdict(sealed):
    fill(sealed.cells[0], 0.9)
    content = json.loads(sealed.path.read_text())
    content["protocol"]["margin"] = 0.3
    sealed.path.write_text(json.dumps(content))
    first, _ = results(read(sealed.path))
    assert first.verdict.word == NOT_DECIDABLE and "edited after it was sealed" in first.verdict.reason


def test_other_libraries_are_said(sealed):
    fill(sealed.cells[0], 0.9, versions={"torch": "1.0"})
    first, _ = results(sealed)
    assert any("8 of 8 runs were trained with torch 1.0; the protocol was sealed with torch" in n for n in first.notes)


def test_a_failed_run_is_counted(sealed):
    fill(sealed.cells[0], 0.9)
    run = store.find(results(sealed)[0].runs[0])
    store.mark(run, store.FAILED, sentence="It broke.")
    first, _ = results(sealed)
    assert first.verdict.reason == "7 of 8 runs are finished, 1 failed" and first.failed == 1


def test_one_source_of_novel_images_may_count(sealed):
    run, cell = fill(sealed.cells[0], 0.9)[0], sealed.cells[0]
    part = replace(cell, part="noise")
    assert reached(run, part) == reached(run, cell)  # one source is the whole
    about = run.about
    about["metrics"]["nap"]["by_source"] = {"noise": {"auroc": {"value": 0.99, "low": 0.98, "high": 1.0}}}
    files.write_json(run.folder / "run.json", about)
    assert reached(run, part)[0] == 0.99 and np.isnan(reached(run, replace(cell, part="other"))[0])


def test_what_a_run_lacks_is_undefined(sealed):
    run = fill(sealed.cells[0], 0.9)[0]
    cell = sealed.cells[0]
    assert np.isnan(reached(run, replace(cell, score="nonesuch"))[0])
