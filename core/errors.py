"""Everything that can go wrong and that a person can do something about.

    NoveltyError
    ├── WrongRequest    what was asked can't be done; the sentence names what is allowed      (exit status 2)
    ├── MissingData     an image set is not on this machine; the sentence says how to get it  (exit status 2)
    ├── DamagedRun      a run folder lacks a file or holds one that can't be read             (exit status 2)
    └── RunFailed       a training ended without a detector; the sentence says why            (exit status 1)

Each carries one sentence for a person: what was asked, what is allowed, what to do. Pages show it, the command line
prints it. Mistakes of our own are `assert` or any other exception.
"""

from pathlib import Path


class NoveltyError(Exception):
    """One sentence for a person, with the exit status that the command line ends with."""

    exit_status = 2


class WrongRequest(NoveltyError):
    """What was asked can't be done."""


class MissingData(NoveltyError):
    """An image set is not on this machine."""


class DamagedRun(NoveltyError):
    """A run folder lacks a file or holds one that can't be read.  folder: of the run, where it is known."""

    def __init__(self, sentence: str, folder: Path | None = None) -> None:
        super().__init__(sentence)
        self.folder = folder


class RunFailed(NoveltyError):
    """A training ended without a detector."""

    exit_status = 1


class Cancelled(Exception):
    """A person asked a training to stop: no error, so no NoveltyError."""
