"""A knob: one setting of a method or scenario, declared once.

The Train form, the command line's `--set`, validation, the MLflow parameters and both presets are read from the fields
of one dataclass. A preset value may be a function of the image shape (C, H, W), where a paper's setting depends on the
data.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from core.errors import WrongRequest

Shape = tuple[int, int, int]  # channels, height, width
Value = int | float | bool | str
Settings = TypeVar("Settings", bound="Dataclass")
PRESETS = ("quick", "paper")
WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Dataclass(Protocol):
    """Any dataclass, as `dataclasses.replace` asks for it."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


@dataclass(frozen=True)
class Knob:
    """One setting: what it is called, what it does, which values it takes.

    low, high: inclusive bounds of a number.  choices: the allowed words of a text.
    after: acts after training, so a finished run can be scored again with another value.
    picks: what its text lists, separated by commas, so that forms offer it: `classes` of the dataset,
    `sets`, or `chosen sets`, of those that other knobs list.
    before: what runs did that are older than the knob, so that they stay the runs that they were; None for a knob that
    every run has.
    """

    name: str
    kind: type
    label: str
    help: str
    group: str
    quick: Value | Callable[[Shape], Value]
    paper: Value | Callable[[Shape], Value]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    after: bool = False
    picks: str = ""
    before: Value | None = None

    def preset(self, name: str, shape: Shape) -> Value:
        """The value that the preset gives for images of this shape."""
        value = self.quick if name == "quick" else self.paper
        return value(shape) if callable(value) else value

    def parse(self, value: Any) -> Value:
        """The value as this knob's type, checked.  Raises WrongRequest with what is allowed."""
        try:
            typed = self._typed(value)
        except (TypeError, ValueError, KeyError, OverflowError):
            raise WrongRequest(f"{self.name} can't be {value!r}. {self.allowed}") from None
        inside = (self.low is None or typed >= self.low) and (self.high is None or typed <= self.high)
        if not inside or (self.choices and typed not in self.choices):
            raise WrongRequest(f"{self.name} can't be {value}. {self.allowed}")
        return typed

    def _typed(self, value: Any) -> Any:
        if self.kind is bool:
            return WORDS[str(value).lower()]
        if self.kind is int:
            number = float(value)
            if isinstance(value, bool) or not number.is_integer():
                raise ValueError
            return int(number)
        if self.kind is float:
            number = float(value)
            if not math.isfinite(number):
                raise ValueError
            return number
        return str(value)

    @property
    def allowed(self) -> str:
        """What it takes, as one sentence."""
        if self.choices:
            return f"Choose from {', '.join(self.choices)}."
        if self.kind is bool:
            return "Choose true or false."
        noun = "a whole number" if self.kind is int else "a number"
        if self.low is not None and self.high is not None:
            return f"Choose {noun} from {self.low:g} to {self.high:g}."
        if self.low is not None:
            return f"Choose {noun} of at least {self.low:g}."
        return f"Choose {noun}."


def knob(
    quick: Any,
    paper: Any = None,
    *,
    label: str,
    help: str,
    group: str = "Training",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    after: bool = False,
    picks: str = "",
    before: Value | None = None,
) -> Any:
    """A dataclass field that is a knob.  `paper` is `quick` where it is not given.

    The field's default, with which runs open that lack it, is `before` where that is given.
    """
    default = quick((1, 28, 28)) if callable(quick) else quick
    default = default if before is None else before
    details = dict(label=label, help=help, group=group, low=low, high=high, choices=choices, after=after, picks=picks)
    details |= {"quick": quick, "paper": quick if paper is None else paper, "before": before}
    return dataclasses.field(default=default, metadata={"knob": details})


def knobs_of(settings: type) -> tuple[Knob, ...]:
    """The knobs of a settings dataclass, in the order of its fields."""
    return tuple(
        Knob(
            name=field.name,
            kind=field.type if isinstance(field.type, type) else type(field.default),
            **field.metadata["knob"],
        )
        for field in dataclasses.fields(settings)
        if "knob" in field.metadata
    )


def preset(settings: type[Settings], name: str, shape: Shape) -> Settings:
    """The preset's settings for images of this shape.  Raises WrongRequest for a preset that doesn't exist."""
    if name not in PRESETS:
        raise WrongRequest(f"There is no preset {name!r}. Choose from {', '.join(PRESETS)}.")
    return settings(**{each.name: each.preset(name, shape) for each in knobs_of(settings)})


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """The settings with some values replaced, each parsed and checked.

    Raises WrongRequest for a name that is not a knob or a value out of range.
    """
    known = {each.name: each for each in knobs_of(type(settings))}
    for name in values:
        if name not in known:
            listing = ", ".join(known) or "none"
            raise WrongRequest(f"There is no setting {name!r} here. Choose from {listing}.")
    return dataclasses.replace(settings, **{name: known[name].parse(value) for name, value in values.items()})


def parse_assignments(assignments: list[str]) -> dict[str, str]:
    """`["epochs=3"]` as {"epochs": "3"}.  Raises WrongRequest where there is no equals sign."""
    for each in assignments:
        if "=" not in each:
            raise WrongRequest(f"{each!r} is not a setting. Write it as name=value.")
    return dict(each.split("=", 1) for each in assignments)


def values(settings: Any) -> dict[str, Value]:
    """The settings as plain JSON, in the order of the fields."""
    return {each.name: getattr(settings, each.name) for each in knobs_of(type(settings))}


def before(settings: type) -> dict[str, Value]:
    """What runs did that are older than some of these knobs, by the names of these."""
    return {each.name: each.before for each in knobs_of(settings) if each.before is not None}
