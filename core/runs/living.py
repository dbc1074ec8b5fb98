"""What has a process of its own, a run or a sweep, as its folder tells it: what was written, and whether that is so.

A live state is true only while the process lives: while the lock is held, or, on another host, while the heartbeat is
young. `interrupted` follows from that and is never written.
"""

import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.runs import locks

QUEUED, RUNNING, FINISHED, FAILED, CANCELLED, INTERRUPTED = (
    "queued",
    "running",
    "finished",
    "failed",
    "cancelled",
    "interrupted",
)
LIVE, ENDED = (QUEUED, RUNNING), (FINISHED, FAILED, CANCELLED, INTERRUPTED)
HEARTBEAT = 60.0  # seconds without a sign of life after which a process on another host counts as gone


@dataclass(frozen=True)
class Living:
    """A folder with state.json, lock and heartbeat.  Reading never changes it."""

    folder: Path

    @property
    def mark(self) -> dict[str, Any]:
        """state.json as its process last wrote it.  Raises DamagedRun."""
        raise NotImplementedError

    @property
    def state(self) -> str:
        """queued, running, finished, failed, cancelled, or interrupted where its process is gone."""
        written = self.mark["state"]
        return written if written not in LIVE or self.alive else INTERRUPTED

    @property
    def sentence(self) -> str:
        """Why it ended as it did, or an empty text."""
        return str(self.mark.get("sentence", ""))

    @property
    def alive(self) -> bool:
        """Whether its process lives: its lock is held, or, on another host, its heartbeat is young."""
        if self.mark.get("host") not in (None, socket.gethostname()):
            return time.time() - _mtime(self.folder / "heartbeat") < HEARTBEAT
        return locks.held(self.folder / locks.NAME)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
