import os
import subprocess
import sys

import pytest

from core.runs import locks


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    locks.let_go(tmp_path)


def test_a_lock_that_is_kept_is_held_until_it_is_let_go(folder):
    assert not locks.held(folder / locks.NAME)
    assert locks.keep(folder) and locks.held(folder / locks.NAME) and locks.kept(folder)
    assert not locks.keep(folder)
    locks.let_go(folder)
    assert not locks.kept(folder)
    assert not locks.held(folder / locks.NAME)


def test_one_that_was_kept_is_taken_for_a_block_and_then_falls(folder):
    locks.keep(folder)
    with locks.taken(folder) as mine:
        assert mine and locks.held(folder / locks.NAME)
    assert not locks.held(folder / locks.NAME)
    with locks.taken(folder) as mine:
        assert mine


def test_another_process_s_lock_is_not_taken(folder, holder):
    process = holder(folder / locks.NAME)
    assert locks.held(folder / locks.NAME) and not locks.keep(folder)
    with locks.taken(folder) as mine:
        assert not mine
    assert process.poll() is None and locks.held(folder / locks.NAME)


def test_a_child_inherits_it_without_a_gap_and_it_falls_with_the_child(folder):
    locks.keep(folder)
    with locks.handed_over(folder) as descriptor:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[descriptor])
    assert locks.held(folder / locks.NAME) and not locks.keep(folder)
    child.communicate(b"\n")
    assert not locks.held(folder / locks.NAME)


def test_an_inherited_lock_is_kept_and_passed_on_to_nobody(folder):
    locks.keep(folder)
    descriptor = os.dup(locks._kept[folder])
    os.set_inheritable(descriptor, True)
    locks.let_go(folder)
    locks.adopt(folder, descriptor)
    assert not os.get_inheritable(descriptor) and locks.held(folder / locks.NAME)


def test_it_follows_its_folder_to_another_name(folder):
    made, placed = folder / "made", folder / "placed"
    made.mkdir()
    locks.keep(made)
    made.rename(placed)
    locks.moved(made, placed)
    assert locks.held(placed / locks.NAME)
    locks.let_go(placed)
    assert not locks.held(placed / locks.NAME)
