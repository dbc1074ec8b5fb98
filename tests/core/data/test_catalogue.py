import io
import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import cache, catalogue, digest, entry, fetch, how_to_get, known_digest, load, npz, roots, set_roots
from core.data.catalogue import BUILT_IN
from core.data.folders import held_out
from core.data.known import CLEAN, JPEG
from core.errors import MissingData, WrongRequest


@pytest.fixture
def real(data_root, root):
    """The real image sets, with an empty first root for what is decoded."""
    set_roots([root, data_root])
    return root


def write_mnist(root: Path, pixel: int) -> None:
    """Two training images and one test image of one value, as MNIST's idx files."""
    (root / "MNIST/raw").mkdir(parents=True, exist_ok=True)
    for half, count in (("train", 2), ("t10k", 1)):
        images = struct.pack(">HBB3i", 0, 8, 3, count, 28, 28) + bytes([pixel]) * count * 784
        (root / f"MNIST/raw/{half}-images-idx3-ubyte").write_bytes(images)
        (root / f"MNIST/raw/{half}-labels-idx1-ubyte").write_bytes(struct.pack(">HBBi", 0, 8, 1, count) + bytes(count))


def test_roots_come_from_the_environment_else_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv("NOVELTY_DATA", os.pathsep.join([str(tmp_path / "a"), "~/b"]))
    assert roots() == [tmp_path / "a", Path.home() / "b"]
    set_roots([tmp_path, Path("~/c")])
    assert roots() == [tmp_path, Path.home() / "c"]
    set_roots([])
    assert len(roots()) == 2
    monkeypatch.delenv("NOVELTY_DATA")
    assert roots() == [Path.home() / ".cache/novelty-explorer"]


def test_chosen_roots_hold_for_child_processes(root, tmp_path):
    set_roots([tmp_path])
    code = "import core.data; print(core.data.roots()[0])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=BUILT_IN.parents[1])
    assert result.stdout.strip() == str(tmp_path)


def test_an_empty_root_offers_the_built_in_digits_and_says_what_can_be_fetched(root):
    entries = {one.name: one for one in catalogue()}
    assert [name for name, one in entries.items() if one.present] == ["digits", "fashion-part"]
    assert [name for name, one in entries.items() if one.download_megabytes] == [
        *("mnist", "fashion-mnist", "emnist-letters", "cifar10", "svhn", "gtsrb")
    ]
    assert entries["digits"].origin == "built in"
    assert "cifar10_jpeg" not in entries and "tiny-imagenet" in entries


def test_digits_equal_scikit_learns():
    sklearn = pytest.importorskip("sklearn.datasets").load_digits()
    digits, places = load("digits"), np.load(BUILT_IN / "digits.npz")
    order = np.concatenate([places["train_indices"], places["test_indices"]])
    np.testing.assert_array_equal(np.sort(order), np.arange(1797))
    np.testing.assert_array_equal(digits.images[:, 0], np.rint(sklearn.images[order] * 255 / 16))
    np.testing.assert_array_equal(digits.labels, sklearn.target[order])


def test_digits_hold_out_a_seeded_fifth_of_each_class():
    digits, places = load("digits"), np.load(BUILT_IN / "digits.npz")
    assert digits.train_count == entry("digits").train_count == 1438
    counts = np.bincount(digits.labels)
    np.testing.assert_array_equal(np.bincount(digits.labels[digits.is_test]), np.rint(counts * 0.2))
    labels = np.empty(1797, np.int64)
    labels[np.concatenate([places["train_indices"], places["test_indices"]])] = digits.labels
    np.testing.assert_array_equal(np.flatnonzero(held_out(labels, 0.2, seed=0)), places["test_indices"])


def test_an_unknown_name_lists_what_there_is(root, arrays):
    np.savez(root / "pets.npz", **arrays)
    for ask in (entry, load, fetch):
        with pytest.raises(
            WrongRequest, match=r"no dataset called 'cats'. On this machine there are digits, fashion-part, pets\."
        ):
            ask("cats")


def test_a_missing_set_says_how_to_get_it(root):
    with pytest.raises(
        MissingData, match=rf"MNIST isn't .* fetch its 12 MB on the Datasets page .* put it into {root}"
    ):
        load("mnist")
    with pytest.raises(MissingData, match=r"Tiny-ImageNet .* can't be fetched: put tiny-imagenet\.npz into"):
        load("tiny-imagenet")
    with pytest.raises(WrongRequest, match="can't be fetched"):
        fetch("tiny-imagenet")


def test_any_npz_in_a_root_is_a_set(root, arrays):
    np.savez(root / "pets.npz", **arrays)
    pets = entry("pets")
    assert (pets.title, pets.classes, pets.shape, pets.present) == ("pets", ("cat", "dog"), (3, 4, 6), True)
    assert pets.origin == str(root / "pets.npz")
    assert len(load("pets").images) == 8


def test_a_damaged_file_is_listed_with_its_fault_and_breaks_nothing_else(root):
    (root / "pets.npz").write_bytes(b"no zip")
    (root / "un safe.npz").write_bytes(b"no zip")
    pets = next(one for one in catalogue() if one.name == "pets")
    assert not pets.present and "pets.npz in" in pets.note and not any(" " in one.name for one in catalogue())
    with pytest.raises(MissingData, match=r"pets\.npz in .* can't be used"):
        load("pets")


def test_a_stand_in_takes_the_place_of_an_absent_set_and_says_so(root, arrays):
    np.savez(root / "svhn_part.npz", **arrays | {"class_names": np.array(list("0123456789"))})
    svhn, own = entry("svhn"), entry("svhn_part")
    assert (svhn.stand_in, svhn.train_count, svhn.note[:31]) == ("svhn_part", 5, "svhn_part.npz stands in for it.")
    assert own.present and own.stand_in is None
    assert load("svhn").name == "svhn" and load("svhn").note == svhn.note
    np.savez(root / "svhn.npz", **arrays | {"class_names": np.array(list("0123456789"))})
    assert entry("svhn").stand_in is None
    assert "Holds 5 of 73,257 training images and 3 of 26,032 test images." in entry("svhn").note


def test_what_pixels_went_through_is_known_of_known_sets_alone(root, arrays):
    np.savez(root / "cifar10_jpeg.npz", **arrays)
    np.savez(root / "mine.npz", **arrays)
    assert entry("cifar10").compression == entry("cifar10_jpeg").compression == JPEG
    assert (entry("digits").compression, entry("svhn").compression, entry("mine").compression) == (CLEAN, CLEAN, "")


def test_groupings_that_name_other_classes_are_left_out(root, arrays):
    np.savez(root / "gtsrb.npz", **arrays)
    assert entry("gtsrb").groupings == {}
    assert list(entry("digits").groupings["as CLAD on MNIST"]) == ["CUR", "STR", "MIX"]


def test_a_grouping_by_beginning_holds_the_classes_of_the_file(root, arrays):
    names = np.array(["wo", "p1", "i10", "w3", "pl5", "x"])
    np.savez(root / "tsinghua.npz", **arrays | {"class_names": names})
    groups = {"prohibitory": ("p1", "pl5"), "warning": ("wo", "w3"), "mandatory": ("i10",)}
    assert entry("tsinghua").groupings == {"by kind": groups}
    np.savez(root / "tsinghua.npz", **arrays | {"class_names": names[:2]})
    assert entry("tsinghua").groupings == {}  # no mandatory sign


def test_reading_needs_hardly_more_memory_than_the_images(real):
    for name, extra in (("mnist", 2e6), ("gtsrb", 15e6)):  # what labels, groups and one chunk need
        tracemalloc.start()
        dataset = load(name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < dataset.images.nbytes + extra


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(root):
    write_mnist(root, pixel=7)
    assert (entry("mnist").train_count, entry("mnist").test_count) == (2, 1)
    assert entry("mnist").origin == str(root / "MNIST/raw")
    assert load("mnist").images.max() == 7
    assert np.shares_memory(load("mnist").images, load("mnist").images)
    write_mnist(root, pixel=9)
    os.utime(root / "MNIST/raw/train-images-idx3-ubyte", ns=(1, 10**18 * 4))
    assert load("mnist").images.max() == 9


def test_a_digest_is_known_where_the_set_is_small_or_was_read_before(root, arrays):
    np.savez(root / "pets.npz", **arrays)
    size = 8 * 3 * 4 * 6
    assert known_digest("pets", size - 1) is None
    found = known_digest("pets", size)
    assert found == digest("pets") == known_digest("pets", 0)
    np.savez(root / "pets.npz", **arrays | {"test_labels": np.array([0, 0, 1])})
    os.utime(root / "pets.npz", ns=(1, 10**18 * 4))
    assert known_digest("pets", 0) is None
    assert known_digest("pets") == digest("pets") != found
    write_mnist(root, pixel=7)
    assert known_digest("mnist", 3 * 784 - 1) is None
    assert known_digest("mnist", 3 * 784) == digest("mnist")


def test_no_digest_is_known_of_what_is_packed_absent_or_damaged(root, arrays):
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, format="JPEG")
    stored = {"train_jpeg": np.frombuffer(picture.getvalue(), np.uint8), "train_labels": np.array([0])}
    stored |= {"train_offsets": np.array([0, len(picture.getvalue())]), "class_names": np.array(["black"])}
    np.savez(root / "packed_pets.npz", **stored)
    (root / "torn.npz").write_bytes(b"no zip")
    np.savez(root / "false.npz", **arrays | {"train_labels": np.array([0, 1, 1, 0, 7])})
    assert [known_digest(name) for name in ("packed_pets", "absent", "svhn", "torn", "false")] == [None] * 5
    assert digest("packed_pets") == known_digest("packed_pets")


def test_fetch_leaves_alone_what_is_there(root, monkeypatch):
    write_mnist(root, pixel=7)
    monkeypatch.setenv("PATH", "")
    assert fetch("mnist", lambda *_: pytest.fail("a download began")).present


def test_importing_and_listing_load_nothing_heavy(root):
    heavy = ["torch", "torchvision", "sklearn", "scipy", "pandas"]
    code = "import sys, core.data as d; d.catalogue(); d.load('digits'); print(*set(sys.modules) & set(sys.argv))"
    result = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, cwd=BUILT_IN.parents[1]
    )
    assert (result.stdout.strip(), result.stderr) == ("", "")


@pytest.mark.parametrize(
    ("name", "first_labels", "train_mean"),
    [("mnist", [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], 0.1307), ("fashion-mnist", [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], 0.2860)],
)
def test_real_idx_sets(real, name, first_labels, train_mean):
    dataset = load(name)
    assert (dataset.shape, len(dataset.images), dataset.train_count) == ((1, 28, 28), 70_000, 60_000)
    np.testing.assert_array_equal(dataset.labels[:10], first_labels)
    assert abs(dataset.images[:60_000].mean() / 255 - train_mean) < 1e-4


def test_real_jpeg_set_is_decoded_once_and_kept_in_the_cache(real, data_root, tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CACHE", str(tmp_path / "cache"))
    packed, exact = np.load(data_root / "packed/cifar10_jpeg.npz"), np.load(data_root / "cifar10_exact.npz")
    end = packed["test_offsets"][1017]
    part = {"test_jpeg": packed["test_jpeg"][:end], "test_offsets": packed["test_offsets"][:1018]}
    (real / "packed").mkdir()
    np.savez(
        real / "packed/cifar10_jpeg.npz",
        **part,
        test_labels=packed["test_labels"][:1017],
        class_names=packed["class_names"],
    )
    set_roots([real])
    dataset = load("cifar10_jpeg")
    np.testing.assert_array_equal(dataset.labels, exact["test_labels"])
    difference = np.abs(dataset.images.transpose(0, 2, 3, 1).astype(int) - exact["test_images"]).mean()
    assert 5.5 < difference < 6.1  # grey levels that the compression costs; shuffled images differ by over 60
    assert sorted(path.name for path in real.rglob("*")) == ["cifar10_jpeg.npz", "packed"], "the user's folder stays"
    assert cache.size() > dataset.images.nbytes
    monkeypatch.setattr(npz, "_decode", lambda *_: pytest.fail("decoded again"))
    sys.modules["core.data.catalogue"]._read.cache_clear()
    np.testing.assert_array_equal(load("cifar10").images, dataset.images)


def test_real_tracks_and_drawers_become_groups(real):
    gtsrb, omniglot = load("gtsrb"), load("omniglot_part")
    tracks = np.unique(gtsrb.groups[: gtsrb.train_count], return_counts=True)[1]
    assert len(tracks) == 1307 and set(tracks.tolist()) == {9, 10}
    assert (gtsrb.groups[gtsrb.train_count :] == -1).all()
    assert len(np.unique(omniglot.groups)) == 8 * 20
    assert not set(omniglot.groups[omniglot.is_test].tolist()) & set(omniglot.groups[~omniglot.is_test].tolist())


def test_every_real_set_is_as_its_entry_says(real):
    quick = [one for one in catalogue() if one.present and "jpeg" not in one.origin]
    assert len(quick) >= 9
    for one in quick:
        dataset = load(one.name)
        assert (dataset.shape, dataset.classes, dataset.train_count) == (one.shape, one.classes, one.train_count)
        assert len(dataset.images) == one.train_count + one.test_count
        assert dataset.labels.min() >= 0 and dataset.labels.max() < len(one.classes)


def test_files_that_are_there_are_never_called_absent(root):
    (root / "MNIST/raw").mkdir(parents=True)
    (root / "MNIST/raw/train-images-idx3-ubyte").write_bytes(b"hello")
    found = entry("mnist")
    assert not found.present and "lacks MNIST/raw/train-labels-idx1-ubyte, " in found.trouble
    with pytest.raises(MissingData, match="lacks MNIST/raw/train-labels"):
        load("mnist")
    (root / "pets.npz").write_bytes(b"hello")
    pets = entry("pets")
    assert not pets.present and "pets.npz in" in pets.trouble and "not a zip file" in pets.trouble
    assert how_to_get(pets) == pets.trouble


def test_what_is_absent_says_where_its_files_are_looked_for(root):
    told = how_to_get(entry("mnist"))
    assert "MNIST/raw/{train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte" in told
    assert "raw or gzipped, or mnist.npz." in told and f"put it into {root} as" in told
    assert "train_32x32.mat as torchvision leaves it or svhn.npz" in how_to_get(entry("svhn"))


@pytest.mark.parametrize("folder", ["MNIST/raw", "MNIST", "MNIST/raw/gzip"])
@pytest.mark.parametrize("dots", [False, True])
def test_idx_files_are_found_however_they_were_unpacked(root, folder, dots):
    write_mnist(root, pixel=7)
    for path in list((root / "MNIST/raw").iterdir()):
        place = root / folder / (path.name.replace("-idx", ".idx") if dots else path.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    assert entry("mnist").origin == str(root / folder) and load("mnist").images.max() == 7
