"""What a command answers."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What `--json` prints as its last line, and the text that a person reads instead.

    failure: why its run has no result, which makes the exit status 1.
    """

    content: dict[str, Any]
    text: str = ""
    failure: str = ""
