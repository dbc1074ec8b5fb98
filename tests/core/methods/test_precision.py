import pytest
import torch

from core import knobs, methods
from core.errors import WrongRequest
from core.methods import precision

SHAPE = (1, 8, 8)


def measured(name: str = "rapp-ae", **changes) -> precision.Rates:
    card = methods.card(name)
    settings = knobs.changed(knobs.preset(card.knobs, "quick", SHAPE), changes)
    return precision.measure(card, settings, SHAPE, torch.device("cpu"))


def with_a_clock(monkeypatch, seconds: dict[str, float], first: float) -> list[str]:
    """Epochs that take so long by a clock of their own, the first of each longer; the list fills with what ran."""
    now, ran = [0.0], []
    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])

    def epoch(card, settings, shape, device):
        def run():
            now[0] += seconds[settings.precision] + (0 if settings.precision in ran else first)
            ran.append(settings.precision)

        return run

    monkeypatch.setattr(precision, "_epoch", epoch)
    return ran


def test_the_gain_is_of_epochs_by_turns_without_the_first(monkeypatch):
    ran = with_a_clock(monkeypatch, {"float32": 0.05, "bfloat16": 0.02}, first=0.9)
    rates = measured(batch_size=50)
    assert (rates.float32, rates.bfloat16) == (pytest.approx(8 * 50 / 0.05), pytest.approx(8 * 50 / 0.02))
    assert rates.gain == pytest.approx(2.5) and rates.worth
    assert rates.sentence == (
        "bfloat16 trains 2.5 times as fast as float32 on this machine: 20,000 images a second beside 8,000."
    )
    assert ran == ["float32", "bfloat16"] * 6


def test_a_slow_machine_measures_fewer_epochs(monkeypatch):
    ran = with_a_clock(monkeypatch, {"float32": 4.0, "bfloat16": 5.0}, first=0.0)
    rates = measured()
    assert len(ran) == 2 * 4 and not rates.worth
    assert rates.sentence.startswith("bfloat16 gains nothing on this machine: ")


@pytest.mark.parametrize("name", ["rapp-ae", "rapp-vae", "rapp-aae"])
def test_real_epochs_are_measured_in_each_arithmetic(name):
    rates = measured(name, batch_size=32)
    assert 0 < rates.float32 < 1e7 and 0 < rates.bfloat16 < 1e7


def test_a_method_without_the_choice_says_who_has_it():
    with pytest.raises(WrongRequest, match="Deep SVDD trains in float32 alone. rapp-ae, rapp-vae, rapp-aae have the"):
        measured("deep-svdd")
