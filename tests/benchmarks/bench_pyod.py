"""RaPP's autoencoder against PyOD's AutoEncoder: equal layers, batch and epochs, on the same images, in one process.

    pip install -r tests/benchmarks/requirements.txt
    python -m tests.benchmarks.bench_pyod

Prints training images/s of both and the median ratio: on 8 x 8 images, and on 28 x 28 at two layers and at the paper's
ten, there also in bfloat16. The larger the network, the nearer both are to the time of the matrix products alone: at
ten layers a bare PyTorch loop (bench_training) is no more than 1.4 times as fast as PyOD.
"""

import statistics
import time

import torch
from pyod.models.auto_encoder import AutoEncoder

from core import knobs, methods
from core.methods.base import build
from core.training import Progress, TaskTensors

EPOCHS, BATCH, ROUNDS = 3, 256, 3
CASES: dict[str, tuple[int, dict[str, object]]] = {  # side of the images, changes to the paper preset
    "8 x 8, five layers": (8, {"layers": 5, "bottleneck": 8}),
    "28 x 28, two layers": (28, {"layers": 2, "bottleneck": 32}),
    "28 x 28, ten layers": (28, {}),
    "28 x 28, ten layers, ours in bfloat16": (28, {"precision": "bfloat16"}),
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
    for name, (side, changes) in CASES.items():
        images = torch.randint(0, 256, (8192, 1, side, side), dtype=torch.uint8)
        rows = (images.flatten(1).float() / 255).numpy()
        task = TaskTensors(images, images[:64])
        pairs = []
        for seed in range(ROUNDS):
            mine, widths = ours(task, changes, seed)
            pairs.append((mine, theirs(rows, widths)))
        rates = [EPOCHS * len(images) / statistics.median(each) for each in zip(*pairs, strict=True)]
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{name}: images/s ours {rates[0]:,.0f}, PyOD {rates[1]:,.0f}; ratio {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
