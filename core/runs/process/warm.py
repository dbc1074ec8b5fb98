"""A process that has loaded torch waits for the next run and forks a child for it, which trains as a fresh one would.

The waiting process only imports: it computes nothing, so no thread pool, no CUDA and no random state of torch exist
that a fork would spoil or two runs would share. The server asks for it when somebody is about to train, and never
depends on it: a child says that it is there and waits for a word; where none comes in time, it isn't given the run,
which gets a process of its own. One waits at most per server, for a few minutes, and none where memory is short.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

from core import methods
from core.runs import store
from core.runs.process import detached, machine

IDLE_SECONDS = 300.0  # without a run, then it ends
LOOK_SECONDS = 10.0  # between two looks at the memory that is left
LEAST_MEMORY = 3 * 2**29  # bytes that must be left: it takes a third of that, and a training wants the rest
PATIENCE = 1.0  # seconds that a child may take to say that it is there: hundredths, on a quiet machine
LOADED, THERE, GO = b"l", b"t", b"g"
NEEDED = (  # what a training imports when it needs it
    "torch",
    "safetensors.torch",
    "scipy.linalg.lapack",
    "core.cli.commands",
    "core.methods.base",
    "core.runs.command_line",
    "core.runs.process.progress",
    "core.runs.process.task_cache",
    "core.runs.results.controls",
    "core.runs.results.page_arrays",
    "core.runs.results.projection",
)


def possible() -> bool:
    """Whether a process may wait here: where processes can fork, memory is left, and NOVELTY_WARM isn't off."""
    able = hasattr(os, "fork") and hasattr(socket, "send_fds") and os.environ.get("NOVELTY_WARM") != "off"
    return able and machine.memory_left() > LEAST_MEMORY


# --- the process -----------------------------------------------------------------------------------------------------


def wait(descriptor: int) -> tuple[str, int] | None:
    """Load, then fork a child for each run that comes through the socket, until the server ends or none comes.

    Returns in the child, which then is the process of that run: its id, and the descriptor of its lock. Else None.
    """
    with socket.socket(fileno=descriptor) as channel:
        for name in (*NEEDED, *(method.detector.partition(":")[0] for method in methods.METHODS.values())):
            importlib.import_module(name)
        gc.collect()
        gc.freeze()  # else a child's first collection would copy every page
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the children
        with contextlib.suppress(OSError):
            channel.send(LOADED)
        deadline = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < deadline and possible():
            if select.select([channel], [], [], LOOK_SECONDS)[0]:
                run, descriptors, *_ = socket.recv_fds(channel, 4096, 3)
                if not run:
                    return None
                if os.fork() == 0:
                    return run.decode(), _taken(*descriptors)
                for each in descriptors:
                    os.close(each)
                deadline = time.monotonic() + IDLE_SECONDS
    return None


def _taken(lock: int, log: int, answer: int) -> int:
    """Become a process of a session of its own whose words go to the log; returns the lock.

    Ends where the server doesn't say that the run is this process's.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for each in (nothing, log):
        os.close(each)
    with socket.socket(fileno=answer) as server:
        try:
            server.send(THERE)
            given = server.recv(1) == GO
        except OSError:
            given = False
    if not given:
        os._exit(0)
    return lock


# --- the server's side -----------------------------------------------------------------------------------------------


class Waiting:
    """The way to the waiting process, from any thread."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.channel: socket.socket
        self.environment: dict[str, str] = {}
        self.loaded = False
        self.lock = threading.Lock()

    def prepare(self) -> None:
        """Have a process load torch, where none waits that was started in the same environment."""
        with self.lock:
            if not self._usable() and possible():
                self._start()

    def train(self, run: store.Run, lock: int, log: int) -> bool:
        """Give a queued run to a child of the waiting process; False where there is none that is ready.

        lock, log: descriptors of the run's lock, which the child inherits, and of what its words are written to.
        """
        with self.lock:
            if not self._usable() or not self._loaded():
                return False
            ours, theirs = socket.socketpair()
            with ours, theirs, contextlib.suppress(OSError):
                ours.settimeout(PATIENCE)
                socket.send_fds(self.channel, [run.id.encode()], [lock, log, theirs.fileno()])
                theirs.close()
                if ours.recv(1) == THERE:
                    ours.send(GO)  # from here on the run is the child's
                    return True
            self._end()
            return False

    def close(self) -> None:
        """End the process; the children that train go on."""
        with self.lock:
            self._end()

    def _usable(self) -> bool:
        if self.process is None:
            return False
        if self.process.poll() is None and self.environment == detached.environment():
            return True
        self._end()
        return False

    def _loaded(self) -> bool:
        if not self.loaded and select.select([self.channel], [], [], 0)[0]:
            self.loaded = self.channel.recv(1) == LOADED
        return self.loaded

    def _start(self) -> None:
        self.environment, self.loaded = detached.environment(), False
        self.channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "core", "warm", "--channel", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=store.PROJECT,
                env=self.environment,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )

    def _end(self) -> None:
        if self.process is not None:
            self.channel.close()
            self.process.kill()
            self.process.wait()
            self.process = None


shared = Waiting()  # one a server
