"""Downloads, with a small package in torchvision's place: it writes what torchvision would, in two halves."""

import sys
import textwrap

import numpy as np
import pytest

from core.data import entry, fetch, fetching, load
from core.errors import MissingData, WrongRequest

TORCHVISION = """
import os, struct, time
from pathlib import Path
import numpy as np

def download(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(bytes(size // 2)); file.flush()
        time.sleep(0.6)
        if os.environ.get("BREAK"):
            raise OSError("no route to host")
        file.write(bytes(size - size // 2))

class MNIST:
    def __init__(self, root, download):
        raw = Path(root) / "MNIST/raw"
        globals()["download"](raw / "train-images-idx3-ubyte.gz", 9_912_422)
        globals()["download"](raw / "t10k-images-idx3-ubyte.gz", 1_648_877)
        for name, *shape in (("train-images-idx3", 2, 28, 28), ("train-labels-idx1", 2),
                             ("t10k-images-idx3", 1, 28, 28), ("t10k-labels-idx1", 1)):
            data = struct.pack(f">HBB{len(shape)}i", 0, 8, len(shape), *shape) + bytes([3]) * int(np.prod(shape))
            (raw / f"{name}-ubyte").write_bytes(data)

class CIFAR10:
    def __init__(self, root, train, download):
        if not download and not (Path(root) / "cifar-10-batches-py").exists():
            raise RuntimeError("Dataset not found or corrupted.")
        self.data = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 32, 32, 3) + (0 if train else 7)
        self.targets = [3, 9]
"""


@pytest.fixture
def torchvision(tmp_path, monkeypatch):
    (tmp_path / "fake/torchvision").mkdir(parents=True)
    (tmp_path / "fake/torchvision/__init__.py").touch()
    (tmp_path / "fake/torchvision/datasets.py").write_text(textwrap.dedent(TORCHVISION))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))
    monkeypatch.setattr(fetching, "WATCH_SECONDS", 0.05)


def test_the_download_is_reported_while_it_grows(root, torchvision):
    steps = []
    assert fetch("mnist", lambda fraction, sentence: steps.append((fraction, sentence))).present
    fractions = [fraction for fraction, _ in steps if fraction is not None]
    assert fractions == sorted(fractions)
    assert any(abs(fraction - 0.5 * 9_912_422 / 11_594_722) < 0.001 for fraction in fractions)
    assert "Downloading MNIST: 5.0 of 11.6 MB" in {sentence for _, sentence in steps}
    assert steps[-1] == (None, "Moving MNIST into place")
    assert sorted(path.name for path in root.rglob("*")) == [
        *("MNIST", "raw", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
        *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ]
    assert load("mnist").images.shape == (3, 1, 28, 28) and (load("mnist").labels == 3).all()


def test_what_isnt_idx_is_packed_into_one_npz(root, torchvision):
    fetch("cifar10")
    assert [path.name for path in root.iterdir()] == ["cifar10.npz"]
    expected = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 32, 32, 3).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(load("cifar10").images, np.concatenate([expected, expected + np.uint8(7)]))
    np.testing.assert_array_equal(load("cifar10").labels, [3, 9, 3, 9])


def test_a_damaged_set_is_fetched_again(root, torchvision):
    (root / "cifar10.npz").write_bytes(b"no zip")
    assert not entry("cifar10").present
    assert fetch("cifar10").present and len(load("cifar10").images) == 4


def test_a_failed_download_is_one_sentence_and_leaves_nothing(root, torchvision, monkeypatch):
    monkeypatch.setenv("BREAK", "1")
    with pytest.raises(
        MissingData, match=r"^MNIST couldn't be fetched \(OSError: no route to host\)\. Check the network"
    ):
        fetch("mnist")
    assert not list(root.iterdir()) and not entry("mnist").present


def test_progress_can_cancel(root, torchvision):
    def cancel(fraction, sentence):
        if fraction and fraction > 0.1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fetch("mnist", cancel)
    assert not list(root.iterdir())


def test_a_root_that_cant_be_made_is_a_wrong_request(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path / "file/root"))
    with pytest.raises(WrongRequest, match="can't be written"):
        fetch("mnist")


def test_what_torchvision_left_is_packed_once(root, torchvision, monkeypatch, tmp_path):
    monkeypatch.setenv("NOVELTY_CACHE", str(tmp_path / "cache"))
    (root / "cifar-10-batches-py").mkdir()
    assert entry("cifar10").present and entry("cifar10").origin == str(root / "cifar-10-batches-py")
    first = load("cifar10")
    assert [path.name for path in root.iterdir()] == ["cifar-10-batches-py"], "nothing is written beside it"
    sys.modules["core.data.catalogue"]._read.cache_clear()
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr(fetching, "_run", lambda *_: pytest.fail("packed again"))
    np.testing.assert_array_equal(load("cifar10").images, first.images)


def test_files_that_torchvision_refuses_are_named(root, torchvision, monkeypatch):
    (root / "train_32x32.mat").touch()
    with pytest.raises(MissingData, match=rf"^SVHN can't be read below {root} .*Remove those files and fetch it again"):
        load("svhn")
    assert [path.name for path in root.iterdir()] == ["train_32x32.mat"]


def test_a_root_that_cant_be_written_is_no_hindrance(root, torchvision):
    (root / "cifar-10-batches-py").mkdir()
    root.chmod(0o555)
    try:
        assert load("cifar10").images.shape == (4, 3, 32, 32)
        assert [path.name for path in root.iterdir()] == ["cifar-10-batches-py"]
    finally:
        root.chmod(0o755)


def test_without_a_network_one_sentence(root, monkeypatch):
    pytest.importorskip("torchvision")
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
        monkeypatch.delenv(variable.upper(), raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(MissingData, match="^SVHN couldn't be fetched .*Check the network and try again.$"):
        fetch("svhn")
    assert not list(root.iterdir())
