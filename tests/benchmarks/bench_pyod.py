"""RaPP's autoencoder against PyOD's AutoEncoder: the same layers, batch and epochs, on the same images, in one process.

    pip install -r tests/benchmarks/requirements.txt
    python tests/benchmarks/bench_pyod.py

Prints training images/s of both and the ratio (bound: 3).
"""

import time

import torch
from pyod.models.auto_encoder import AutoEncoder

from core import knobs, methods
from core.methods.base import build
from core.training import TaskTensors

EPOCHS, BATCH = 3, 256


def main() -> None:
    images = torch.randint(0, 256, (8192, 1, 28, 28), dtype=torch.uint8)
    rows = (images.flatten(1).float() / 255).numpy()
    card = methods.card("rapp-ae")
    settings = knobs.changed(knobs.preset(card.knobs, "paper", (1, 28, 28)), {"epochs": EPOCHS, "batch_size": BATCH})
    task = TaskTensors(images, images[:64])
    ratios = []
    for number in range(3):
        detector = build(methods.load("rapp-ae"), settings, task.shape, number)
        training = detector.to(task.device).stages(task)[0]
        from core.training import Progress

        training.begin(task, Progress())
        began = time.perf_counter()
        for epoch in range(1, EPOCHS + 1):
            training.epoch(epoch)
        ours = EPOCHS * len(images) / (time.perf_counter() - began)

        # PyOD mirrors the list of hidden widths itself, as RaPP's decoder mirrors its encoder.
        other = AutoEncoder(
            hidden_neuron_list=list(detector.pathway.widths[1:]),
            epoch_num=EPOCHS,
            batch_size=BATCH,
            preprocessing=False,
            verbose=0,
        )
        began = time.perf_counter()
        other.fit(rows)
        theirs = EPOCHS * len(images) / (time.perf_counter() - began)
        ratios.append(ours / theirs)
        print(
            f"images/s: ours {ours:,.0f}, PyOD {theirs:,.0f} (its fit scores the training images too): "
            f"{ours / theirs:.2f}",
            flush=True,
        )
    print(f"median ratio {sorted(ratios)[1]:.2f}")


if __name__ == "__main__":
    main()
