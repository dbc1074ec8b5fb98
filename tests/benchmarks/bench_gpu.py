"""What a CUDA GPU gains and keeps: images/s against a bare loop, scores and AUROC against the CPU's.

    python -m tests.benchmarks.bench_gpu [--rounds 5] [--images 16384] [--dataset digits]

Two Markdown tables. The first, by stage at 28 x 28: images/s of our epoch, against a bare PyTorch loop of the same
network, batch and optimiser (target 0.95), against the same loop recorded as a CUDA graph (target 0.8), and against our
own plain steps, by turns in one process, medians; and how far the weights of recorded and plain steps lie apart in the
end, as a share of the largest. The second: each method trained shortly on the GPU and on the CPU
with the same seed; the largest difference of one checkpoint's scores between the devices, in units of the scores'
spread or size, whichever is larger (target 1e-3); AUROC of both, and whether the GPU's lies in the CPU's 95 % interval.

Without a GPU the CPU takes its place, and nothing is recorded. Needs no app: torch and numpy alone.
"""

import argparse
import itertools
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core import evaluation, knobs, methods, scenarios
from core.methods.base import Detector, build, from_state
from core.training import Progress, TaskTensors, choose, on_device, train
from core.training.device import deterministic, seed_everything
from core.training.recorded import ASKED, Steps, recordable

SHAPE = (1, 28, 28)
SHORT: dict[str, dict[str, Any]] = {  # epochs of the second table's trainings
    "rapp-ae": {"epochs": 40},
    "deep-svdd": {"pretrain_epochs": 30, "epochs": 20},
    "clad": {"pretrain_epochs": 20, "cluster_epochs": 5, "epochs": 3},
    "vae-threshold": {"epochs": 8},
}
TASKS = {"deep-svdd": ("unimodal", "0"), "vae-threshold": ("unimodal", "0")}  # of the second table
MULTIMODAL = ("multimodal", "8")  # for the others
Loss = Callable[[Tensor], Tensor]


# --- a bare loop ------------------------------------------------------------------------------------------------------


def bare_loss(name: str, detector: Any, labels: Tensor) -> tuple[Loss, list[Tensor], Callable[[Tensor], Tensor]]:
    """(loss of a batch of indices' images, weights that descend, how images are prepared once) of a stage's twin."""
    networks = detector.networks
    if name == "rapp-ae train":
        both = torch.nn.Sequential(*detector.encoder, *detector.decoder)
        return lambda x: (both(x) - x).square().sum(), list(both.parameters()), lambda u: u.flatten(1).float() / 255
    if name == "vae-threshold train":

        def evidence(x: Tensor) -> Tensor:
            mean, spread = networks.encode(x)
            logits = networks.decode(mean + (spread / 2).exp() * torch.randn_like(mean))
            entropy = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
            divergence = 0.5 * (mean.square() + spread.exp() - spread - 1).sum()
            held = detector.knobs.l2 * torch.stack([k.square().sum() for k in networks.penalised()]).sum()
            return (entropy + divergence) / len(x) + held

        return evidence, list(networks.parameters()), detector.pixels
    encoder, decoder = networks["encoder"], networks["decoder"]
    if name == "clad classifier":
        classifier = networks["classifier"]
        return (
            lambda x: F.cross_entropy(classifier(x), labels[: len(x)]),
            list(classifier.parameters()),
            detector.standardised,
        )
    if name == "deep-svdd train":
        centre = detector.centres[0]
        return (
            lambda x: (encoder(x) - centre).square().sum(1).mean(),
            list(encoder.parameters()),
            detector.prepared,
        )
    weights = [*encoder.parameters(), *decoder.parameters()]
    prepared = detector.prepared if name.startswith("deep-svdd") else detector.pixels
    return lambda x: (decoder(encoder(x)) - x).square().sum((1, 2, 3)).mean(), weights, prepared


class Bare:
    """An epoch over prepared float images: by plain steps, or each full batch as one recorded step."""

    def __init__(self, name: str, detector: Any, images: Tensor, size: int, recorded: bool) -> None:
        self.networks, self.size = detector.networks, size
        labels = torch.arange(size, device=images.device) % 2
        self.loss, weights, prepared = bare_loss(name, detector, labels)
        self.images = prepared(images)
        if name.startswith("vae"):
            self.descent: torch.optim.Optimizer = torch.optim.RMSprop(weights, 1e-5, alpha=0.9)
        else:
            self.descent = torch.optim.Adam(weights, 1e-5, fused=True)
        self.replay = self._recorded() if recorded else None

    def _step(self, images: Tensor) -> None:
        self.descent.zero_grad(set_to_none=True)
        self.loss(images).backward()
        self.descent.step()

    def _recorded(self) -> Callable[[], None]:
        self.networks.train()
        self.batch, graph, stream = torch.arange(self.size, device="cuda"), torch.cuda.CUDAGraph(), torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._step(self.images[self.batch])
        torch.cuda.current_stream().wait_stream(stream)
        with recordable([self.descent]), torch.cuda.graph(graph, stream=stream):
            self._step(self.images[self.batch])
        return graph.replay

    def epoch(self) -> None:
        self.networks.train()
        for batch in torch.randperm(len(self.images)).to(self.images.device).split(self.size):
            if self.replay:
                self.batch.copy_(batch)
                self.replay()
            else:
                self._step(self.images[batch])


# --- the first table --------------------------------------------------------------------------------------------------


def by_turns(rounds: int, sides: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each side, after two rounds that don't count."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 2):
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if number > 1:
                taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(each) for name, each in taken.items()}


def stages_of(method: str, task: TaskTensors, **changes: object) -> tuple[Any, dict[str, Any]]:
    """A new detector at the paper's size, and its stages by name."""
    settings = knobs.changed(knobs.preset(methods.card(method).knobs, "paper", task.shape), changes)
    detector = build(methods.load(method), settings, task.shape, 0).to(task.device)
    return detector, {stage.record.name: stage for stage in detector.stages(task)}


def ready(method: str, name: str, task: TaskTensors, **changes: object) -> Any:
    """A stage that could train now; what the stages before it would have found is made up."""
    detector, stages = stages_of(method, task, **changes)
    if method == "deep-svdd":
        detector.clusters = torch.zeros(len(task.train), dtype=torch.int64, device=task.device)
    if name == "classifier":
        detector.clusters = torch.arange(len(task.train), device=task.device) % 2
        detector.into = torch.arange(len(detector.centres), device=task.device) % 2
    stages[name].begin(task, Progress())
    return stages[name]


def epochs_of(stage: Any, size: int) -> Callable[[], object]:
    """What takes one epoch of a stage after the other, each seeded as in a training."""
    numbers = itertools.count(1)

    def epoch() -> None:
        seed_everything(0, 0, next(numbers))
        stage.learn(size)

    return epoch


def measured(method: str, name: str, size: int, task: TaskTensors, rounds: int, **changes: object) -> str:
    """A row: images/s of our stage, and its ratios."""
    ours, plain = (ready(method, name, task, **changes) for _ in range(2))
    plain.steps = Steps(plain.step)
    sides: dict[str, Callable[[], object]] = {"ours": epochs_of(ours, size), "plain": epochs_of(plain, size)}
    for side in ("bare", "recorded") if task.device.type == "cuda" else ("bare",):
        detector, _ = stages_of(method, task, **changes)
        if name == "classifier":
            detector.set_classes(2)
        sides[side] = Bare(f"{method} {name}", detector, task.train, size, side == "recorded").epoch
    seconds = by_turns(rounds, sides)
    ratios = [
        f"{seconds[side] / seconds['ours']:.2f}" if side in seconds else "-" for side in ("bare", "recorded", "plain")
    ]
    refused = getattr(ours.steps, "refused", "nothing is recorded on a CPU")
    rate = f"{len(task.train) / seconds['ours']:,.0f}"
    weights = [
        torch.cat([each.detach().flatten() for each in stage.detector.networks.parameters()]) for stage in (ours, plain)
    ]
    apart = f"{float((weights[0] - weights[1]).abs().max() / weights[1].abs().max()):.0e}"
    cells = (f"{method}, {name}", size, f"plain: {refused}" if refused else "recorded", rate, *ratios, apart)
    return f"| {' | '.join(map(str, cells))} |"


# --- the second table -------------------------------------------------------------------------------------------------


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference of two arrays of scores, each in units of its size or of the scores' spread."""
    return float((np.abs(one - other) / np.maximum(np.abs(other), other.std()).clip(min=1e-12)).max())


def trained(method: str, task: Any, device: torch.device) -> tuple[Detector, float]:
    """A detector, shortly trained, and the seconds that it took."""
    settings = knobs.changed(knobs.preset(methods.card(method).knobs, "quick", task.shape), SHORT[method])
    detector = build(methods.load(method), settings, task.shape, 0).to(device)
    began = time.perf_counter()
    train(detector, on_device(task, device), seed=0)
    return detector, time.perf_counter() - began


def compared(method: str, task: Any, device: torch.device) -> str:
    """A row: one checkpoint's scores on both devices, and two trainings."""
    cpu, images = torch.device("cpu"), task.images("test")
    detector, quick = trained(method, task, device)
    state = {name: value for name, value in detector.state().items()}
    scores = detector.score(images)
    moved = from_state(type(detector), detector.knobs, detector.shape, _on_cpu(state)).score(images)
    names = [score.name for score in detector.card.scores]
    apart = {name: difference(scores[name], moved[name]) for name in names}
    headline, worst = detector.card.headline, max(apart, key=lambda name: apart[name])
    other, slow = trained(method, task, cpu)
    told = [auroc(values[headline], task) for values in (scores, other.score(images))]
    inside = told[1]["low"] <= told[0]["value"] <= told[1]["high"]
    figures = " | ".join(f"{each['value']:.3f} ({each['low']:.3f} to {each['high']:.3f})" for each in told)
    return (
        f"| {method}, {headline} | {apart[headline]:.1e} | {worst}: {apart[worst]:.1e} | {figures} | "
        f"{'yes' if inside else 'NO'} | {quick:.1f} s, {slow:.1f} s |"
    )


def auroc(scores: np.ndarray, task: Any) -> dict[str, float]:
    """Value and 95 % interval."""
    return evaluation.metrics(scores, task.novel, float(np.quantile(scores, 0.95)), task.source)["auroc"]


def _on_cpu(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _on_cpu(each) for name, each in value.items()}
    return value.detach().cpu() if isinstance(value, Tensor) else value


def main() -> None:
    os.environ[ASKED] = "1"
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--images", type=int, default=16384)
    words.add_argument("--dataset", default="digits")
    asked = words.parse_args()
    device = choose("auto")
    deterministic(device)
    machine = torch.cuda.get_device_name() if device.type == "cuda" else "no GPU: the CPU in its place"
    print(
        f"{machine}; {torch.get_num_threads()} threads, torch {torch.__version__}, Python {platform.python_version()}\n"
    )

    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (asked.images, *SHAPE), dtype=torch.uint8, generator=generator).to(device)
    task = TaskTensors(images, images[:64])
    heads = ("of a bare loop", "of a recorded bare loop", "of plain steps", "weights apart from those of plain steps")
    print(f"| stage | batch | steps | images/s | {' | '.join(heads)} |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    rows: list[tuple[str, str, int, dict[str, object]]] = [
        ("rapp-ae", "train", 256, {}),
        ("deep-svdd", "pretrain", 200, {}),
        ("deep-svdd", "train", 200, {"objective": "one-class"}),
        ("clad", "autoencoder", 512, {"dropout": 0.0}),
        ("clad", "classifier", 128, {}),
        ("vae-threshold", "train", 128, {}),
    ]
    for method, name, size, changes in rows:
        print(measured(method, name, size, task, asked.rounds, **changes), flush=True)

    print(
        "\n| method, score | one checkpoint, both devices | worst score | AUROC, GPU | AUROC, CPU | inside | training |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for method in SHORT:
        split = scenarios.build(scenarios.task_spec(asked.dataset, *TASKS.get(method, MULTIMODAL)))
        if np.prod(split.shape) <= 256:
            torch.set_num_threads(1)  # as a run does
        print(compared(method, split, device), flush=True)


if __name__ == "__main__":
    main()
