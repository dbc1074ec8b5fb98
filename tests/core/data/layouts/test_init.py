import json
import pickle

import numpy as np
import pytest

from core.__main__ import main
from core.data import SeveralSets, counts, import_images, inspect, load
from core.errors import WrongRequest
from tests.core.data.layouts.miniatures import CIFAR, MINIATURES, category, mat, npz, pictures, several, visa
from tests.core.data.test_folders import laid_out


@pytest.fixture(params=["folder", "folder.zip"])
def place(tmp_path, request):
    return tmp_path / request.param


@pytest.mark.parametrize("name", MINIATURES)
def test_a_layout_is_read_as_its_authors_meant_it(name, root, place):
    mini = MINIATURES[name]
    source = laid_out(mini.files, place)
    if mini.part:
        with pytest.raises(SeveralSets, match="holds 2 sets") as several_sets:
            inspect(source)
        assert mini.part in several_sets.value.parts
    report = inspect(source, part=mini.part)
    assert report.halves == mini.halves and list(report.halves) == list(mini.halves)
    assert report.left_out == mini.left_out
    assert all(words in report.sentence for words in mini.says), report.sentence
    wanted = mini.images or {each: sum(both) for each, both in mini.halves.items()}
    assert report.classes == wanted

    entry = import_images(source, "mini", None if report.side is None else 8, report.channels, part=mini.part)
    dataset = load("mini")
    found = counts(dataset)
    assert {each: sum(both) for each, both in found.items()} == wanted
    assert entry.classes == tuple(wanted) and report.sentence in entry.note
    if mini.halves:
        assert found == mini.halves
    assert dataset.images.max() > 200 and dataset.images.min() < 50


@pytest.mark.parametrize("name", MINIATURES)
def test_the_command_line_tells_the_same(name, root, tmp_path, capsys):
    mini = MINIATURES[name]
    source = laid_out(mini.files, tmp_path / "folder")
    part = ["--part", mini.part] if mini.part else []
    assert main(["datasets", "--add", str(source), "--dry-run", *part]) == 0
    told = capsys.readouterr().out
    for each, numbers in (mini.halves or {name: (count,) for name, count in mini.images.items()}).items():
        assert [line.split()[-len(numbers) :] for line in told.splitlines() if line.startswith(f"{each} ")][-1] == [
            str(number) for number in numbers
        ]
    assert not list(root.iterdir())
    assert main(["datasets", "--add", str(source), "--name", "mini", "--json", *part]) == 0
    answer = json.loads(capsys.readouterr().out)
    halves = {each: list(both) for each, both in mini.halves.items()}
    assert answer["counts"] == (halves or {name: list(both) for name, both in counts(load("mini")).items()})
    assert answer["found"]["halves"] == halves and answer["datasets"][0]["name"] == "mini"


def test_pixels_are_those_of_the_files(root, tmp_path):
    for name in ("CIFAR-10, binary", "CIFAR-10, MATLAB"):
        import_images(laid_out(MINIATURES[name].files, tmp_path / name), name[10:], None, 3)
        expected = np.concatenate([data for data, _ in CIFAR.values()]).reshape(-1, 3, 32, 32)
        np.testing.assert_array_equal(load(name[10:]).images, expected)


REFUSED = {
    "CIFAR-10, Python": (
        {f"cifar-10-batches-py/{name}": pickle.dumps({}) for name in ("data_batch_1", "test_batch")},
        r"never opened\. Give its binary or MATLAB version",
    ),
    "halves without classes": (several("train", 3) | several("test", 2), "move them to train/CLASS"),
    "pictures beside the halves": (
        several("train/a", 2) | several("test/a", 1) | several("more/b", 2),
        r"pictures beside them in more/b\. Give a folder that holds",
    ),
    "several labels an image": (
        {"chest.npz": npz(train_images=np.zeros((3, 28, 28), np.uint8), train_labels=np.zeros((3, 14), np.uint8))},
        r"one class for each of 3 images",
    ),
    "volumes": (
        {"organ.npz": npz(train_images=np.zeros((3, 9, 9, 9), np.uint8), train_labels=np.zeros((3, 2), int))},
        r"train_images is uint8 \[3, 9, 9, 9\], not numbers .*; train_labels is",
    ),
    "another MATLAB file": ({"a.mat": mat(points=np.zeros((3, 2)))}, r"a\.mat holds points, not bytes X with y"),
    "no MATLAB file": ({"a.mat": b"hello"}, r"a\.mat isn't a MATLAB file"),
    "single arrays": ({"x_train.npy": b"x"}, "give the .npz that they were in"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_with_what_to_give(name, tmp_path):
    files, says = REFUSED[name]
    with pytest.raises(WrongRequest, match=says):
        inspect(laid_out(files, tmp_path / "folder"))


def test_a_part_that_is_not_there_is_refused(tmp_path):
    root = laid_out(category("bottle") | category("cable"), tmp_path / "mvtec")
    with pytest.raises(SeveralSets, match="bottle, cable"):
        inspect(root, part="screw")
    with pytest.raises(WrongRequest, match="no part called 'screw'"):
        inspect(laid_out(visa("candle") | visa("pcb1"), tmp_path / "visa"), part="screw")
    with pytest.raises(WrongRequest, match="one set, without a part called 'a'"):
        inspect(laid_out(pictures("a/1.png", "b/1.png"), tmp_path / "plain"), part="a")


def test_a_pickle_is_never_opened(tmp_path):
    """Its one instruction would write a file."""

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    source = laid_out({"py/data_batch_1": pickle.dumps(Trap()), "py/a.png": b"", "py/test_batch": b""}, tmp_path / "x")
    with pytest.raises(WrongRequest):
        inspect(source)
    assert not (tmp_path / "sprung").exists()
