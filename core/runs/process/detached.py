"""Commands of the app's own, in processes: such that outlive the server, and such that are waited for."""

import json
import os
import shlex
import subprocess
import sys
import threading
from typing import IO, Any

from core.errors import RunFailed, WrongRequest
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


def answer(words: list[str], seconds: float) -> dict[str, Any]:
    """What `python -m core` with these words answers, as its --json.  Waits for it.

    Raises WrongRequest with its complaint, RunFailed where it breaks or takes longer.
    """
    command = [sys.executable, "-m", "core", *words, "--json"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=store.PROJECT, env=environment(),
            timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RunFailed(f"It took over {seconds:.0f} seconds. Try it again when the machine is less busy.") from None
    if done.returncode == WrongRequest.exit_status:
        raise WrongRequest(done.stderr.strip())
    if done.returncode:
        raise RunFailed(f"`{shlex.join(['python', '-m', 'core', *words])}` broke. Run it in a terminal to see why.")
    return json.loads(done.stdout.splitlines()[-1])


def environment() -> dict[str, str]:
    """What such a process is started with: this one's environment, with the store by name."""
    return os.environ | {"NOVELTY_CHECKPOINTS": str(store.root())}
