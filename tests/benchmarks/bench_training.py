"""Training throughput against a bare PyTorch loop of the same network, batch and optimiser, alternating in one process.

    python -m tests.benchmarks.bench_training [--rounds 5] [--images 8192]

Prints, for RaPP at the paper's size and for both stages of Deep SVDD: images/s of each, and the ratio of the medians
(bound: 0.9). For Deep SVDD also the ratio to a per-image PIL pipeline in the style of the published reference code
(bound: 2).
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from PIL import Image
from torchvision import transforms

from core import knobs, methods
from core.methods.base import build
from core.networks import lenet
from core.training import Progress, TaskTensors


def bare_rapp(detector, task: TaskTensors) -> Callable[[], None]:
    """An epoch of the autoencoder and its validation loss, on float tensors that lie in memory."""
    encoder, decoder = torch.nn.Sequential(*detector.encoder), torch.nn.Sequential(*detector.decoder)
    network = torch.nn.Sequential(encoder, decoder)
    adam = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    train, valid = task.train.flatten(1).float() / 255, task.valid.flatten(1).float() / 255

    def epoch() -> None:
        network.train()
        for batch in torch.randperm(len(train)).split(256):
            images = train[batch]
            loss = (network(images) - images).square().sum()
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
        network.eval()
        with torch.inference_mode():
            sum(float((network(part) - part).square().sum()) for part in valid.split(4096))

    return epoch


def bare_svdd(detector, task: TaskTensors, pretrain: bool) -> Callable[[], None]:
    """An epoch of the autoencoder, or of the one-class objective, on prepared float tensors that lie in memory."""
    encoder, decoder = detector.encoder, detector.networks["decoder"]
    chosen = detector.networks if pretrain else encoder
    adam = torch.optim.Adam(chosen.parameters(), 1e-4, fused=True)
    train = detector.prepared(task.train)
    centre = detector.centres[0]

    def epoch() -> None:
        detector.networks.train()
        for batch in torch.randperm(len(train)).split(200):
            images = train[batch]
            code = encoder(images)
            if pretrain:
                loss = (decoder(code) - images).square().sum((1, 2, 3)).mean()
            else:
                loss = (code - centre).square().sum(1).mean()
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()

    return epoch


def per_image_svdd(detector, task: TaskTensors) -> Callable[[], None]:
    """An epoch of the one-class objective whose images come one by one through PIL and torchvision's transforms.

    As in the published code, down to the network's order of channels (torch's default) and Adam (not fused).
    """
    encoder, centre = lenet.encoder(detector.shape, 0.01).train(), detector.centres[0]
    adam = torch.optim.Adam(encoder.parameters(), 1e-4)
    low, high = detector.bounds
    array = task.train.numpy()[:, 0]

    def contrast_normalised(pixels: torch.Tensor) -> torch.Tensor:
        pixels = pixels - pixels.mean()
        return pixels / pixels.abs().mean()

    steps = [transforms.ToTensor(), transforms.Lambda(contrast_normalised), transforms.Normalize([low], [high - low])]
    transform = transforms.Compose(steps)

    class Set(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(array)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int, int]:
            return transform(Image.fromarray(array[index])), 0, index

    loader = torch.utils.data.DataLoader(Set(), batch_size=200, shuffle=True)

    def epoch() -> None:
        for images, _, _ in loader:
            loss = (encoder(images) - centre).square().sum(1).mean()
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()

    return epoch


def compare(
    name: str, ours: Callable[[], object], others: dict[str, Callable[[], object]], images: int, rounds: int
) -> None:
    """Alternate, and print the medians."""
    contenders = {"ours": ours, **others}
    seconds: dict[str, list[float]] = {each: [] for each in contenders}
    for number in range(rounds + 1):
        for each, run in contenders.items():
            began = time.perf_counter()
            run()
            if number:  # the first round warms up
                seconds[each].append(time.perf_counter() - began)
    rates = {each: images / statistics.median(values) for each, values in seconds.items()}
    text = ", ".join(f"{each} {rate:,.0f}" for each, rate in rates.items())
    ratios = ", ".join(f"{rates['ours'] / rates[each]:.2f} of {each}" for each in others)
    print(f"{name}: images/s {text}; {ratios}", flush=True)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--images", type=int, default=8192)
    asked = words.parse_args()
    images = torch.randint(0, 256, (asked.images, 1, 28, 28), dtype=torch.uint8)
    task = TaskTensors(images, images[: asked.images // 3])

    def stage(method: str, name: str, **changes: object):
        card = methods.card(method)
        settings = knobs.changed(knobs.preset(card.knobs, "paper", task.shape), changes)
        detector = build(methods.load(method), settings, task.shape, 0).to(task.device)
        for each in detector.stages(task):
            each.begin(task, Progress())
            if each.name == name:
                return detector, each
            if not each.learns:
                each.epoch(1)
        raise AssertionError(name)

    detector, training = stage("rapp-ae", "train")
    compare(
        "RaPP, ten layers, batch 256",
        lambda: training.epoch(1),
        {"bare": bare_rapp(detector, task)},
        len(images),
        asked.rounds,
    )
    detector, training = stage("deep-svdd", "pretrain")
    compare(
        "Deep SVDD, autoencoder",
        lambda: training.epoch(1),
        {"bare": bare_svdd(detector, task, True)},
        len(images),
        asked.rounds,
    )
    # Epoch 2 measures no radii for the picture, as four epochs in five.
    detector, training = stage("deep-svdd", "train", objective="one-class")
    rivals = {"bare": bare_svdd(detector, task, False), "per-image PIL": per_image_svdd(detector, task)}
    compare("Deep SVDD, one-class", lambda: training.epoch(2), rivals, len(images), asked.rounds)


if __name__ == "__main__":
    main()
