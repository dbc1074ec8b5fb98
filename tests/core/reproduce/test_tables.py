"""Tables are data: those that come with the project are whole, and a wrong entry gets a sentence with its line."""

import pytest

from core import methods
from core.errors import WrongRequest
from core.reproduce import tables
from core.reproduce.tables import PUBLISHED, QUICK, SHORTENED, from_file, from_toml, lines_of, published, table

TEXT = """title = "A table"
paper = "A paper"
source = "RaPP, Table 2"
quick_dataset = "digits"

[[columns]]
title = "MNIST"
dataset = "mnist"
scenario = "multimodal"
targets = "each"

[[rows]]
title = "AE"
method = "rapp-ae"
scores = ["nap", "sap"]
shortened = { epochs = 15 }
spread = 0.02

[[rows]]
title = "Deep SVDD"
method = "deep-svdd"
figures = [82.5]
spread = 0.01
"""


def refused(old: str, new: str) -> str:
    with pytest.raises(WrongRequest) as caught:
        from_toml(TEXT.replace(old, new, 1), "mine.toml", "mine")
    return str(caught.value)


@pytest.mark.parametrize("name", tables.names())
def test_every_table_of_the_project_is_whole(name):
    found = table(name)
    assert found.columns and found.rows and found.notes
    assert {row.method for row in found.rows} <= set(methods.METHODS)
    for row in found.rows:
        for score in row.scores:
            for metric in row.metrics:
                figures = [
                    published(row, score, metric, column, place, found.source)
                    for place, column in enumerate(found.columns)
                ]
                assert any(figures) or found.source == "none", f"{row.title} {score} {metric} claims nothing"


def test_published_figures_come_from_the_card_once_and_for_the_right_column():
    rapp = table("rapp-table-2")
    places = {column.title: (place, column) for place, column in enumerate(rapp.columns)}

    def figure(row, score, column):
        place, on = places[column]
        return published(rapp.rows[row], score, "auroc", on, place, rapp.source).value

    assert figure(0, "nap", "MNIST") == 0.899 and figure(2, "nap", "MNIST") == 0.929
    assert figure(1, "sap", "Fashion-MNIST") == 0.671
    svdd = table("deep-svdd-table-1")
    soft, one = (next(row for row in svdd.rows if row.title.endswith(end)) for end in ("soft-boundary", "one-class"))
    third = svdd.columns[3]
    assert third.title == "MNIST 3" and third.targets == (("3",),)
    assert published(soft, "boundary", "auroc", third, 3, svdd.source).value == pytest.approx(0.903)
    assert published(one, "boundary", "auroc", third, 3, svdd.source).value == pytest.approx(0.919)


def test_a_row_s_own_figures_are_scaled_and_may_be_missing():
    clad = table("clad-tables-1-2")
    (row,) = [row for row in clad.rows if row.title == "SVDD"]
    assert published(row, "boundary", "auroc", clad.columns[1], 1, clad.source).value == pytest.approx(0.724)
    vae = table("vae-threshold")
    (row,) = [row for row in vae.rows if row.title == "OC-SVM, F1"]
    assert published(row, "margin", "normal_f1", vae.columns[1], 1, vae.source) is None


def test_scales_change_the_settings_of_a_row():
    row = table("multi-radius-table-1").rows[-1]
    assert row.changes(PUBLISHED) == {"labels": "classes"}
    assert row.changes(SHORTENED)["epochs"] == 30 and row.changes(QUICK)["epochs"] == 20


def test_each_class_in_turn_or_apart():
    whole = from_toml(TEXT, "mine.toml", "mine")
    assert [len(column.targets) for column in whole.columns] == [10]
    apart = from_toml(TEXT.replace('"each"', '"each"\napart = true').replace("figures = [82.5]\n", ""), "m.toml", "m")
    assert [column.title for column in apart.columns][:2] == ["MNIST 0", "MNIST 1"] and len(apart.columns) == 10


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('"rapp-ae"', '"rapp-a"', 14, "no method 'rapp-a'"),
        ('"nap", "sap"', '"nap", "nab"', 15, "no score 'nab'"),
        ("epochs = 15", "epoch = 15", 16, "no setting 'epoch'"),
        ("epochs = 15", "epochs = 0", 16, "epochs can't be 0"),
        ("spread = 0.02", "spred = 0.02", 17, "no key 'spred'"),
        ("spread = 0.02", "spread = 2", 17, "number from 0 to 0.5"),
        ("spread = 0.02\n", "", 12, "spread is missing"),
        ("figures = [82.5]", "figures = [82.5, 1]", 22, "2 numbers for 1 columns"),
        ('dataset = "mnist"', 'dataset = "mnits"', 8, "mnits"),
        ('"multimodal"', '"multi"', 9, "no scenario 'multi'"),
        ("spread = 0.01", 'mistaken = "upside"\nspread = 0.01', 23, "no reading 'upside'"),
        ("spread = 0.01", "deviations = [99]\nspread = 0.01", 23, "before 99"),
        ('"each"', "[]", 10, "Write one entry or more"),
        ('"each"', '"drawn"', 10, "Nothing is drawn"),
    ],
)
def test_a_wrong_entry_gets_one_sentence_with_its_line(old, new, line, words):
    told = refused(old, new)
    assert told.startswith(f"mine.toml, line {line}: ") and words in told


def test_what_is_no_toml_or_no_file(tmp_path):
    assert "is no TOML" in refused("[[rows]]", "[[rows]")
    with pytest.raises(WrongRequest, match="can't be read"):
        from_file(tmp_path / "absent.toml")
    with pytest.raises(WrongRequest, match="Choose from clad"):
        table("nonesuch")


def test_a_table_may_lie_anywhere(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    assert table(str(path)).name == "mine"


def test_lines_count_the_tables_of_an_array():
    found = lines_of("a = 1\n[[rows]]\nx = 2\n[rows.quick]\ny = 3\n[[rows]]\nx = 4\n")
    first = {"rows.0": 2, "rows.0.x": 3, "rows.0.quick": 4, "rows.0.quick.y": 5}
    assert found == {"a": 1, **first, "rows.1": 6, "rows.1.x": 7}
