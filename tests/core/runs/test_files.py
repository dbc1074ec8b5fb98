"""A run's files: whole or not there, no pickles, and one sentence for each that is damaged."""

import json
import os

import numpy as np
import pytest
import torch

from core.errors import DamagedRun
from core.runs import files


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "some-run"
    made.mkdir()
    return made


# --- there and back ---------------------------------------------------------------------------------------------------


def test_json_there_and_back(folder):
    content = {"a": [1, 2.5, None, True], "ü": "ä"}
    files.write_json(folder / "run.json", content)
    assert files.read_json(folder / "run.json") == content


def test_arrays_there_and_back(folder):
    arrays = {
        "test/images": np.arange(24, dtype=np.uint8).reshape(2, 1, 3, 4),
        "source": np.array(["normal", "novel"]),
        "empty text": np.array(""),
        "none": np.zeros((0, 3), np.float32),
        "number": np.array(7),
    }
    files.write_arrays(folder / "test.npz", arrays)
    read = files.read_arrays(folder / "test.npz")
    assert read.keys() == arrays.keys()
    for name, each in arrays.items():
        np.testing.assert_array_equal(read[name], each)
        assert read[name].dtype == each.dtype and read[name].shape == each.shape
    assert files.read_arrays(folder / "test.npz", "number").keys() == {"number"}
    assert files.array_shape(folder / "test.npz", "test/images") == (2, 1, 3, 4)


def test_state_there_and_back(folder):
    shared = torch.arange(12.0)
    state = {
        "weights": {"a.b": shared.view(3, 4), "view": shared[2:5], "transposed": shared.view(3, 4).T},
        "kinds": [
            torch.tensor(3),
            torch.zeros(0, 2),
            torch.ones(2, dtype=torch.int64),
            torch.ones(2, dtype=torch.bfloat16),
        ],
        7: "integer keys stay integers",
        "plain": [1, 2.5, "text", None, True, {"deep": []}],
        "lists": (1, 2),
    }
    files.write_state(folder / "detector.safetensors", state)
    read = files.read_state(folder / "detector.safetensors")
    assert (
        list(read) == list(state)
        and read[7] == state[7]
        and read["plain"] == state["plain"]
        and read["lists"] == [1, 2]
    )
    for name, each in state["weights"].items():
        assert torch.equal(read["weights"][name], each) and read["weights"][name].is_contiguous()
    for there, back in zip(state["kinds"], read["kinds"], strict=True):
        assert there.dtype == back.dtype and torch.equal(there, back)


def test_an_optimiser_s_state_survives(folder):
    weight = torch.ones(3, requires_grad=True)
    adam = torch.optim.Adam([weight], 0.1, fused=True)
    weight.sum().backward()
    adam.step()
    files.write_state(folder / "checkpoint.safetensors", {"adam": adam.state_dict()})
    other = torch.ones(3, requires_grad=True)
    restored = torch.optim.Adam([other], 0.5, fused=True)
    restored.load_state_dict(files.read_state(folder / "checkpoint.safetensors")["adam"])
    other.data.copy_(weight.data)
    for each, optimiser in ((weight, adam), (other, restored)):
        each.grad = torch.tensor([1.0, -2.0, 0.5])
        optimiser.step()
    assert torch.equal(weight, other)


def test_what_no_file_can_hold_is_our_own_mistake(folder):
    with pytest.raises(AssertionError):
        files.write_state(folder / "detector.safetensors", {"array": np.zeros(3)})
    assert not list(folder.iterdir())


# --- whole or not there -----------------------------------------------------------------------------------------------


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(folder, monkeypatch):
    path = folder / "run.json"
    files.write_json(path, {"a": 1})

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "write_text", full)
        with pytest.raises(OSError):
            files.write_json(path, {"a": 2})
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", full)
        with pytest.raises(OSError):
            files.write_arrays(folder / "test.npz", {"a": np.zeros(3)})
    assert files.read_json(path) == {"a": 1}
    assert [each.name for each in folder.iterdir()] == ["run.json"]


def test_a_reader_meets_the_old_file_or_the_new_one_never_a_part(folder):
    path = folder / "test.npz"
    files.write_arrays(path, {"a": np.zeros(10)})
    with files.replacing(path) as temporary:
        temporary.write_bytes(b"half")
        np.testing.assert_array_equal(files.read_arrays(path)["a"], np.zeros(10))
        assert temporary.parent == path.parent and temporary.name.startswith(".")
    assert path.read_bytes() == b"half"


@pytest.mark.parametrize("name", ["snapshots/ae-00003.npz", "test.npz", "run.json", "detector.safetensors"])
def test_what_a_kill_leaves_of_a_file_is_taken_for_none(folder, name):
    """A kill while the third snapshot was written once made the resumed run fail: its leftover was listed as one."""
    (folder / "snapshots").mkdir(exist_ok=True)
    files.write_arrays(folder / "snapshots" / "ae-00002.npz", {"a": np.zeros(3)})
    before = files.described(folder)
    with files.replacing(folder / name) as temporary:
        temporary.write_bytes(b"half")
        assert files.described(folder) == before  # what a kill at this moment would leave
        assert not list(folder.rglob("*.json")) and not list(folder.rglob("*.safetensors"))
        assert [each.name for each in folder.rglob("*.npz")] == ["ae-00002.npz"]


def test_a_folder_that_is_gone_does_not_come_back(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.write_json(tmp_path / "deleted" / "controls.json", {})
    assert not list(tmp_path.iterdir())


def test_others_may_read_what_was_written(folder):
    old = os.umask(0o077)
    try:
        files.write_json(folder / "run.json", {})
    finally:
        os.umask(old)
    assert (folder / "run.json").stat().st_mode & 0o777 == 0o644


# --- damage -----------------------------------------------------------------------------------------------------------


def spoilt(path, how: str) -> None:
    whole = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {"empty": b"", "cut": whole[: len(whole) // 2], "other": b"\x89PNG" + bytes(200), "text": b"[1, 2"}[how]
        )


READERS = {
    "run.json": files.read_json,
    "test.npz": files.read_arrays,
    "test.npz shape": lambda path: files.array_shape(path, "a"),
    "detector.safetensors": files.read_state,
}


@pytest.mark.parametrize("how", ["missing", "empty", "cut", "other", "text"])
@pytest.mark.parametrize("kind", READERS)
def test_a_damaged_file_is_one_sentence_that_names_run_and_file(folder, kind, how):
    files.write_json(folder / "run.json", {"a": list(range(100))})
    files.write_arrays(folder / "test.npz", {"a": np.arange(1000)})
    files.write_state(folder / "detector.safetensors", {"a": torch.arange(1000)})
    path = folder / kind.split()[0]
    spoilt(path, how)
    with pytest.raises(DamagedRun) as refused:
        READERS[kind](path)
    sentence = str(refused.value)
    assert "some-run" in sentence and path.name in sentence and "\n" not in sentence and sentence.endswith(".")


def test_an_array_that_is_not_there_is_named(folder):
    files.write_arrays(folder / "test.npz", {"a": np.zeros(2)})
    with pytest.raises(
        DamagedRun, match="lacks an array: b is not a file in the archive. Delete the run, or import it again."
    ):
        files.read_arrays(folder / "test.npz", "a", "b")


def test_opening_a_stranger_s_file_runs_no_code(folder):
    class Evil:
        def __reduce__(self):
            return (os.system, (f"touch {folder / 'owned'}",))

    np.savez(folder / "test.npz", a=np.array([Evil()], dtype=object))
    torch.save({"a": Evil()}, folder / "detector.safetensors")
    for reader, name in ((files.read_arrays, "test.npz"), (files.read_state, "detector.safetensors")):
        with pytest.raises(DamagedRun):
            reader(folder / name)
    assert not (folder / "owned").exists()


@pytest.mark.parametrize(
    "structure",
    ["[]", "{}", '{"pairs": 3}', '{"tensor": "t9"}', '{"items": [{"tensor": 1}]}', "nonsense", '"text"', "3"],
)
def test_a_state_with_a_broken_structure_is_damaged(folder, structure):
    from safetensors.torch import save_file

    save_file({"t0": torch.zeros(1)}, folder / "detector.safetensors", metadata={"structure": structure})
    with pytest.raises(DamagedRun):
        files.read_state(folder / "detector.safetensors")
    save_file({"t0": torch.zeros(1)}, folder / "detector.safetensors")
    with pytest.raises(DamagedRun):
        files.read_state(folder / "detector.safetensors")


def test_json_that_was_written_is_json_for_everyone(folder):
    files.write_json(folder / "run.json", {"value": None, "text": "€"})
    assert json.loads((folder / "run.json").read_bytes()) == {"value": None, "text": "€"}
