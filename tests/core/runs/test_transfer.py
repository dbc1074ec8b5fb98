import io
import json
import shutil
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from core.errors import DamagedRun, NoveltyError, WrongRequest
from core.runs import store, transfer
from core.runs.spec import request
from core.runs.store import Run


@pytest.fixture
def run(trained_store, tmp_path, monkeypatch) -> Run:
    """A finished run in a store that a test may change."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    source = next(trained_store.glob("rapp-ae-*"))
    shutil.copytree(source, tmp_path / source.name)
    return store.find(source.name)


@pytest.fixture
def packed(run) -> dict[str, bytes]:
    """The run's zip as {name: content}, from which tests make bad ones."""
    with zipfile.ZipFile(io.BytesIO(transfer.pack(run))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


def arrays(**content: np.ndarray) -> bytes:
    npz = io.BytesIO()
    np.savez(npz, **content)
    return npz.getvalue()


def with_json(packed: Mapping[str, bytes], file: str, change: Callable[[dict], object]) -> dict[str, bytes]:
    """The zip with one of its JSON files changed in place."""
    name = next(each for each in packed if each.endswith("/" + file))
    content = json.loads(packed[name])
    change(content)
    return {**packed, name: json.dumps(content).encode()}


def files_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


# --- there and back -------------------------------------------------------------------------------------------------


def test_a_run_comes_back_as_it_was_under_a_free_name(run):
    store.rename(run, "for the class")
    back = transfer.unpack(transfer.pack(run))
    assert (back.id, back.name, back.state) == (f"{run.id}-2", "for the class", store.FINISHED)
    assert back.spec == run.spec
    assert back.about == run.about
    assert back.progress() == run.progress()
    assert back.snapshots() == run.snapshots() != {}
    for file in filter(run.has, transfer.ARRAYS):
        for name, array in run.arrays(file).items():
            np.testing.assert_array_equal(back.arrays(file)[name], array)
    assert (back.folder / "detector.safetensors").read_bytes() == (run.folder / "detector.safetensors").read_bytes()
    assert transfer.unpack(transfer.pack(run)).id == f"{run.id}-3"
    assert store.damaged() == []


def test_its_own_name_is_taken_where_it_is_free_and_a_path_will_do(run, tmp_path):
    file = tmp_path / ".run.zip"
    file.write_bytes(transfer.pack(run))
    store.delete(run)
    assert transfer.unpack(file).id == run.id


def test_what_belongs_to_this_machine_stays_here(run):
    for name in ("lock", "heartbeat", "checkpoint.safetensors", ".live-x.json"):
        (run.folder / name).touch()
    python = '  File "/home/a person/lib/x.py", line 3\nsee /home/ada/data/mnist.npz, split 60/20/20 at 9 images/s\n'
    (run.folder / "log.txt").write_text(python)
    store.mark(run, store.FAILED, sentence="Put it into /home/ada/data/images.", pid=123, host="ada")
    with zipfile.ZipFile(io.BytesIO(transfer.pack(run))) as archive:
        names = {name.removeprefix(f"{run.id}/") for name in archive.namelist()}
        texts = {name: archive.read(f"{run.id}/{name}").decode() for name in ("log.txt", "state.json", "run.json")}
    assert not names & {"lock", "heartbeat", "checkpoint.safetensors", ".live-x.json"}
    assert all(transfer.KNOWN.fullmatch(name) for name in names)
    assert texts["log.txt"] == '  File "x.py", line 3\nsee mnist.npz, split 60/20/20 at 9 images/s\n'
    assert json.loads(texts["state.json"])["sentence"] == "Put it into images."
    assert not [text for text in texts.values() if "ada" in text or str(run.folder.parent) in text]


def test_a_live_run_is_not_packed(run):
    waiting = store.create(request("digits", "multimodal", "3", "rapp-ae"))
    with pytest.raises(WrongRequest, match="is queued. Wait until it has ended"):
        transfer.pack(waiting)


@pytest.mark.parametrize("state", [store.FAILED, store.CANCELLED, store.INTERRUPTED])
def test_a_run_that_did_not_finish_brings_no_results(run, state):
    store.mark(run, state, sentence="The training diverged.")
    with (run.folder / "progress.jsonl").open("a") as stream:
        stream.write('{"stage": "tra')
    back = transfer.unpack(transfer.pack(run))
    assert (back.state, back.sentence) == (state, "The training diverged.")
    assert "metrics" not in back.about
    assert "environment" not in back.about  # a resume begins with the threads of this machine
    assert back.progress() == run.progress()


# --- zips that are no run's -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../escaped.json",
        "run/../../escaped.json",
        "/tmp/escaped.json",
        "C:\\escaped.json",
        "..\\run.json",
        "run/snapshots/../../x.npz",
        "run/payload.py",
        "run/detector.pt",
        "run/lock",
        "run/deeper/run.json",
        "run/.hidden/run.json",
        "run/snapshots/1.npz.exe",
        "../",
        "run/\N{FULLWIDTH SOLIDUS}run.json",
    ],
)
def test_names_that_no_run_has_are_refused_and_nothing_is_left(run, packed, tmp_path, name):
    before = files_below(tmp_path.parent)
    with pytest.raises(WrongRequest, match="which no run has"):
        transfer.unpack(zipped({**packed, name: b"{}"}))
    assert files_below(tmp_path.parent) == before


def test_a_symlink_is_refused(packed):
    content = io.BytesIO(zipped(packed))
    link = zipfile.ZipInfo(next(iter(packed)).partition("/")[0] + "/name.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(WrongRequest, match="which no run has"):
        transfer.unpack(content)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(packed):
    content = io.BytesIO(zipped(packed))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(next(iter(packed)), b"{}")
    with pytest.raises(WrongRequest, match="which no run has"):
        transfer.unpack(content)


def test_two_runs_in_one_zip_are_refused(packed):
    with pytest.raises(WrongRequest, match="not that of one run"):
        transfer.unpack(zipped({**packed, "other/name.json": b"{}"}))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip_or_an_empty_one_is_refused(run, content):
    with pytest.raises(WrongRequest, match="not a whole zip|not that of one run"):
        transfer.unpack(content)


def test_a_torn_zip_is_refused_and_nothing_is_left(run, packed, tmp_path):
    whole = bytearray(zipped(packed, zipfile.ZIP_STORED))
    torn = bytes(whole[: len(whole) // 2])
    middle = whole.index(packed[f"{run.id}/detector.safetensors"]) + 1000
    whole[middle] ^= 255
    before = files_below(tmp_path)
    for content in (torn, bytes(whole)):
        with pytest.raises(WrongRequest, match="not a whole zip"):
            transfer.unpack(content)
    assert files_below(tmp_path) == before


# --- bombs ----------------------------------------------------------------------------------------------------------


def test_too_many_files_are_refused(packed):
    many = {f"run/snapshots/{number}.npz": b"" for number in range(transfer.MOST_FILES)}
    with pytest.raises(WrongRequest, match="a run at most 64"):
        transfer.unpack(zipped(packed | many))


def test_a_file_that_grows_hundredfold_is_refused(packed):
    with pytest.raises(WrongRequest, match="would grow more than 200-fold"):
        transfer.unpack(zipped({**packed, next(iter(packed)).partition("/")[0] + "/curves.npz": bytes(2**23)}))


def test_more_bytes_than_a_run_has_are_refused(packed, monkeypatch):
    monkeypatch.setattr(transfer, "MOST_BYTES", 50_000)
    with pytest.raises(WrongRequest, match="The zip would take"):
        transfer.unpack(zipped(packed))


def test_a_text_larger_than_any_run_has_is_refused(run, packed, monkeypatch):
    monkeypatch.setattr(transfer, "MOST_TEXT", 10_000)
    with pytest.raises(WrongRequest, match=r"log\.txt in the zip would take"):
        transfer.unpack(zipped({**packed, f"{run.id}/log.txt": bytes(range(256)) * 100}))


def test_an_array_that_unfolds_inside_its_npz_is_refused(run, packed, monkeypatch):
    monkeypatch.setattr(transfer, "MOST_BYTES", 2**22)
    content = io.BytesIO()
    np.savez_compressed(content, bomb=np.zeros(2**23, np.uint8))
    with pytest.raises(WrongRequest, match=r"The arrays of curves\.npz would take more"):
        transfer.unpack(zipped({**packed, f"{run.id}/curves.npz": content.getvalue()}))


def test_packings_that_unfold_without_a_bound_are_refused(packed):
    with pytest.raises(WrongRequest, match="packed in a rare way"):
        transfer.unpack(zipped(packed, zipfile.ZIP_BZIP2))


# --- files that are not what they say -------------------------------------------------------------------------------


def _objects() -> bytes:
    return arrays(images=np.array([{"runs": "code"}], dtype=object))


def _claims_more() -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2**40,)})
    return zipped({"images.npy": header.getvalue()})


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("curves.npz", _objects()),
        ("curves.npz", _claims_more()),
        ("curves.npz", b"no npz"),
        ("snapshots/00001.npz", _objects()),
        ("test.npz", arrays(images=np.zeros((3, 1, 8, 8), np.float32), novel=np.zeros(3))),
        ("test.npz", arrays(images=np.zeros((3, 1, 8, 8), np.uint8))),
        ("scores.npz", arrays(**{"test/nap": np.zeros(3)})),
        ("detector.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}"),
        ("detector.safetensors", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"),
        ("controls.json", b"[1]"),
        ("controls.json", b'{"untrained": {"auroc": {"value": "high"}}}'),
        ("name.json", b'{"name": ""}'),
        ("progress.jsonl", b'{"number": "x", "epoch": 1}'),
        ("run.json", b"[" * 100_000),
        ("run.json", b'{"format": 1}'),
        ("state.json", b'{"state": "running", "since": 0}'),
        ("state.json", b'{"state": "finished", "since": 1e300}'),
    ],
)
def test_a_file_of_the_wrong_kind_is_named_and_nothing_is_left(run, packed, tmp_path, file, content):
    before = files_below(tmp_path)
    with pytest.raises(DamagedRun, match=file.rpartition("/")[2]):
        transfer.unpack(zipped({**packed, f"{run.id}/{file}": content}))
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("missing", ["test.npz", "scores.npz", "detector.safetensors"])
def test_a_finished_run_without_its_results_is_refused(run, packed, missing):
    del packed[f"{run.id}/{missing}"]
    with pytest.raises(DamagedRun, match=f"finished run without {missing}"):
        transfer.unpack(zipped(packed))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda about: about.update(format=2), "of format 2"),
        (lambda about: about.update(created="yesterday"), "run.json"),
        (lambda about: about["spec"].update(method="pickle"), "no method 'pickle'"),
        (lambda about: about["spec"].update(scenario="all"), "no scenario 'all'"),
        (lambda about: about["spec"].update(dataset="../digits"), "run.json"),
        (lambda about: about["spec"].update(dataset=["digits"]), "run.json"),
        (lambda about: about["spec"].update(target="3"), "run.json"),
        (lambda about: about["spec"].update(seed=-1), "run.json"),
        (lambda about: about["spec"].update(device="tpu"), "run.json"),
        (lambda about: about["spec"]["knobs"].update(layers=99), "layers can't be 99"),
        (lambda about: about["spec"]["knobs"].update(command="rm"), "no setting 'command'"),
        (lambda about: about["spec"]["options"].update(novelty_share="x"), "novelty_share can't be 'x'"),
        (lambda about: about["metrics"].pop("nap"), "run.json"),
        (lambda about: about["metrics"]["nap"].update(auroc="high"), "run.json"),
        (lambda about: about["thresholds"].update(nap=None), "run.json"),
        (lambda about: about["counts"].pop("novel"), "run.json"),
        (lambda about: about.update(accuracy={"value": "all"}), "run.json"),
    ],
)
def test_a_request_or_result_that_no_run_has_is_refused(packed, change, says):
    with pytest.raises(NoveltyError, match=says):
        transfer.unpack(zipped(with_json(packed, "run.json", change)))


def test_a_folder_that_is_there_already_is_never_touched(run, packed, tmp_path):
    occupied = tmp_path / f"{run.id}-2"
    occupied.mkdir()
    (occupied / "mine.txt").write_text("mine")
    assert transfer.unpack(zipped(packed)).id == f"{run.id}-3"
    assert [file.name for file in occupied.iterdir()] == ["mine.txt"]
