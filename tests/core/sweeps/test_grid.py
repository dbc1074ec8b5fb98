"""Grids from TOML and JSON, and the sentence, with its line, for each that can't be."""

import pytest

from core.errors import WrongRequest
from core.runs.folders import PROJECT
from core.runs.spec import request
from core.sweeps import cells, grid

BENCHMARKS = PROJECT / "tests" / "benchmarks" / "sweeps"

WHOLE = """
name = "codes"
dataset = "digits"
scenario = "unimodal"
target = [3, "8"]
method = ["vae-threshold", "rapp-ae", "gaussian"]
epochs = [5, 10]
seeds = [0, 1]

[knobs]
latent = [2, 8]          # the VAE alone has it
learning_rate = 0.001

[knobs.rapp-ae]
bottleneck = [2, 4]
learning_rate = [0.01, 0.1]

[options]
split = ["pooled", "official"]
"""


def test_a_file_gives_its_axes():
    found = grid.from_toml(WHOLE)
    assert found.name == "codes" and found.target == (("3",), ("8",)) and found.seeds == (0, 1)
    assert found.of_method("vae-threshold") == {"latent": (2, 8), "learning_rate": (0.001,)}
    assert found.of_method("rapp-ae") == {"learning_rate": (0.01, 0.1), "bottleneck": (2, 4)}
    assert found.of_method("gaussian") == {}
    assert found.of_scenario("unimodal") == {"split": ("pooled", "official")}
    assert found.axes == {
        "method": ("vae-threshold", "rapp-ae", "gaussian"),
        "target": ("3", "8"),
        "epochs": (5, 10),
        "knobs.latent": (2, 8),
        "knobs.learning_rate": (0.001, 0.01, 0.1),
        "knobs.bottleneck": (2, 4),
        "options.split": ("pooled", "official"),
        "seed": (0, 1),
    }


def test_json_and_toml_go_both_ways():
    found = grid.from_toml(WHOLE)
    assert grid.read(found.to_json()) == found
    assert grid.from_toml(found.to_toml()) == found


def test_several_classes_are_a_list_in_the_list():
    text = WHOLE.replace('[3, "8"]', "[[0, 1, 3], [4, 5], 7]")
    assert grid.from_toml(text).target == (("0", "1", "3"), ("4", "5"), ("7",))


def test_the_name_is_the_file_s_where_the_grid_has_none(tmp_path):
    path = tmp_path / "my-sweep.toml"
    path.write_text(WHOLE.replace('name = "codes"', ""))
    assert grid.from_file(path).name == "my-sweep"


def test_a_value_that_stands_twice_counts_once():
    assert grid.from_toml(WHOLE.replace("seeds = [0, 1]", "seeds = [0, 1, 0]")).seeds == (0, 1)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("seeds = [0, 1]", "sedes = [0, 1]", 8, "no key 'sedes'"),
        ("seeds = [0, 1]", 'seeds = "0"', 8, "seeds can't be '0'. Write a whole number"),
        ("seeds = [0, 1]", "seeds = []", 8, "seeds is an empty list"),
        ("seeds = [0, 1]", "seeds = [true]", 8, "seeds can't be True"),
        ("seeds = [0, 1]", "seeds = [0, -1]", 8, "seeds can't be -1"),
        ("epochs = [5, 10]", "epochs = 0", 7, "epochs can't be 0"),
        ('dataset = "digits"', "dataset = 3", 3, "dataset can't be 3. Write text"),
        ('dataset = "digits"', 'dataset = "cats"', 3, "no dataset called 'cats'"),
        ('scenario = "unimodal"', 'scenario = "odd"', 4, "no scenario 'odd'"),
        ('[3, "8"]', "[3.5]", 5, "target can't be 3.5"),
        ('"rapp-ae", ', '"rap", ', 6, "no method 'rap'"),
        ('name = "codes"', 'name = "../codes"', 2, "can't be called '../codes'"),
        ('name = "codes"', 'preset = "slow"', 2, "no preset 'slow'"),
        ('name = "codes"', 'device = "abacus"', 2, "no device 'abacus'"),
        ("latent = [2, 8]", "latent = [2, 9999]", 11, "latent can't be 9999"),
        ("latent = [2, 8]", 'latent = "2"', 11, "latent can't be '2'"),
        ("latent = [2, 8]", "latents = 2", 11, "no setting 'latents'"),
        ("latent = [2, 8]", "latent = [[2]]", 11, "latent can't be [2]"),
        ("[knobs.rapp-ae]", "[knobs.clad]", 14, "no method 'clad'"),
        ("bottleneck = [2, 4]", "latent = 2", 15, "no setting 'latent'"),
        ('split = ["pooled", "official"]', 'split = "odd"', 19, "split can't be odd"),
        ('split = ["pooled", "official"]', "novelty = 1", 19, "no setting 'novelty'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_its_line(old, new, line, said):
    assert old in WHOLE
    with pytest.raises(WrongRequest) as error:
        grid.from_toml(WHOLE.replace(old, new), "codes.toml")
    text = str(error.value)
    assert text.startswith(f"codes.toml, line {line}: ") and said in text and "\n" not in text


def test_what_lacks_and_what_is_no_toml_is_said():
    with pytest.raises(WrongRequest, match=r"The grid lacks target\. Add a line `target = \.\.\.`"):
        grid.from_toml(WHOLE.replace('target = [3, "8"]', ""), "codes.toml")
    with pytest.raises(WrongRequest, match=r"codes\.toml is no TOML: .*line 5"):
        grid.from_toml(WHOLE.replace('target = [3, "8"]', "target = [3,,]"), "codes.toml")
    with pytest.raises(WrongRequest, match=r"knobs is a table"):
        grid.read(grid.from_toml(WHOLE).to_json() | {"knobs": 3})
    with pytest.raises(WrongRequest, match=r"No method here counts epochs \(gaussian\)"):
        grid.read({"dataset": "digits", "scenario": "unimodal", "target": 3, "method": "gaussian", "epochs": 3})


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(WrongRequest, match="can't be read"):
        grid.from_file(tmp_path / "none.toml")


@pytest.mark.parametrize("file", sorted(BENCHMARKS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_sweeps_behind_the_measured_tables_are_grids(file):
    assert cells.count(grid.from_file(file)) >= 3


@pytest.mark.parametrize(
    "asked",
    [
        ("digits", "contaminated", "3", "vae-threshold"),
        ("digits", "several-normal", ["0", "1"], "nearest-neighbours"),
        ("digits", "latent-super-category", "CUR", "clad"),
        ("digits", "cross-dataset", ["2", "6", "7"], "softmax-twin"),
    ],
)
def test_the_grid_of_a_run_means_that_run(asked):
    changes = {"latent": 3} if asked[-1] == "vae-threshold" else {}
    spec = request(*asked, changes=changes, seed=4, split_seed=1)
    text = grid.of_run(spec).to_toml()
    (cell,) = cells.expand(grid.from_toml(text))
    assert cell.spec.hash == spec.hash
    assert f"{next(iter(spec.knobs))} = " in text


def test_any_setting_of_the_grid_of_a_run_can_become_a_list():
    text = grid.of_run(request("digits", "contaminated", "3", "vae-threshold")).to_toml()
    changed = text.replace("latent = 8", "latent = [2, 8, 32]").replace("\nseeds = 0", "\nseeds = [0, 1]")
    assert cells.count(grid.from_toml(changed)) == 6
    with pytest.raises(WrongRequest, match="^Line 1[0-9]: dropout can't be 'much'"):
        grid.from_toml(text.replace("dropout = 0.0", 'dropout = "much"'))
