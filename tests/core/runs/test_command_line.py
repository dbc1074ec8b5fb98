import shlex

import pytest

from core.__main__ import parser
from core.knobs import parse_assignments
from core.runs import command_line
from core.runs.spec import request


@pytest.mark.parametrize(
    "asked",
    [
        request("digits", "multimodal", "3", "rapp-ae"),
        request("digits", "multimodal", "3", "rapp-vae", preset="paper", changes={"epochs": 9}, seed=2, split_seed=1),
        request("digits", "several-normal", "0,1", "deep-svdd", options={"split": "pooled"}, device="cpu"),
        request("digits", "cross-dataset", "0,1", "rapp-ae", options={"anomalies": "uniform-noise", "most": 50}),
        request("digits", "cross-dataset", "", "rapp-ae", options={"draw": 3, "draw_seen": 2}, split_seed=1),
        request("digits", "latent-super-category", "CUR", "deep-svdd", changes={"nu": 5e-3}),
        request(
            "digits",
            "latent-super-category",
            'o, "c"',
            "rapp-ae",
            options={"groups": '"o, ""c""": 0, 3; $HOME\'s =x: 1', "split": "pooled"},
        ),  # fmt: skip
    ],
)
def test_the_command_asks_for_the_same_run(asked):
    python, m, core, *rest = shlex.split(command_line.command(asked))
    assert (python, m, core) == ("python", "-m", "core")
    words = parser().parse_args(rest)
    again = request(
        words.dataset,
        words.scenario,
        words.target,
        words.method,
        preset=words.preset,
        changes=parse_assignments(words.set),
        options=parse_assignments(words.scenario_set),
        split_seed=words.split_seed,
        seed=words.seed,
        device=words.device,
    )
    assert again == asked


def test_the_command_names_what_differs_from_the_nearest_preset():
    asked = request("digits", "multimodal", "3", "rapp-ae", changes={"epochs": 7})
    expected = "python -m core train --dataset digits --scenario multimodal --target 3 --method rapp-ae --set epochs=7"
    assert command_line.command(asked) == expected
    paper = request("digits", "multimodal", "3", "rapp-ae", preset="paper", changes={"epochs": 7})
    assert command_line.closest_preset(paper) == ("paper", {"epochs": 7})
