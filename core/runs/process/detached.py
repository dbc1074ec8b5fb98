"""Commands of the app's own, each in a process that outlives the server."""

import os
import subprocess
import sys
import threading
from typing import IO

from core.runs import store


def start(words: list[str], log: IO[bytes] | int, *inherited: int) -> None:
    """Start `python -m core` with these words in a session of its own; what it says goes to the log.

    inherited: descriptors that it gets, under the same numbers.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "core", *words],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=store.PROJECT,
        env=environment(),
        start_new_session=True,
        pass_fds=inherited,
    )
    # A finished child must be reaped, or it stays a zombie while the server lives.
    threading.Thread(target=process.wait, daemon=True).start()


def environment() -> dict[str, str]:
    """What such a process is started with: this one's environment, with the store by name."""
    return os.environ | {"NOVELTY_CHECKPOINTS": str(store.root())}
