"""What a sweep is asked: a grid over methods, tasks, settings and seeds, as TOML or JSON.  Loads no torch.

name = "latent"                     # by default the file's name
dataset = "digits"                  # each a value, or a list, which is an axis
scenario = "unimodal"
target = [0, 1]                     # two tasks; one of several normal classes is a list in the list: [[0, 1], [2]]
method = ["vae-threshold", "oc-svm"]
preset = "quick"
epochs = 20                         # of the main stage, for the methods that count epochs
device = "auto"
seeds = [0, 1, 2]
split_seeds = [0]

[knobs]                             # for each of the methods that has such a setting
latent = [2, 8]

[knobs.oc-svm]                      # for one method, in place of the same name above
gamma = [0.01, 0.1]

[options]                           # of the scenario, for each that has such an option
novelty_share = 0.5
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import data, knobs, methods, scenarios
from core.errors import NoveltyError, WrongRequest
from core.knobs import Knob, Value
from core.runs import command_line
from core.runs.spec import RunSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
Target = tuple[str, ...]
Axis = tuple[Value, ...]
TEXTS = ("dataset", "scenario", "method", "preset", "device")
NUMBERS = ("epochs", "seeds", "split_seeds")
KEYS = ("name", "dataset", "scenario", "target", "method", "preset", "epochs", "device", "seeds", "split_seeds")
NEEDED = ("dataset", "scenario", "target", "method")
TABLES = ("knobs", "options")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Grid:
    """What each of a sweep's runs is one choice of.  JSON and TOML both ways.

    target: each what the scenario's target is, one or several classes by name or number, or a super-category.
    epochs: empty where the preset's stand.  knobs, options: name -> values.  own: method -> knob -> values, which stand
    in place of those of `knobs`.
    """

    name: str
    dataset: tuple[str, ...]
    scenario: tuple[str, ...]
    target: tuple[Target, ...]
    method: tuple[str, ...]
    preset: tuple[str, ...] = ("quick",)
    epochs: tuple[int, ...] = ()
    device: tuple[str, ...] = ("auto",)
    seeds: tuple[int, ...] = (0,)
    split_seeds: tuple[int, ...] = (0,)
    knobs: Mapping[str, Axis] = field(default_factory=dict)
    options: Mapping[str, Axis] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Axis]] = field(default_factory=dict)

    @property
    def axes(self) -> dict[str, tuple[Any, ...]]:
        """What has more than one value, by the name that a row's settings have: `knobs.latent`, `target`, `seed`."""
        named: dict[str, tuple[Any, ...]] = {name: getattr(self, name) for name in ("method", "dataset", "scenario")}
        named["target"] = tuple(",".join(each) for each in self.target)
        named |= {"preset": self.preset, "epochs": self.epochs, "device": self.device}
        for values in (self.knobs, *self.own.values()):
            for name, axis in values.items():
                key = f"knobs.{name}"
                named[key] = tuple(dict.fromkeys([*named.get(key, ()), *axis]))
        named |= {f"options.{name}": values for name, values in self.options.items()}
        named |= {"split_seed": self.split_seeds, "seed": self.seeds}
        return {name: values for name, values in named.items() if len(values) > 1}

    def of_method(self, name: str) -> dict[str, Axis]:
        """The settings asked of a method: those of all that it has, and its own."""
        has = {each.name for each in knobs.knobs_of(methods.card(name).knobs)}
        return {knob: values for knob, values in self.knobs.items() if knob in has} | dict(self.own.get(name, {}))

    def of_scenario(self, name: str) -> dict[str, Axis]:
        """The options asked of a scenario: those that it has."""
        has = {each.name for each in knobs.knobs_of(scenarios.named(name).options)}
        return {option: values for option, values in self.options.items() if option in has}

    def to_json(self) -> dict[str, Any]:
        """As `read` takes it, and as it lies in a TOML file."""
        content: dict[str, Any] = {"name": self.name}
        content |= {key: list(getattr(self, key)) for key in KEYS[1:] if key != "target" and getattr(self, key)}
        content["target"] = [list(each) for each in self.target]
        table: dict[str, Any] = {name: list(values) for name, values in self.knobs.items()}
        table |= {method: {name: list(axis) for name, axis in own.items()} for method, own in self.own.items()}
        return content | {"knobs": table, "options": {name: list(values) for name, values in self.options.items()}}

    def to_toml(self) -> str:
        """The grid as a file for `python -m core sweep`; lists of one value are written as the value."""
        content = self.to_json()
        lines = [f"{key} = {_written(key, content[key])}" for key in KEYS if key in content]
        for table in TABLES:
            inner = {name: each for name, each in content[table].items() if isinstance(each, dict)}
            plain = {name: each for name, each in content[table].items() if name not in inner}
            for title, values in {table: plain, **{f"{table}.{name}": each for name, each in inner.items()}}.items():
                if values:
                    lines += ["", f"[{title}]", *(f"{name} = {_written(name, axis)}" for name, axis in values.items())]
        return "\n".join(lines) + "\n"


def _written(key: str, value: Any) -> str:
    """One value as TOML, which takes what JSON writes of texts, numbers, truth values and lists of them."""
    single = isinstance(value, list) and len(value) == 1 and key != "target"
    return json.dumps(value[0] if single else value, ensure_ascii=False)


def of_run(spec: RunSpec) -> Grid:
    """The grid of one run, every setting of its method and scenario named, so that any of them can become a list."""
    preset, _ = command_line.closest_preset(spec)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{spec.method}-{spec.dataset}-{spec.scenario}").strip("-")[:60]
    options = {key: (value,) for key, value in spec.options.items() if value != ""}
    settings = {key: (value,) for key, value in spec.knobs.items()}
    several = scenarios.named(spec.scenario).choose == "several"
    target = (spec.target,) if several or len(spec.target) == 1 else tuple((each,) for each in spec.target)
    return Grid(
        name,
        *((spec.dataset,), (spec.scenario,), target, (spec.method,), (preset,)),
        device=(spec.device,),
        seeds=(spec.seed,),
        split_seeds=(spec.split_seed,),
        knobs=settings,
        options=options,
    )


# --- reading --------------------------------------------------------------------------------------------------------


def from_file(path: Path) -> Grid:
    """The grid of a TOML file, checked.  Raises WrongRequest with the line where something is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise WrongRequest(f"{path} can't be read ({why}). Name a TOML file with a grid.") from None
    return from_toml(text, path.name, path.stem)


def from_toml(text: str, file: str = "", name: str = "") -> Grid:
    """The grid of a TOML text, checked.  file: its name in complaints.  name: of a sweep that the text doesn't name.

    Raises WrongRequest with the line where something is wrong.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongRequest(f"{file or 'The grid'} is no TOML: {error}.") from None
    return read({"name": name} | content, lines_of(text), file)


def lines_of(text: str) -> dict[str, int]:
    """The line, from 1, on which each key of a TOML text stands, by its dotted path: `knobs.latent`."""
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$", line):
            table = header[1].replace('"', "").replace(" ", "")
            found.setdefault(table, number)
        elif key := re.match(r'\s*([A-Za-z0-9_."-]+(?:\s*\.\s*[A-Za-z0-9_"-]+)*)\s*=', line):
            path = key[1].replace('"', "").replace(" ", "")
            found.setdefault(f"{table}.{path}" if table else path, number)
    return found


def read(content: Mapping[str, Any], lines: Mapping[str, int] | None = None, file: str = "") -> Grid:
    """The grid of `to_json`, or of a parsed TOML file, checked against methods, scenarios, sets and their settings.

    lines: key -> the line that a complaint names.  Raises WrongRequest for an unknown key or value, a wrong type.
    """
    reader = _Reader(lines or {}, file)
    for key in content:
        if key not in (*KEYS, *TABLES):
            reader.refuse(key, f"There is no key {key!r} in a grid. Choose from {', '.join((*KEYS, *TABLES))}.")
    for key in NEEDED:
        if key not in content:
            reader.refuse("", f"The grid lacks {key}. Add a line `{key} = ...`.")
    name = content.get("name") or "sweep"
    if not isinstance(name, str) or not NAME.fullmatch(name):
        reader.refuse("name", f"A sweep can't be called {name!r}. Use up to 60 letters, digits, - and _.")
    asked: dict[str, Any] = {key: reader.values(key, content[key], str) for key in TEXTS if key in content}
    asked |= {key: reader.values(key, content[key], int) for key in NUMBERS if key in content}
    asked["target"] = reader.targets(content["target"])
    shared, own = reader.knob_tables(content.get("knobs", {}))
    options = {key: reader.scalars(f"options.{key}", each) for key, each in reader.table("options", content).items()}
    grid = Grid(name, **asked, knobs=shared, options=options, own=own)
    _check(grid, reader)
    return grid


class _Reader:
    """Takes values of the types that a grid has, and complains with the line of what has another."""

    def __init__(self, lines: Mapping[str, int], file: str) -> None:
        self.lines, self.file = lines, file

    def refuse(self, key: str, sentence: str) -> None:
        """Raise WrongRequest; the line is that of the key, or of the table that it is in."""
        line = next((self.lines[each] for each in (key, key.rpartition(".")[0]) if each in self.lines), None)
        where = ", ".join(filter(None, [self.file, f"line {line}" if line else ""]))
        raise WrongRequest(
            f"{where[:1].upper() + where[1:] if not self.file else where}: {sentence}" if where else sentence
        )

    def trying(self, key: str, check: Any, *words: Any) -> Any:
        """What the check gives; its complaint with the line of the key."""
        try:
            return check(*words)
        except NoveltyError as error:
            self.refuse(key, str(error))

    def values(self, key: str, value: Any, kind: type) -> tuple[Any, ...]:
        """A value or a list of them, each once."""
        listed = value if isinstance(value, list | tuple) else [value]
        noun = "text" if kind is str else "a whole number"
        if not listed:
            self.refuse(key, f"{key} is an empty list. Give it a value.")
        for each in listed:
            if not isinstance(each, kind) or isinstance(each, bool):
                self.refuse(key, f"{key} can't be {each!r}. Write {noun}, or a list of such.")
        return tuple(dict.fromkeys(listed))

    def targets(self, value: Any) -> tuple[Target, ...]:
        """Each target as the names or numbers of its classes."""
        listed = value if isinstance(value, list | tuple) else [value]
        if not listed:
            self.refuse("target", "target is an empty list. Give it a class.")
        found = []
        for each in listed:
            parts = each if isinstance(each, list | tuple) else [each]
            if not parts or not all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
                self.refuse("target", f"target can't be {each!r}. Write a class by name or number, or a list of them.")
            found.append(tuple(str(part) for part in parts))
        return tuple(dict.fromkeys(found))

    def scalars(self, key: str, value: Any) -> Axis:
        """Values of a setting."""
        listed = value if isinstance(value, list | tuple) else [value]
        if not listed:
            self.refuse(key, f"{key} is an empty list. Give it a value.")
        for each in listed:
            if not isinstance(each, str | int | float | bool):
                self.refuse(key, f"{key} can't be {each!r}. Write a number, a text, true or false, or a list of such.")
        return tuple(dict.fromkeys(listed))

    def table(self, key: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        found = content.get(key, {})
        if not isinstance(found, Mapping):
            self.refuse(key, f"{key} is a table. Write it as [{key}], with a line for each setting.")
        return found

    def knob_tables(self, content: Any) -> tuple[dict[str, Axis], dict[str, dict[str, Axis]]]:
        """The settings of all methods, and those of single ones."""
        table = self.table("knobs", {"knobs": content})
        own = {name: each for name, each in table.items() if isinstance(each, Mapping)}
        shared = {name: self.scalars(f"knobs.{name}", each) for name, each in table.items() if name not in own}
        return shared, {
            method: {name: self.scalars(f"knobs.{method}.{name}", each) for name, each in values.items()}
            for method, values in own.items()
        }


# --- checking -------------------------------------------------------------------------------------------------------


def _check(grid: Grid, reader: _Reader) -> None:
    """What can be known wrong without looking at images."""
    for key, named in (("dataset", data.entry), ("scenario", scenarios.named), ("method", methods.card)):
        for value in getattr(grid, key):
            reader.trying(key, named, value)
    for key, allowed in (("preset", knobs.PRESETS), ("device", DEVICES)):
        for value in getattr(grid, key):
            if value not in allowed:
                reader.refuse(key, f"There is no {key} {value!r}. Choose from {', '.join(allowed)}.")
    for key, least in (("epochs", 1), ("seeds", 0), ("split_seeds", 0)):
        for value in getattr(grid, key):
            if value < least:
                reader.refuse(key, f"{key} can't be {value}. Choose whole numbers of at least {least}.")
    cards = {name: knobs.knobs_of(methods.card(name).knobs) for name in grid.method}
    for name in grid.own:
        if name not in cards:
            reader.refuse(f"knobs.{name}", f"The grid has no method {name!r}. Its methods are {', '.join(cards)}.")
    if grid.epochs and not any(methods.card(name).epochs for name in grid.method):
        reader.refuse("epochs", f"No method here counts epochs ({', '.join(grid.method)}). Leave epochs out.")
    for name, values in grid.knobs.items():
        _check_setting(f"knobs.{name}", name, values, list(cards.values()), reader)
    for method, own in grid.own.items():
        for name, values in own.items():
            _check_setting(f"knobs.{method}.{name}", name, values, [cards[method]], reader)
    rules = [knobs.knobs_of(scenarios.named(each).options) for each in grid.scenario]
    for name, values in grid.options.items():
        _check_setting(f"options.{name}", name, values, rules, reader)


def _check_setting(key: str, name: str, values: Axis, settings: list[tuple[Knob, ...]], reader: _Reader) -> None:
    """Raise where none of the methods, or scenarios, has the setting, or none takes one of its values."""
    fitting = [each for each in _all(settings) if each.name == name]
    if not fitting:
        names = ", ".join(dict.fromkeys(each.name for each in _all(settings))) or "none"
        reader.refuse(key, f"There is no setting {name!r} here. Choose from {names}.")
    for value in values:
        complaints = [_complaint(each, value) for each in fitting]
        if all(complaints):
            reader.refuse(key, complaints[0])


def _all(settings: list[tuple[Knob, ...]]) -> Iterator[Knob]:
    return (each for some in settings for each in some)


def _complaint(setting: Knob, value: Value) -> str:
    """Why the setting can't have the value; empty where it can.  Unlike on a command line, a text is no number."""
    if isinstance(value, str) != (setting.kind is str) or (setting.kind is bool) != isinstance(value, bool):
        return f"{setting.name} can't be {value!r}. {setting.allowed}"
    try:
        setting.parse(value)
    except WrongRequest as error:
        return str(error)
    return ""
