import math

from core.figures.pages.reproduce import Judged, differences, needed, page, verdict_table

NAN = float("nan")
CELLS = [
    Judged("AE", "MNIST", "reproduced", "", "0.900 (0.890 to 0.910)", "0.899", 0.001, 0.01, 4, 4, 0, (1, 2)),
    Judged("VAE", "MNIST", "not reproduced", "", "0.830 (0.820 to 0.840)", "0.927", -0.097, 0.01, 4, 4, 0),
    Judged("A<b>", "MNIST", "not decidable", '2 of "4" runs', "", "", NAN, NAN, 2, 4, 1),
]


def test_verdicts_are_told_by_sign_and_word_too():
    html = verdict_table(["AE", "VAE", "A<b>"], ["MNIST"], CELLS)
    assert "✓ reproduced<sup>1, 2</sup>" in html and "✗ not reproduced" in html and "? not decidable" in html
    assert "A&lt;b&gt;" in html and 'title="2 of &quot;4&quot; runs"' in html and "2 of 4 runs, 1 under way" in html
    assert verdict_table(["AE", "none"], ["MNIST"], CELLS).count("<td></td>") == 1


def test_differences_leave_out_what_is_unknown():
    picture = differences(CELLS, 0.05)
    assert picture.table["cell"] == ["AE · MNIST", "VAE · MNIST"] and picture.table["difference"] == [0.001, -0.097]
    assert "1 of 2 cells lie more than 0.05" in picture.sentence and "VAE, MNIST, by -0.097" in picture.sentence
    assert [trace.marker.symbol for trace in picture.figure.data] == ["circle", "x"]
    assert "No cell" in differences(CELLS[2:], 0.05).sentence


def test_a_curve_of_seeds_ends_where_no_number_is_enough():
    picture = needed((0.02, 0.05), {"a": [None, 3], "b": [None, None]})
    assert list(picture.figure.data[0].y) == [3] and len(picture.figure.data) == 1
    assert "For b no number is enough" in picture.sentence and len(picture.table["seeds"]) == 4


def test_the_page_escapes_what_comes_from_strangers():
    html = page(
        "A <title>",
        "Somebody",
        ["AE", "VAE", "A<b>"],
        ["MNIST"],
        CELLS,
        differences(CELLS, 0.05),
        above=["a & b"],
        footnotes=["<i>"],
        controls={"MNIST": "PCA < 0.8"},
        facts={"x": math.pi},
    )
    assert "<h1>A &lt;title&gt;</h1>" in html and "<li>&lt;i&gt;</li>" in html
    assert "PCA &lt; 0.8" in html and "a &amp; b" in html
