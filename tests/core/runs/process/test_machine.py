import os
import subprocess
import sys

import pytest

from core.runs.process import machine


def test_cores_are_those_that_this_process_may_use():
    assert 1 <= machine.cores() <= os.cpu_count()


def test_gpus_are_named_as_the_driver_names_them(tmp_path):
    for bus, text in {"0000:01:00.0": "Model: \t NVIDIA H200\nIRQ: 42\n", "0000:02:00.0": "IRQ: 43\n"}.items():
        (tmp_path / bus).mkdir()
        (tmp_path / bus / "information").write_text(text)
    assert machine.gpus(tmp_path) == ["NVIDIA H200", "GPU"]
    assert machine.gpus(tmp_path / "no driver") == []


def test_speed_is_that_of_the_best_try_beside_the_other_machine(monkeypatch):
    times = iter([0.0, 0.9, 1.0, 1.4, 2.0, 2.6])  # tries of 0.9, 0.4 and 0.6 s
    monkeypatch.setattr(machine, "TRIES", 3)
    monkeypatch.setattr(machine, "OTHERS_SECONDS", 0.8)
    monkeypatch.setattr(machine.time, "thread_time", lambda: next(times))
    monkeypatch.setattr(machine, "cores", lambda: 8)  # four times as many count as twice as fast
    machine.speed.cache_clear()
    assert machine.speed() == pytest.approx(4.0)
    machine.speed.cache_clear()


def test_speed_hardly_changes_beside_other_work():
    """The processor's time counts, not the clock's."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * machine.cores())]
    try:
        machine.speed.cache_clear()
        beside = machine.speed()
    finally:
        for each in busy:
            each.kill()
            each.wait()
    machine.speed.cache_clear()
    assert 0.4 < beside / machine.speed() < 2.5
    machine.speed.cache_clear()


def test_the_memory_that_is_left_is_the_less_of_the_machine_s_and_the_container_s(tmp_path):
    meminfo, group = tmp_path / "meminfo", tmp_path / "group"
    assert machine.memory_left(meminfo, group) == float("inf")
    meminfo.write_text("MemTotal:       8000 kB\nMemAvailable:   3000 kB\n")
    assert machine.memory_left(meminfo, group) == 3000 * 1024
    group.mkdir()
    for name, text in {
        "memory.max": "2000000",
        "memory.current": "900000",
        "memory.stat": "anon 1\ninactive_file 7",
    }.items():
        (group / name).write_text(text)
    assert machine.memory_left(meminfo, group) == 2_000_000 - 900_000 + 7
    (group / "memory.max").write_text("max\n")
    assert machine.memory_left(meminfo, group) == 3000 * 1024


def test_who_leads_a_session_lowers_it_beside_the_others(monkeypatch, tmp_path):
    steps, group = [], tmp_path / "autogroup"
    monkeypatch.setattr(machine.os, "nice", steps.append)
    monkeypatch.setattr(machine, "GROUP", group)
    machine.step_back(3)  # a system that doesn't group processes by session
    assert steps == [3] and not group.exists()

    group.write_text("/autogroup-1562 nice 2\n")
    monkeypatch.setattr(machine, "leads_a_session", lambda: False)
    machine.step_back(3)
    assert group.read_text() == "/autogroup-1562 nice 2\n"  # others of its session are not its business

    monkeypatch.setattr(machine, "leads_a_session", lambda: True)
    machine.step_back(3)
    assert group.read_text() == "5" and steps == [3, 3, 3]


def test_a_process_in_a_session_of_its_own_leads_it():
    asked = [sys.executable, "-c", "from core.runs.process import machine; print(machine.leads_a_session())"]
    for alone in (True, False):
        said = subprocess.run(asked, capture_output=True, text=True, check=True, start_new_session=alone).stdout
        assert said.strip() == str(alone)
