import csv
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core.data import npz, torchvision_sets
from core.data.known import KNOWN, SIGNS


def test_every_set_with_a_download_has_a_reader_and_no_other():
    assert torchvision_sets.READERS.keys() == {name for name, known in KNOWN.items() if known.archives}


def test_traffic_signs_are_resized_and_keep_their_tracks(tmp_path, rng):
    pytest.importorskip("torchvision")
    frames = {}
    for path in ("Training/00000/00003_00001.ppm", "Training/00007/00003_00001.ppm", "Final_Test/Images/00000.ppm"):
        file = tmp_path / "gtsrb/GTSRB" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        frames[path] = Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8))
        frames[path].save(file)
    with (tmp_path / "gtsrb/GT-final_test.csv").open("w") as file:
        csv.writer(file, delimiter=";").writerows([["Filename", "ClassId"], ["00000.ppm", 42]])
    torchvision_sets.pack("gtsrb", tmp_path, tmp_path, download=False)
    dataset = npz.read(tmp_path / "gtsrb.npz")
    assert dataset.classes == SIGNS and dataset.train_count == 2 and len(SIGNS) == 43
    assert dataset.labels[2] == 42
    assert dataset.groups.tolist() == [0, 1, -1]
    for image, frame in zip(dataset.images, frames.values(), strict=True):
        expected = np.asarray(frame.resize((32, 32), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(image, expected.transpose(2, 0, 1))


def test_a_pickle_that_isnt_the_official_one_is_never_opened(tmp_path):
    pytest.importorskip("torchvision")
    mark, folder = tmp_path / "opened", tmp_path / "cifar-10-batches-py"
    program = f"cos\nmkdir\n(V{mark}\ntR.".encode()
    pickle.loads(program)
    mark.rmdir()  # so the program works, and would have left its mark
    folder.mkdir()
    for name in ("batches.meta", "test_batch", *(f"data_batch_{number}" for number in range(1, 6))):
        (folder / name).write_bytes(program)
    with pytest.raises(RuntimeError, match="not found or corrupted"):
        torchvision_sets.pack("cifar10", tmp_path, tmp_path, download=False)
    assert not mark.exists()


def test_svhn_is_turned_channel_last(tmp_path, rng, monkeypatch):
    data = rng.integers(0, 256, (4, 3, 32, 32), np.uint8)
    part = SimpleNamespace(data=np.asfortranarray(data), labels=np.array([0, 9, 1, 2]))
    datasets = SimpleNamespace(SVHN=lambda *_, **__: part)
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(datasets=datasets))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    torchvision_sets.pack("svhn", tmp_path, tmp_path, download=False)
    dataset = npz.read(tmp_path / "svhn.npz")
    np.testing.assert_array_equal(dataset.images, np.concatenate([data, data]))
    np.testing.assert_array_equal(dataset.labels[:4], [0, 9, 1, 2])
