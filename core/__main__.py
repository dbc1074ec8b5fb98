"""The command line: `python -m core COMMAND`."""

import argparse
import sys

from core.errors import NoveltyError


def job(arguments: argparse.Namespace) -> int:
    """Train a queued run in this process; what the app starts in the background."""
    from core.runs import store, worker

    run = worker.execute(store.find(arguments.run))
    return 0 if run.state == store.FINISHED else 1


def main(words: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 2 a wrong request, 1 a failed run."""
    parser = argparse.ArgumentParser(prog="python -m core")
    commands = parser.add_subparsers(required=True)
    hidden = commands.add_parser("job")
    hidden.add_argument("run")
    hidden.set_defaults(command=job)
    arguments = parser.parse_args(words)
    try:
        return arguments.command(arguments)
    except NoveltyError as error:
        print(error, file=sys.stderr)
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main())
