import io
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import catalogue, import_images, inspect, load, uploads
from core.data.layouts import tree
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
    monkeypatch.setattr(tree, "MAX_FILES", 14)
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
    assert entry.note == f"Imported from {place.name} at 16x16. One folder a class." and entry in catalogue()
    assert steps[0] == (0.0, "Looking for the range of values, 1 of 15") and steps[-1] == (None, "Writing pets.npz")
    assert steps[1] == (0.0, "Reading image 1 of 15")
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


def test_equal_images_are_refused_and_single_ones_said(root, tmp_path):
    equal = laid_out({f"a/{i}.png": png(7) for i in range(5)}, tmp_path / "equal")
    assert inspect(equal).duplicates == 4
    with pytest.raises(WrongRequest, match="All 5 images of equal are equal"):
        import_images(equal, "equal", 8)
    entry = import_images(laid_out({"a/1.png": png(1), "b/1.png": png(2)}, tmp_path / "two"), "two", 8, 1)
    assert entry.test_count == 0 and "No test images could be held out" in entry.note


def test_long_and_alike_names_stay_apart_and_commas_stay(root, place):
    long = "goldfish, Carassius auratus, " + 90 * "x"
    names = [f"{long}1", f"{long}2", "a\tb", "a_b", "goldfish, Carassius auratus"]
    report = inspect(laid_out({f"{name}/1.png": png(at) for at, name in enumerate(names)}, place))
    assert len(report.classes) == 5 and set(report.classes.values()) == {1}
    assert "goldfish, Carassius auratus" in report.classes and max(map(len, report.classes)) <= 80
    assert all(name.isprintable() for name in report.classes)


def test_numbers_as_names_are_in_the_order_of_numbers(root, place):
    names = ["10", "2", "1", "class 10", "class 9"]
    source = laid_out({f"{name}/{at}.png": png(at + 3 * len(name)) for name in names for at in range(2)}, place)
    assert list(inspect(source).classes) == ["1", "2", "10", "class 9", "class 10"]
    assert import_images(source, "numbers", 8, 1).classes == ("1", "2", "10", "class 9", "class 10")


def deep(values, kind: str) -> bytes:
    Image.fromarray(values).save(file := io.BytesIO(), kind)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "dtype"), [("PNG", np.uint16), ("TIFF", np.uint16), ("TIFF", np.float32)])
def test_one_range_of_values_for_the_whole_set(root, place, rng, kind, dtype):
    """12 bits in 16, or floats: each picture is nearly flat, and what tells the classes apart is their level."""
    levels = {"dark": 1000, "light": 3000}
    values = {f"{name}/{at}.{kind.lower()}": (level + rng.integers(0, 90, (12, 12))).astype(dtype)
              for name, level in levels.items() for at in range(4)}  # fmt: skip
    source = laid_out({name: deep(each, kind) for name, each in values.items()}, place)
    low, high = min(each.min() for each in values.values()), max(each.max() for each in values.values())
    assert inspect(source).value_range == (low, high)
    import_images(source, "deep", 12, 1)
    dataset = load("deep")
    assert dataset.value_range == (low, high) and "by one range for the whole set" in dataset.note
    means = [dataset.images[dataset.labels == label].mean() for label in (0, 1)]
    np.testing.assert_allclose(means, [(1045 - low) / (high - low) * 255, (3045 - low) / (high - low) * 255], atol=2)


def test_pictures_of_8_bits_and_of_more_are_not_mixed(root, place):
    source = laid_out({"a/1.png": png(7), "a/2.png": deep(np.full((9, 9), 900, np.uint16), "PNG")}, place)
    with pytest.raises(WrongRequest, match="holds 1 pictures of 8 bits and 1 of more"):
        inspect(source)
    with pytest.raises(WrongRequest, match="values can't be compared"):
        import_images(source, "mixed", 8)


def test_pages_of_a_tiff_are_counted(place):
    pages = [Image.new("L", (9, 9), value) for value in (1, 2, 3)]
    pages[0].save(file := io.BytesIO(), "TIFF", save_all=True, append_images=pages[1:])
    report = inspect(laid_out({"a/1.tif": file.getvalue(), "a/2.tif": deep(np.zeros((9, 9), np.uint8), "TIFF")}, place))
    assert report.paged == 1 and "1 files have several pages" in " ".join(report.notes)


def test_a_class_called_like_a_half_or_masks_beside_classes(place):
    vehicles = {f"{name}/{at}.png": png(at) for name in ("bus", "train", "car") for at in range(2)}
    assert inspect(laid_out(vehicles, place)).classes == {"bus": 2, "car": 2, "train": 2}
