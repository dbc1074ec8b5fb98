"""How a folder stands: by what was written, and by the lock or the heartbeat of its process."""

import os
import socket
from dataclasses import dataclass

import pytest

from core.runs import living, locks
from core.runs.living import Living


@dataclass(frozen=True)
class Written(Living):
    """A folder whose state.json says this."""

    said: tuple[tuple[str, str], ...]

    @property
    def mark(self):
        return dict(self.said)


def of(folder, state, **more):
    return Written(folder, tuple(({"state": state} | more).items()))


@pytest.mark.parametrize("state", living.LIVE)
def test_a_live_state_is_true_while_the_lock_is_held(tmp_path, state):
    for host in ({}, {"host": socket.gethostname()}):
        assert of(tmp_path, state, **host).state == living.INTERRUPTED
        with locks.taken(tmp_path):
            assert of(tmp_path, state, **host).state == state


@pytest.mark.parametrize("state", living.ENDED)
def test_an_end_state_needs_no_process(tmp_path, state):
    assert of(tmp_path, state).state == state
    assert of(tmp_path, state, sentence="Why.").sentence == "Why." and of(tmp_path, state).sentence == ""


def test_elsewhere_it_lives_by_its_heartbeat(tmp_path):
    away = of(tmp_path, living.RUNNING, host="elsewhere")
    with locks.taken(tmp_path):  # a lock of another host can't be seen here
        assert away.state == living.INTERRUPTED
    (tmp_path / "heartbeat").touch()
    assert away.state == living.RUNNING
    os.utime(tmp_path / "heartbeat", (1, 1))
    assert away.state == living.INTERRUPTED
