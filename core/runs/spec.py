"""What a run is asked to do: dataset, scenario, method, knobs, seeds, device.  JSON both ways."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import data, knobs, methods, scenarios
from core.errors import WrongRequest
from core.methods.cards import Card, Published
from core.scenarios import TaskSpec


@dataclass(frozen=True)
class RunSpec:
    """One training of one method on one task with one seed.

    target: class names, or one super-category.  options: of the scenario.  knobs: of the method, all of them.
    seed: network and order only; split_seed: the task's.  images: the digest of what the task reads, as in TaskSpec.
    """

    dataset: str
    scenario: str
    target: tuple[str, ...]
    method: str
    knobs: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    split_seed: int = 0
    seed: int = 0
    device: str = "auto"
    images: str = ""

    @property
    def task(self) -> TaskSpec:
        return TaskSpec(self.dataset, self.scenario, self.target, self.options, self.split_seed, self.images)

    @property
    def drawn(self) -> bool:
        """Whether the split seed has drawn its target, so that nobody names it."""
        rule = scenarios.named(self.scenario)
        return rule.draws(knobs.changed(rule.options(), self.options))

    @property
    def task_title(self) -> str:
        """Its task in words: `digits · all but 3`."""
        return f"{self.dataset} · {scenarios.named(self.scenario).in_words(self.target)}"

    @property
    def title(self) -> str:
        """The run in words: `digits · all but 3 · RaPP, autoencoder`, with the seed where it isn't 0."""
        return f"{self.task_title} · {self.card.title}{f' · seed {self.seed}' if self.seed else ''}"

    @property
    def card(self) -> Card:
        return methods.card(self.method)

    @property
    def settings(self) -> Any:
        """The knobs as the method's dataclass."""
        return knobs.changed(self.card.knobs(), self.knobs)

    @property
    def hash(self) -> str:
        """Sixteen hex digits; equal for equal requests, whatever the device and though one is older than a knob."""
        content = {name: value for name, value in self.to_json().items() if name != "device"}
        content["knobs"] = knobs.before(self.card.knobs) | content["knobs"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def slug(self) -> str:
        """The run's name on disk, without the number of a repeat."""
        classes = re.sub(r"[^a-z0-9]+", "-", "-".join(self.target).lower()).strip("-")[:24].strip("-")
        return f"{self.method}-{self.dataset}-{self.scenario}-{classes}-s{self.seed}-{self.hash[:6]}"

    def to_json(self) -> dict[str, Any]:
        content = dataclasses.asdict(self)
        if not self.images:  # as the specs of run folders that are older than it
            del content["images"]
        return content | {"target": list(self.target), "knobs": dict(self.knobs), "options": dict(self.options)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "RunSpec":
        """The spec of `to_json`.  Raises WrongRequest for anything else."""
        names = {each.name for each in dataclasses.fields(cls)}
        try:
            return cls(**{**{k: v for k, v in content.items() if k in names}, "target": tuple(content["target"])})
        except (TypeError, KeyError) as error:
            raise WrongRequest(f"This is not the description of a run: {error}.") from None


def request(
    dataset: str,
    scenario: str,
    target: Sequence[str] | str,
    method: str,
    *,
    preset: str = "quick",
    changes: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    split_seed: int = 0,
    seed: int = 0,
    device: str = "auto",
) -> RunSpec:
    """A checked RunSpec from a preset and changes to it; loads no torch, and images only where they are at hand.

    Raises WrongRequest with what is allowed.
    """
    card = methods.card(method)
    task = scenarios.task_spec(dataset, scenario, target, options, split_seed)
    offer = scenarios.offer(task)
    settings: Any = knobs.changed(knobs.preset(card.knobs, preset, offer.shape), changes or {})
    refusal = card.refuses(settings, offer)
    if refusal:
        raise WrongRequest(refusal)
    if seed < 0:
        raise WrongRequest(f"The seed can't be {seed}. Choose a whole number of at least 0.")
    if device not in ("auto", "cpu", "cuda"):
        raise WrongRequest(f"There is no device {device!r}. Choose from auto, cpu, cuda.")
    values = knobs.values(settings)
    return RunSpec(dataset, scenario, task.target, method, values, task.options, split_seed, seed, device, task.images)


def published(spec: RunSpec) -> list[Published]:
    """The published figures that this run may be compared with: those of its dataset, scenario and scenario options.

    Options that a figure doesn't name have their defaults.  None where another image set stands in for the dataset or
    the file holds a part of it.
    """
    options = scenarios.named(spec.scenario).options()
    asked = knobs.changed(options, spec.options)  # a run that is older than an option was made with its default
    return [
        figure
        for figure in spec.card.published
        if (figure.dataset, figure.scenario) == (spec.dataset, spec.scenario)
        and figure.target in (None, spec.target)
        and knobs.changed(options, figure.options) == asked
        and not data.entry(spec.dataset).other_images
    ]
