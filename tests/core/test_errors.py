from pathlib import Path

import pytest

from core import errors


def test_a_damaged_run_may_say_where_it_lies():
    error = errors.DamagedRun("state.json is gone.", Path("store/run"))
    assert (str(error), error.folder) == ("state.json is gone.", Path("store/run"))
    assert errors.DamagedRun("It is gone.").folder is None


@pytest.mark.parametrize("kind", ["WrongRequest", "MissingData", "DamagedRun", "RunFailed"])
def test_only_a_failed_training_has_another_exit_status(kind):
    error = getattr(errors, kind)("One sentence.")
    assert isinstance(error, errors.NoveltyError) and str(error) == "One sentence."
    assert error.exit_status == (1 if kind == "RunFailed" else 2)
