"""What starting a grid is said to mean."""

from core.runs import store
from core.sweeps import cells, plan, training
from tests.core.sweeps.small import kept, small


def test_what_is_done_left_and_refused_is_counted(empty):
    one = kept(small(scenario=["unimodal", "several-normal"], target=[["3"], ["0", "1"]]))
    first = one.cells[0].spec
    training.train_run(first.to_json(), str(one.folder), {})
    assert [run.state for run in store.runs()] == [store.FINISHED]
    found = plan.plan(one.cells, 2)
    assert (found.runs, found.done, found.jobs) == (len(one.cells), 1, 2)
    assert found.left == len(one.cells) - 1 - len(found.refused) and len(found.refused) == 2
    assert found.seconds and found.seconds > 0
    told = found.in_words("small").splitlines()
    assert told[0].startswith(f"small: {found.runs} runs, 1 are done, {found.left} are left, 2 can't be trained; ")
    assert told[0].endswith("with 2 at once.") and "takes exactly one class" in told[1] and len(told) == 2


def test_a_length_that_nobody_knows_and_nothing_left_are_said(empty):
    found = plan.plan(cells.expand(small()), 1)
    assert found.seconds is None and found.in_words("small").endswith("2 are left; of unknown length with 1 at once.")
    assert plan.Plan(1, 0, 1, (), None, 1).in_words("small").startswith("small: 1 run, 0 are done")
    assert plan.Plan(2, 2, 0, (), 0.0, 1).in_words("small") == "small: 2 runs, 2 are done, 0 are left."
