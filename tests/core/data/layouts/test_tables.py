import pytest

from core.data.layouts.tables import MOST_BYTES, columns, rows, text
from core.data.layouts.tree import File
from core.errors import WrongRequest


def file(content, size=1):
    return File(("a.csv",), size, lambda: content)


def test_rows_by_column():
    assert list(rows(file("\ufeffName;Class\nx;1\ny;2;3\nz\n".encode()), ";")) == [
        {"Name": "x", "Class": "1"}, {"Name": "y", "Class": "2"}, {"Name": "z", "Class": ""}
    ]  # fmt: skip


def test_columns_without_a_head():
    assert columns(file(b"a\tb, c\n\nd\n")) == [["a", "b, c"], ["d"]]


def test_hostile_tables_are_sentences():
    with pytest.raises(WrongRequest, match="a table may have 50"):
        text(file(b"", MOST_BYTES + 1))
    with pytest.raises(WrongRequest, match="a.csv isn't a table"):
        list(rows(file(b"a;b\n" + b"x" * 200_000 + b";1\n"), ";"))
    assert text(file(b"\xff\0a")) == "\ufffda"
