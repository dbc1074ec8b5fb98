"""The block of metrics by kind and convention on a method's page."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation import conventions
from core.figures import three_digits
from core.runs import files, store
from core.runs.store import Run
from tests.pages.words import words


def block(run_id: str, open_: bool) -> None:
    import streamlit as st

    from core.runs import store
    from pages.shared import by_kind, cached

    run = store.find(run_id)
    if open_:
        st.session_state["by_kind_table"] = True
    values = cached.array(run, "scores", "test/nap")
    by_kind.line(run, run.metrics("nap"), cached.kinds(run))
    by_kind.table(run, "nap", run.metrics("nap"), values, cached.kinds(run), "")


def shown(run: Run, open_: bool = True) -> AppTest:
    app = AppTest.from_function(block, args=(run.id, open_)).run()
    assert not app.exception
    return app


@pytest.fixture
def run(store_with_kinds) -> Run:
    return next(run for run in store.runs() if run.spec.method == "rapp-ae")


def test_nothing_is_computed_while_the_block_is_shut(run, monkeypatch):
    monkeypatch.setattr("core.figures.pages.kind_numbers.numbers", lambda *_: pytest.fail("computed"))
    assert not shown(run, open_=False).table


def test_a_row_for_each_kind_in_the_convention_that_is_chosen(run):
    app = shown(run)
    table = app.table[0].value
    assert list(table["Kind"]) == [r"novelty \(91\)", r"gaussian\-noise \(92\)"] and len(table.columns) == 6
    noise = run.metrics("nap")["by_source"]["gaussian-noise"]
    fpr = next(head for head in table.columns if head.startswith("FPR"))
    assert "normal positive" in fpr
    cell = table[fpr].iloc[1].replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")
    assert cell == three_digits(noise["fpr95_normal"])
    app.selectbox(key="by_kind_aupr").set_value("trapezoid").run()
    table = app.table[0].value
    head = next(head for head in table.columns if head.startswith(r"AUPR\-out"))
    assert "trapezoids" in head
    source = run.arrays("test", "source")["source"]
    of = np.isin(source, ["normal", "gaussian-noise"])
    value = conventions.aupr_trapezoid(run.scores("nap")[of], run.novel[of])
    assert table[head].iloc[1].startswith(f"{value:.3f} ")
    assert "as OpenOOD and pytorch-ood compute it" in words(app)


def test_the_accuracy_of_known_classes_stands_where_a_detector_names_them(run):
    assert "Accuracy" not in words(shown(run, open_=False))
    about = json.loads((run.folder / "run.json").read_text())
    files.write_json(run.folder / "run.json", about | {"accuracy": {"value": 0.9944, "low": 0.98, "high": 1.0}})
    assert "Accuracy of the known classes, normal test images: 0.994 (0.980 to 1.000)" in words(shown(run, open_=False))
