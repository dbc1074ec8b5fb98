"""RaPP's autoencoder against PyOD's AutoEncoder: equal layers, batch and epochs, on the same images, in one process.

    pip install -r tests/benchmarks/requirements.txt
    python -m tests.benchmarks.bench_pyod

Prints training images/s of both and the median ratio, at two layers and at the paper's ten, there also in bfloat16.
"""

import statistics
import time

import torch
from pyod.models.auto_encoder import AutoEncoder

from core import knobs, methods
from core.methods.base import build
from core.training import Progress, TaskTensors

EPOCHS, BATCH, ROUNDS = 3, 256, 3
CASES = {
    "two layers": {"layers": 2, "bottleneck": 32},
    "ten layers": {},
    "ten layers, ours in bfloat16": {"precision": "bfloat16"},
}


def ours(task: TaskTensors, changes: dict[str, object], seed: int) -> tuple[float, list[int]]:
    """Seconds of the training epochs, and the encoder's widths."""
    settings = knobs.preset(methods.card("rapp-ae").knobs, "paper", task.shape)
    settings = knobs.changed(settings, {"epochs": EPOCHS, "batch_size": BATCH} | changes)
    detector = build(methods.load("rapp-ae"), settings, task.shape, seed).to(task.device)
    training = detector.stages(task)[0]
    training.begin(task, Progress())
    began = time.perf_counter()
    for epoch in range(1, EPOCHS + 1):
        training.epoch(epoch)
    return time.perf_counter() - began, list(detector.pathway.widths[1:])


def theirs(rows, widths: list[int]) -> float:
    """Seconds of PyOD's fit, which also scores the training images once; it mirrors the hidden widths itself."""
    other = AutoEncoder(
        hidden_neuron_list=widths, epoch_num=EPOCHS, batch_size=BATCH, dropout_rate=0, preprocessing=False, verbose=0
    )
    began = time.perf_counter()
    other.fit(rows)
    return time.perf_counter() - began


def main() -> None:
    images = torch.randint(0, 256, (8192, 1, 28, 28), dtype=torch.uint8)
    rows = (images.flatten(1).float() / 255).numpy()
    task = TaskTensors(images, images[:64])
    for name, changes in CASES.items():
        pairs = []
        for seed in range(ROUNDS):
            mine, widths = ours(task, changes, seed)
            pairs.append((mine, theirs(rows, widths)))
        rates = [EPOCHS * len(images) / statistics.median(each) for each in zip(*pairs, strict=True)]
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{name}: images/s ours {rates[0]:,.0f}, PyOD {rates[1]:,.0f}; ratio {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
