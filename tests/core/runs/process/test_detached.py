import subprocess
import sys
import time

from core.runs import store
from core.runs.process import detached


def test_a_command_starts_in_a_session_of_its_own_with_the_store_and_what_it_inherits(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    started = {}

    class Started:
        def __init__(self, words, **options):
            started.update(options, words=words)

        def wait(self):
            started["reaped"] = True

    monkeypatch.setattr(subprocess, "Popen", Started)
    detached.start(["job", "some-run"], subprocess.DEVNULL, 7)
    assert started["words"] == [sys.executable, "-m", "core", "job", "some-run"]
    assert started["start_new_session"] and started["pass_fds"] == (7,) and started["cwd"] == store.PROJECT
    assert started["env"]["NOVELTY_CHECKPOINTS"] == str(tmp_path)
    deadline = time.monotonic() + 10
    while "reaped" not in started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
