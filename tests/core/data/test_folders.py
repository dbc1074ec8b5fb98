import io
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import catalogue, folders, held_out, import_images, inspect, load, uploads
from core.errors import WrongRequest


def png(value, size=(20, 10)) -> bytes:
    """A PNG of one colour (a triple) or grey (a number)."""
    Image.new("L" if isinstance(value, int) else "RGB", size, value).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def laid_out(files: dict[str, bytes], place: Path) -> Path:
    """A folder with these files, or a zip where `place` ends so."""
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return place
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


@pytest.fixture(params=["pets", "pets.zip"])
def place(tmp_path, request):
    return tmp_path / request.param


PETS = {f"cat/{i}.png": png(10 + i) for i in range(5)} | {f"dog/{i}.png": png((200, 50, i)) for i in range(10)}


def test_a_report_on_a_folder_or_zip(place):
    files = PETS | {"cat/copy.png": png(10), "dog/same.png": png(10), "dog/wide.png": png(7, (64, 8))}
    report = inspect(laid_out(files, place))
    assert report.classes == {"cat": 6, "dog": 12}
    assert (report.smallest, report.median, report.largest) == ((20, 8), (20, 10), (64, 10))
    assert (report.channels, report.side) == (3, 28)
    assert (report.duplicates, report.contradictions) == (2, 1)
    assert report.skipped == ()


def test_grey_pictures_in_colour_files_are_suggested_as_grey(place):
    assert inspect(laid_out({f"a/{i}.png": png((i, i, i), (40, 40)) for i in range(5)}, place)).channels == 1
    assert inspect(laid_out({"b/1.png": png((9, 99, 9), (40, 40))}, place)).channels == 3


def test_what_is_skipped_is_said(place):
    cut = png(3, (200, 200))[:-30]
    extra = {"cat/.DS_Store": b"x", "__MACOSX/cat/._0.png": b"x", "cat/notes.txt": b"hello", "dog/cut.png": cut}
    report = inspect(laid_out(PETS | extra | {"stray.txt": b"hello"}, place))
    assert report.classes == {"cat": 5, "dog": 10}
    reasons = dict(report.skipped)
    assert reasons.keys() == extra.keys() | {"stray.txt"}
    assert "hidden" in reasons["cat/.DS_Store"] and "hidden" in reasons["__MACOSX/cat/._0.png"]
    assert "isn't an image" in reasons["cat/notes.txt"] and "dog/cut.png is damaged" in reasons["dog/cut.png"]
    assert "outside the folders" in reasons["stray.txt"]


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["cat/1.png", "dog/1.png"], {"cat": 1, "dog": 1}),
        (["data/cat/1.png", "data/dog/1.png"], {"cat": 1, "dog": 1}),
        (["data/cat/1.png", "data/dog/old/1.png", "data/dog/new/deep/1.png"], {"cat": 1, "dog": 2}),
        (["1.png", "2.png"], {"pets": 2}),
        (["good/1.png", "good/2.png"], {"good": 2}),
        (["1.png", "cat/1.png", "dog/1.png"], {"cat": 1, "dog": 1}),
        (["c\tt/1.png", "dog/1.png"], {"c_t": 1, "dog": 1}),
    ],
)
def test_the_class_is_the_first_folder_that_tells_images_apart(place, names, classes):
    assert inspect(laid_out({name: png(index) for index, name in enumerate(names)}, place)).classes == classes


def test_links_are_not_followed(tmp_path):
    laid_out({"secret/1.png": png(1)}, tmp_path / "elsewhere")
    source = laid_out(PETS, tmp_path / "pets")
    (source / "linked").symlink_to(tmp_path / "elsewhere/secret")
    (source / "cat/linked.png").symlink_to(tmp_path / "elsewhere/secret/1.png")
    report = inspect(source)
    assert report.classes == {"cat": 5, "dog": 10}
    assert dict(report.skipped).keys() == {"linked", "cat/linked.png"}


def test_a_zip_can_neither_escape_nor_link(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in (
            "../../evil.png",
            "/etc/evil.png",
            "C:/evil.png",
            "cat\\..\\evil.png",
            "cat/good.png",
            "dog/1.png",
        ):
            archive.writestr(name, png(1))
        link = zipfile.ZipInfo("cat/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    report = inspect(tmp_path / "a.zip")
    assert report.classes == {"cat": 1, "dog": 1} and len(report.skipped) == 5
    assert not list(tmp_path.parent.glob("evil*"))


def test_a_zip_bomb_is_refused_unread(tmp_path):
    laid_out({f"a/{i}.png": bytes(20_000_000) for i in range(3)}, tmp_path / "bomb.zip")
    assert (tmp_path / "bomb.zip").stat().st_size < 100_000
    with pytest.raises(WrongRequest, match=r"bomb.zip unpacks to 1,\d\d\d times its size"):
        inspect(tmp_path / "bomb.zip")


def test_limits_on_files_bytes_and_pixels(place, monkeypatch):
    source = laid_out(PETS | {"cat/wide.png": png(1, (5_000, 5_000))}, place)
    monkeypatch.setattr(uploads, "MAX_PIXELS", 1_000_000)
    assert "cat/wide.png has more than 1 million pixels" in dict(inspect(source).skipped)["cat/wide.png"]
    monkeypatch.setattr(uploads, "MAX_BYTES", 10_000)
    assert "It has 0 MB" in dict(inspect(source).skipped)["cat/wide.png"]
    monkeypatch.setattr(folders, "MAX_FILES", 14)
    with pytest.raises(WrongRequest, match="15 files of 0.0 GB are too many: at most 14 files"):
        inspect(source)


def test_a_size_that_lies_cannot_unpack_more_than_it_says(tmp_path):
    source = laid_out({"a/1.png": png(1), "a/2.png": png(2, (900, 900))}, tmp_path / "a.zip")
    data = bytearray(source.read_bytes())
    large = zipfile.ZipFile(source).getinfo("a/2.png")
    place = data.rindex(large.file_size.to_bytes(4, "little"))
    data[place : place + 4] = (50).to_bytes(4, "little")
    source.write_bytes(data)
    assert "a/2.png can't be read (Bad CRC-32" in dict(inspect(source).skipped)["a/2.png"]


def test_an_encrypted_file_is_skipped(tmp_path):
    source = laid_out({"a/1.png": png(1), "a/2.png": png(2)}, tmp_path / "a.zip")
    data = bytearray(source.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # the flag in the directory at the end
    source.write_bytes(data)
    assert "encrypted" in dict(inspect(source).skipped)["a/2.png"]


def test_what_is_neither_folder_nor_zip_nor_has_images_is_refused(tmp_path, place):
    (tmp_path / "a.zip").write_bytes(b"no zip")
    for source in (tmp_path / "a.zip", tmp_path / "absent"):
        with pytest.raises(WrongRequest, match="neither a folder nor a zip"):
            inspect(source)
    with pytest.raises(
        WrongRequest, match=r"holds no image that can be read; 1 files were skipped, the first because: a/1"
    ):
        inspect(laid_out({"a/1.png": b"hello"}, place))


def test_import_fits_splits_and_lists(root, place):
    steps = []
    entry = import_images(laid_out(PETS, place), "pets", 16, 3, 0.4, 0, lambda *step: steps.append(step))
    assert (entry.name, entry.classes, entry.shape) == ("pets", ("cat", "dog"), (3, 16, 16))
    assert (entry.train_count, entry.test_count) == (3 + 6, 2 + 4)
    assert entry.note == f"Imported from {place.name} at 16x16." and entry in catalogue()
    assert steps[0] == (0.0, "Reading image 1 of 15") and steps[-1] == (None, "Writing pets.npz")
    pets = load("pets")
    assert pets.note == entry.note and (pets.groups == -1).all()
    np.testing.assert_array_equal(np.bincount(pets.labels[pets.is_test]), [2, 4])
    dog = pets.images[pets.labels == 1]
    assert {tuple(image[:, 8, 8].tolist()) for image in dog} == {(200, 50, i) for i in range(10)}
    assert {path.name for path in root.iterdir()} == {"pets.npz"}


def test_import_decodes_as_an_upload_does(root, tmp_path, rng):
    Image.fromarray(rng.integers(0, 256, (30, 50, 3), np.uint8)).save(file := io.BytesIO(), "JPEG")
    source = laid_out({"a/1.jpg": file.getvalue()}, tmp_path / "one")
    import_images(source, "one", size=16, channels=1, test_share=0.5)
    expected, _ = uploads.fit(uploads.decode(file.getvalue(), "1.jpg").image, (1, 16, 16))
    np.testing.assert_array_equal(load("one").images[0], expected)
    assert load("one").train_count == 1  # the last image of a class is never held out


def test_copies_share_a_group_and_stay_on_one_side(root, place):
    files = {f"a/{i}-{copy}.png": png(i) for i in range(10) for copy in range(3)} | {"a/x.png": png(99)}
    import_images(laid_out(files, place), "copies", 8, 1, 0.3)
    dataset = load("copies")
    values = dataset.images[:, 0, 0, 0]
    assert set(values[dataset.is_test].tolist()).isdisjoint(values[~dataset.is_test].tolist())
    assert dataset.is_test.sum() in (9, 7)  # three of eleven different pictures
    assert all(len(set(dataset.groups[values == value].tolist())) == 1 for value in range(10))
    assert len(set(dataset.groups[values < 99].tolist())) == 10 and dataset.groups[values == 99] == -1


def test_import_goes_on_after_damaged_files_and_says_so(root, place):
    entry = import_images(laid_out(PETS | {"cat/0.png": b"hello"}, place), "pets", 8, 3)
    assert entry.train_count + entry.test_count == 14
    assert "1 files were skipped, the first because: cat/0.png isn't an image" in entry.note


@pytest.mark.parametrize("name", ["", "../pets", "a b", "-pets", "p" * 41, "pets.npz", "a/b", "péts", "pets\n"])
def test_unsafe_names_are_refused(root, tmp_path, name):
    with pytest.raises(WrongRequest, match="can't be a dataset's name"):
        import_images(laid_out(PETS, tmp_path / "pets"), name)
    assert not list(root.iterdir())


def test_names_that_are_taken_are_refused(root, tmp_path):
    source = laid_out(PETS, tmp_path / "pets")
    import_images(source, "pets", 8)
    for name in ("pets", "PETS", "digits", "mnist", "cifar10_jpeg"):
        with pytest.raises(WrongRequest, match=f"There is a dataset called {name} already"):
            import_images(source, name)


@pytest.mark.parametrize(
    "wrong", [{"size": 7}, {"size": 257}, {"channels": 2}, {"test_share": 1.0}, {"test_share": -0.1}]
)
def test_wrong_arguments_are_refused(root, tmp_path, wrong):
    with pytest.raises(WrongRequest, match="choose a side from 8 to 256"):
        import_images(laid_out(PETS, tmp_path / "pets"), "pets", **wrong)


def test_held_out_is_stratified_seeded_and_keeps_groups(rng):
    labels, groups = np.repeat([0, 1, 2], [50, 20, 1]), np.full(71, -1)
    groups[:30] = np.arange(30) // 10
    chosen = held_out(labels, 0.25, seed=1, groups=groups)
    np.testing.assert_array_equal(chosen, held_out(labels, 0.25, seed=1, groups=groups))
    assert (chosen != held_out(labels, 0.25, seed=2, groups=groups)).any()
    assert all(len(set(chosen[groups == group].tolist())) == 1 for group in range(3))
    assert chosen[labels == 1].sum() == 5 and not chosen[labels == 2].any()
    units = np.concatenate([chosen[[0, 10, 20]], chosen[30:50]])
    assert units.sum() == round(0.25 * 23)
