import io
import zipfile
from urllib.parse import parse_qs

import pytest
from PIL import Image

from core import data
from core.errors import MissingData
from core.methods import METHODS
from tests.pages.words import button, buttons, words

TITLE = "Which images are there to learn from?"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch, own_store):
    """A data root of the test's own, without any image set."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def png(value: int, mode: str = "L") -> bytes:
    content = io.BytesIO()
    Image.new(mode, (10, 12), value if mode == "L" else (value, 0, 255 - value)).save(content, format="PNG")
    return content.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def pictures(mode: str = "L") -> dict[str, bytes]:
    """Ten files of two classes, and one that is no image."""
    files = {
        f"{name}/{place}.png": png(20 * place + start, mode)
        for name, start in (("cat", 0), ("dog", 5))
        for place in range(5)
    }
    return files | {"dog/readme.txt": b"not an image"}


def images(app) -> list[str]:
    return [image.caption for element in app.get("image") for image in element.proto.imgs]


def test_the_built_in_digits_are_shown_first_with_their_classes(open_page):
    app = open_page("datasets")
    assert [title.value for title in app.title] == [TITLE]
    assert "10 classes · 1,438 training and 359 test images · 8x8, grey" in words(app)
    assert len(images(app)) == 36
    assert set(images(app)) <= set("0123456789")


def test_one_class_of_one_half_is_browsed_sheet_by_sheet(open_page):
    app = open_page("datasets")
    digits = data.load("digits")
    app.selectbox(key="datasets_class_digits").set_value(4).run()  # after "all classes" and 0, 1, 2
    assert set(images(app)) == {"3"}
    app.segmented_control(key="datasets_half").set_value("test").run()
    count = int((digits.is_test & (digits.labels == 3)).sum())
    assert len(images(app)) == min(count, 36)
    app.segmented_control(key="datasets_half").set_value("both").run()
    total, sheet = int((digits.labels == 3).sum()), app.number_input[0]
    assert sheet.max == -(-total // 36)
    sheet.set_value(sheet.max).run()
    assert len(images(app)) == total - 36 * (int(sheet.max) - 1)


def test_every_dataset_is_listed_with_its_size_and_whether_it_is_here(open_page):
    app = open_page("datasets", datasets_tab="All datasets")
    assert not images(app)  # what is not shown isn't read
    listed = app.table[-1].value.map(lambda cell: cell.replace("\\", "")).set_index("Dataset")
    assert "here" in listed.loc["scikit-learn digits", "On this machine"]
    assert "to fetch, 12 MB" in listed.loc["MNIST", "On this machine"]
    assert listed.loc["MNIST", "Training images"] == "60,000"


def test_a_missing_set_says_its_size_and_is_fetched_with_progress(open_page, monkeypatch):
    asked = []

    def fetch(name, progress):
        asked.append(name)
        progress(0.5, "Downloading MNIST: 5.8 of 11.6 MB")
        raise MissingData("MNIST couldn't be fetched (no network). Check the network and try again.")

    monkeypatch.setattr(data, "fetch", fetch)
    app = open_page("datasets", dataset="mnist")
    assert "The download has 12 MB" in words(app) and not asked
    button(app, "Fetch 12 MB").click().run()
    assert asked == ["mnist"]
    assert [error.value.replace("\\", "") for error in app.error] == [
        "MNIST couldn't be fetched (no network). Check the network and try again."
    ]


def test_a_link_to_an_unknown_dataset_says_so(open_page):
    app = open_page("datasets", dataset="nowhere")
    assert "There is no dataset called nowhere here." in words(app)


def test_groupings_are_shown_by_class_name(open_page):
    groups = open_page("datasets").table[0].value
    assert groups["Classes"].tolist() == ["0, 3, 8", "1, 4, 7", "2, 5, 6, 9"]


def test_a_zip_is_looked_at_imported_and_offered_to_train(open_page, root):
    app = open_page("datasets", datasets_tab="Add your own images")
    app.file_uploader[0].upload("animals.zip", zipped(pictures()), "application/zip").run()
    assert "10 images in 2 classes, 10x12 pixels, grey" in words(app).replace("**", "")
    assert "dog/readme.txt" in words(app)
    assert app.text_input[-1].value == "animals"
    button(app, "Import").click().run()
    assert "animals is there: 8 training and 2 test images." in words(app)
    assert app.file_uploader[0].value is None and "Import" not in buttons(app)  # nothing is kept of the upload
    assert (root / "animals.npz").exists()
    assert data.entry("animals").classes == ("cat", "dog")
    queries = {link.proto.label: link.proto.query_string for link in app.main.get("page_link")}
    assert queries["Train on it"] == "dataset=animals&method=nearest-neighbours"


def category(name: str) -> dict[str, bytes]:
    """A category of MVTec AD: normal images to learn from, normal ones and defects to test with, masks."""
    places = {"train/good": 24, "test/good": 2, "test/scratch": 2, "ground_truth/scratch": 2}
    return {
        f"{name}/{folder}/{at}.png": png(50 * row + 2 * at + len(name))
        for row, (folder, count) in enumerate(places.items())
        for at in range(count)
    }


def test_mvtec_is_shown_as_it_was_understood_and_its_halves_are_kept(open_page):
    app = open_page("datasets", datasets_tab="Add your own images")
    app.file_uploader[0].upload("mvtec.zip", zipped(category("nut") | category("screw")), "application/zip").run()
    assert not app.error and "This holds 2 sets" in words(app)
    which = next(box for box in app.selectbox if box.label == "Which one")
    assert which.options == ["nut", "screw"] and which.value == "nut"
    which.set_value("screw").run()
    assert "28 images in 2 classes" in words(app).replace("**", "")
    assert "Laid out as MVTec AD: good is normal" in words(app) and "Left out: 2 masks." in words(app)
    table = app.table[-1].value.set_index("Class")
    assert table.loc["good"].tolist() == ["24", "2"] and table.loc["scratch"].tolist() == ["0", "2"]
    assert "Held out for testing (%)" not in [box.label for box in app.number_input]
    assert app.text_input[-1].value == "screw"
    button(app, "Import").click().run()
    assert "screw is there: 24 training and 4 test images." in words(app)
    assert app.file_uploader[0].value is not None  # the next set of it may be wanted
    link = next(each.proto.query_string for each in app.main.get("page_link") if each.proto.label == "Train on it")
    train = open_page("train", **{name: value[0] for name, value in parse_qs(link).items()})
    assert "**Normal**: good" in words(train) and not train.error
    assert train.selectbox(key="train_method").value == "nearest-neighbours"
    assert "tested on 2 normal and 2 novel ones" in words(train).replace("**", "")


@pytest.mark.parametrize(
    ("mode", "largest"), [("L", "64 x 64: all {} methods"), ("RGB", "64 x 64: 16 of {} methods, not RaPP, autoencoder")]
)
def test_every_size_says_which_methods_take_it(open_page, mode, largest):
    app = open_page("datasets", datasets_tab="Add your own images")
    app.file_uploader[0].upload("animals.zip", zipped(pictures(mode)), "application/zip").run()
    sizes = next(box for box in app.selectbox if box.label == "Size in pixels").options
    assert f"28 x 28: all {len(METHODS)} methods" in sizes
    assert any(size.startswith(largest.format(len(METHODS))) for size in sizes), sizes


def test_a_folder_is_imported_at_the_size_that_is_asked_for(open_page, tmp_path):
    for name, content in pictures().items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(content)
    app = open_page("datasets", datasets_tab="Add your own images")
    app.text_input(key="datasets_folder").set_value(str(tmp_path / "mine")).run()
    next(box for box in app.selectbox if box.label == "Size in pixels").set_value(8)
    button(app, "Import").click().run()
    assert data.load("mine").shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "is neither a folder nor a zip"),
        ({"a/readme.txt": b"text"}, "holds no image that can be read"),
        ({"a/bomb.png": bytes(60_000_000)}, "unpacks to"),
    ],
    ids=["no zip", "no image", "bomb"],
)
def test_a_bad_zip_costs_one_sentence(open_page, files, says):
    app = open_page("datasets", datasets_tab="Add your own images")
    app.file_uploader[0].upload("bad.zip", zipped(files) if files else b"PK", "application/zip").run()
    assert len(app.error) == 1
    assert says in words(app)
    assert "Import" not in buttons(app)


def test_a_name_that_is_taken_is_refused_and_another_can_be_tried(open_page):
    app = open_page("datasets", datasets_tab="Add your own images")
    app.file_uploader[0].upload("digits.zip", zipped(pictures()), "application/zip").run()
    button(app, "Import").click().run()
    assert "There is a dataset called digits already" in words(app)
    app.text_input[-1].set_value("creatures")
    button(app, "Import").click().run()
    assert "creatures is there" in words(app)


def test_decoded_copies_are_shown_with_their_size_and_can_be_removed(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CACHE", str(tmp_path / "cache"))
    assert "Decoded copies" not in words(open_page("datasets", datasets_tab="All datasets"))
    digits = data.load("digits")
    data.cache.kept(tmp_path / "digits.npz", 1, lambda: digits)
    app = open_page("datasets", datasets_tab="All datasets")
    assert f"take {data.cache.size() / 1e6:,.0f} MB in `{tmp_path / 'cache'}`" in words(app)
    button(app, "Empty the cache").click().run()
    assert data.cache.size() == 0 and "Decoded copies" not in words(app)


def test_a_damaged_file_is_not_called_absent(open_page, root):
    (root / "pets.npz").write_bytes(b"hello")
    app = open_page("datasets", dataset="pets")
    assert "pets.npz in" in words(app) and "not a zip file" in words(app)
    app = open_page("datasets", dataset="pets", datasets_tab="All datasets")
    listed = app.table[-1].value.map(lambda cell: cell.replace("\\", "")).set_index("Dataset")
    assert "can't be read" in listed.loc["pets", "On this machine"]
