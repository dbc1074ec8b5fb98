import numpy as np
import pytest

from core.data import cache
from core.data.dataset import Dataset


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def dataset(rng):
    return Dataset("a", "a", ("x",), rng.integers(0, 256, (5, 3, 4, 4), np.uint8), np.zeros(5, np.int64), 5)


def test_a_set_is_made_once_for_each_state_of_its_source(folder, dataset, tmp_path):
    made = []

    def make():
        made.append(1)
        return dataset

    for changed, times in ((1, 1), (1, 1), (2, 2), (2, 2)):
        np.testing.assert_array_equal(cache.kept(tmp_path / "pets.npz", changed, make).images, dataset.images)
        assert len(made) == times and len(list(folder.iterdir())) == 1
    cache.kept(tmp_path / "other" / "pets.npz", 2, make)
    assert len(made) == 3 and len(list(folder.iterdir())) == 2


def test_a_damaged_copy_is_made_anew(folder, dataset, tmp_path):
    cache.kept(tmp_path / "pets.npz", 1, lambda: dataset)
    (copy,) = folder.iterdir()
    copy.write_bytes(b"torn")
    np.testing.assert_array_equal(cache.kept(tmp_path / "pets.npz", 1, lambda: dataset).images, dataset.images)
    assert copy.stat().st_size > dataset.images.nbytes


def test_size_and_emptying_leave_other_files_alone(folder, dataset, tmp_path):
    assert cache.size() == 0
    cache.kept(tmp_path / "pets.npz", 1, lambda: dataset)
    (folder / "mine.txt").write_text("mine")
    assert cache.size() > dataset.images.nbytes
    cache.empty()
    assert cache.size() == 0 and [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_without_room_the_set_is_still_there(folder, dataset, tmp_path):
    folder.mkdir()
    folder.chmod(0o555)
    assert cache.kept(tmp_path / "pets.npz", 1, lambda: dataset) is dataset
    folder.chmod(0o755)
    assert not list(folder.iterdir())
