"""Three hundred damaged run folders through the command line, the import and the pages: one sentence, nobody else hurt.

Every damage goes through the commands and the import; a choice of them, or all with NOVELTY_DAMAGES=all, through every
page, in stores that hold a dozen of them beside two whole runs.
"""

import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.__main__ import main
from core.errors import NoveltyError
from core.runs import store, transfer
from core.runs.store import Run
from pages.shared import frame
from tests.damages import damaged
from tests.pages.opening import ENTRY
from tests.pages.training import trained
from tests.pages.words import words

DAMAGES = 300
AT_ONCE = 12  # in one store
PAGES = (
    *("home", "score", "compare", "rapp", "svdd", "clad", "vae", "metric", "baselines"),
    *("train", "reproduce", "runs", "sweeps", "datasets"),
)
PAGE_OF = ("svdd", "rapp")  # of the runs in alphabetical order
TABS = {
    "rapp": ("Ranked images", "ROC and PR", "NAP spectrum", "Replay", "Choosing the window"),
    "svdd": ("Distances", "One image", "Gallery", "Clusters", "Neighbourhoods", "Training", "One or several"),
}
TRAIN = """
few = {"epochs": 4, "batch_size": 256}
for method, more in (("rapp-ae", {"layers": 4}), ("multi-radius-svdd", {"warm_up": 1, "pretrain_epochs": 2})):
    request = spec.request("digits", "several-normal", "0,1,3", method, changes=few | more, device="cpu")
    assert worker.execute(store.create(request)).state == store.FINISHED
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A store with a finished run of RaPP and one of SVDD."""
    return trained(tmp_path_factory.mktemp("whole"), TRAIN)


@pytest.fixture
def own(whole, tmp_path, monkeypatch) -> Path:
    """The same, for a test to fill with damaged ones."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((8, 8), 90, np.uint8)).save("image.png")
    return shutil.copytree(whole, tmp_path / "store", ignore=shutil.ignore_patterns(".*"))


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and transfer.KNOWN.fullmatch(name):
                archive.write(path, f"run/{name}")
    return content.getvalue()


def said(capsys, *words: str) -> tuple[int, str]:
    """Exit status and all words of a command; anything but an error for people goes through and fails the test."""
    status = main([*words])
    told = capsys.readouterr()
    return status, told.out + told.err


@pytest.mark.parametrize("first", range(0, DAMAGES, 50))
def test_commands_and_import_say_one_sentence(own, capsys, first):
    mine = sources(own)
    good = {path.name for path in mine}
    for seed in range(first, first + 50):
        name = f"broken-{seed}"
        told = f"{seed}, {damaged(mine[seed % 2], own / name, seed)}"
        status, listed = said(capsys, "runs")
        assert status == 0 and all(each in listed for each in (*good, name)), told
        file = told.split(": ")[0]
        if not any(word in file for word in ("snapshots", "controls", "curves", "neighbours", "explanations")):
            for words in (("score", name, "image.png"), ("evaluate", name)):
                status, answer = said(capsys, *words)
                assert status in (0, 2) and (status == 0 or answer.count("\n") == 1), (told, answer)
        try:
            imported = transfer.unpack(zipped(own / name))
        except NoveltyError as error:
            assert "\n" not in str(error) and ".import" not in str(error), (told, str(error))
        else:
            assert not store.damage(imported), (told, store.damage(imported))
            shutil.rmtree(imported.folder)
        assert said(capsys, "delete", name, "--yes")[0] == 0 and not (own / name).exists(), told


ALL = os.environ.get("NOVELTY_DAMAGES") == "all"


@pytest.mark.parametrize("first", range(0, DAMAGES if ALL else AT_ONCE, AT_ONCE))
def test_every_page_shows_the_others(own, first):
    mine, told = sources(own), {}
    for seed in range(first, first + AT_ONCE):
        page, source = PAGE_OF[seed % 2], mine[seed % 2]
        assert (page == "rapp") == ("rapp" in source.name)
        told[f"broken-{seed}"] = page, damaged(source, own / f"broken-{seed}", seed)
    app = AppTest.from_file(ENTRY, default_timeout=120).run()
    for page in PAGES:
        app.switch_page(f"pages/{page}.py").run()
        assert_drawn(app, page, told)
    for name, (page, damage) in told.items():
        for tab in TABS[page] if ALL else TABS[page][-1:]:
            app.switch_page(f"pages/{page}.py")
            app.query_params[f"{page}_run"], app.query_params[f"{page}_tab"] = name, tab
            app.run()
            assert_drawn(app, page, (name, damage, tab))
    assert not any(store.damage(Run(path)) for path in mine)
    app.switch_page("pages/runs.py").run()
    assert all(store.damage(Run(own / name)) in words(app) for name in store.damaged())


def assert_drawn(app: AppTest, page: str, told: object) -> None:
    assert not app.exception, (page, told, app.exception)
    generic = [each.value for each in app.error if frame.OUR_FAULT in each.value]
    assert not generic, (page, told)
