import os

from core.runs.process import machine


def test_cores_are_those_that_this_process_may_use():
    assert 1 <= machine.cores() <= os.cpu_count()


def test_gpus_are_named_as_the_driver_names_them(tmp_path):
    for bus, text in {"0000:01:00.0": "Model: \t NVIDIA H200\nIRQ: 42\n", "0000:02:00.0": "IRQ: 43\n"}.items():
        (tmp_path / bus).mkdir()
        (tmp_path / bus / "information").write_text(text)
    assert machine.gpus(tmp_path) == ["NVIDIA H200", "GPU"]
    assert machine.gpus(tmp_path / "no driver") == []
