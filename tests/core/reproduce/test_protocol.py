"""What was sealed stays sealed; what changes after the start is said."""

import json

import pytest

from core.errors import DamagedRun, WrongRequest
from core.reproduce import protocol as protocols
from core.reproduce.protocol import changes, digest_of, history, key_of, newest, read, settled, started, versions
from core.reproduce.start import agreed, plan
from core.sweeps.grid import NAME
from tests.core.reproduce.making import TEXT, asked


@pytest.fixture
def sealed(tmp_path):
    request = asked(tmp_path)
    return agreed(request, plan(request))


def again(tmp_path, **more):
    request = asked(tmp_path, **more)
    return agreed(request, plan(request))


def edit(protocol, **more):
    content = json.loads(protocol.path.read_text())
    content["protocol"] |= more
    protocol.path.write_text(json.dumps(content))
    return read(protocol.path)


def test_a_protocol_says_what_was_agreed(sealed):
    told = sealed.content
    assert told["seeds"] == [0, 1] and told["margin"] == 0.05 and told["scale"] == "published"
    assert list(told["data"]) == ["digits"] and len(told["data"]["digits"]) >= 16
    assert told["deviations"]["AE"]["1"].startswith("NAP comes from") and told["versions"] == versions()
    assert [cell.key for cell in sealed.cells] == ["ae/nap/digits", "upside-down/boundary/digits"]
    assert sealed.runs == 8 and sealed.whole and not sealed.broken and digest_of(told) == sealed.digest
    assert sealed.sweep == f"small-published-{sealed.short}" and NAME.fullmatch(sealed.sweep)
    assert sealed.to_json() == json.loads(sealed.path.read_text())


def test_asking_for_the_same_seals_nothing_new(sealed, tmp_path):
    assert again(tmp_path) == sealed and newest(sealed.key) == sealed and history(sealed) == [sealed]
    assert again(tmp_path, device="cpu") == sealed  # where it is trained decides nothing
    assert started() == [sealed]


def test_an_edit_by_hand_is_seen_and_refused(sealed, tmp_path):
    edited = edit(sealed, margin=0.2)
    assert not edited.whole and sealed.short in edited.broken and "finished runs are kept" in edited.broken
    with pytest.raises(WrongRequest, match="was edited after it was sealed"):
        again(tmp_path)
    anew = again(tmp_path, anew=True)
    assert anew.whole and anew.path.name == "002.json" and anew.content["follows"] == sealed.digest


def test_a_change_after_the_start_is_refused_and_with_anew_it_is_told(sealed, tmp_path):
    with pytest.raises(WrongRequest, match="the seeds 0, 1, now 0, 1, 2"):
        again(tmp_path, seeds=3)
    anew = again(tmp_path, seeds=3, anew=True)
    assert anew.content["changed"] == [
        "the seeds 0, 1, now 0, 1, 2",
        "ae/nap/digits had other runs",
        "upside-down/boundary/digits had other runs",
    ]
    assert history(anew) == [sealed, anew] and newest(anew.key) == anew


def test_a_changed_table_is_seen(sealed, tmp_path):
    (tmp_path / "small.toml").write_text(
        TEXT.replace("[0.9]", "[0.8]").replace("[0.7]\n", "[0.7]\nknobs = {nu = 0.2}\n")
    )
    with pytest.raises(WrongRequest) as caught:
        again(tmp_path)
    assert "ae/nap/digits claimed 0.9, now 0.8" in str(caught.value)
    assert "upside-down/boundary/digits had nu 0.1, now 0.2" in str(caught.value)


def test_changed_images_are_seen(sealed):
    now = json.loads(json.dumps(sealed.content)) | {"data": {"digits": "0123456789abcdef"}}
    (told,) = changes(sealed, now)
    assert told.startswith("the images of digits had the digest") and "now 01234567" in told


def test_cells_may_be_added(tmp_path):
    first = again(tmp_path, patterns=("ae/*",))
    both = again(tmp_path, patterns=("upside-down/*",))
    assert [cell.key for cell in both.cells] == ["ae/nap/digits", "upside-down/boundary/digits"]
    assert both.content["follows"] == first.digest and both.content["changed"] == ["1 cells were added"]
    assert again(tmp_path, patterns=("ae/*",)) == both
    assert set(both.content["deviations"]) == {"AE", "upside down"}


def test_images_that_come_later_are_added(sealed):
    content = json.loads(json.dumps(sealed.content))
    absent = [cell | {"specs": [], "missing": "absent"} for cell in content["cells"]]
    before = protocols._seal(sealed.key, content | {"cells": absent}, None, [])
    assert settled(content | {"cells": absent}) == before
    assert settled(content).content["changed"] == ["2 cells were added"]


def test_a_file_that_is_no_protocol(sealed, tmp_path):
    sealed.path.write_text("{")
    with pytest.raises(DamagedRun, match="is no protocol any more"):
        again(tmp_path)
    assert started() == [] and again(tmp_path, anew=True).whole


def test_keys_are_safe_as_names():
    assert key_of("rapp-table-2", "quick", "My set") == "rapp-table-2-quick-my-set"
    assert key_of("rapp-table-2", "shortened") == "rapp-table-2-shortened"
