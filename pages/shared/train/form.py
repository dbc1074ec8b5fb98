"""The Train form: dataset, scenario, classes, method, settings, each with its first choice, picture and reasons.

Nothing is listed here: the choices come from the catalogue, the scenarios, the cards and their knobs. The form stands
in the link, `?dataset=digits&scenario=multimodal&target=3&method=rapp-ae&set=epochs=5`, and `?from=<run id>` fills it.
"""

import base64
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import data, figures, knobs, methods, scenarios
from core.data import Entry
from core.data.catalogue import how_to_get
from core.errors import NoveltyError, WrongRequest
from core.figures.pages import train as pictures
from core.knobs import Knob, Value
from core.methods.cards import Card
from core.runs import command_line, store, task_preview
from core.runs.spec import RunSpec, request
from core.scenarios import Scenario, groups
from pages.shared import knob_inputs, panels
from pages.shared.knob_inputs import KEPT
from pages.shared.train import precisions

FEWEST = 3  # classes that groups need: two in the normal one, one that is novel
FEWEST_OFFICIAL = 20  # training images of which a tenth can set a threshold
FEW = 500  # training images below which the form first offers what learns nothing
MANY = 26  # classes from which a list replaces pills
MOST_SEED = 2**31 - 1
DEVICES = {"auto": "Automatic", "cpu": "CPU", "cuda": "GPU"}
PRESETS = {"quick": "Quick: seconds to minutes on a laptop", "paper": "Paper: as published"}
STYLE = """<style>
.st-key-train_scenario label p { display: flex; align-items: center; gap: 0.5rem; }
.st-key-train_scenario img { height: auto; max-height: none; }
[class*=st-key-train_one] img, [class*=st-key-train_several] img { height: auto; max-height: none; margin: 2px; }
[class*=st-key-train_own_groups] button img { height: 1.5rem; max-height: none; margin: 2px 0; }
</style>"""


# --- choices --------------------------------------------------------------------------------------------------------


def dataset() -> Entry:
    """An image set, those on this machine first; one that isn't is shown with what to do."""
    entries = {each.name: each for each in sorted(data.catalogue(), key=lambda each: not each.present)}
    begin("train_dataset", next(iter(entries)), entries)
    chosen = st.selectbox(
        "1 · Dataset",
        list(entries),
        format_func=lambda name: _dataset_label(entries[name]),
        key="train_dataset",
        **KEPT,
    )
    entry = entries[chosen]
    if not entry.present:
        st.warning(panels.escape(how_to_get(entry)), icon=":material/download:")
        st.page_link("pages/datasets.py", label="Fetch or add images", icon=":material/photo_library:")
    return entry


def _dataset_label(entry: Entry) -> str:
    if entry.present:
        return entry.title
    size = f"{entry.download_megabytes:,.0f} MB to fetch" if entry.download_megabytes else "to be added"
    return f"{entry.title} (not here: {size})"


def scenario(entry: Entry) -> Scenario:
    """The rule, by its picture; one that the dataset can't take says so."""
    begin("train_scenario", next(iter(scenarios.SCENARIOS)), scenarios.SCENARIOS)
    chosen = st.radio(
        "2 · Scenario",
        list(scenarios.SCENARIOS),
        format_func=lambda kind: _scenario_label(scenarios.SCENARIOS[kind], entry),
        help="\n\n".join(f"**{rule.title}**: {rule.source}" for rule in scenarios.SCENARIOS.values()),
        key="train_scenario",
        **KEPT,
    )
    st.caption(scenarios.SCENARIOS[chosen].sentence)
    return scenarios.SCENARIOS[chosen]


def _scenario_label(rule: Scenario, entry: Entry) -> str:
    picture = _inline("svg+xml", pictures.idea(rule).encode(), rule.sentence)
    unavailable = rule.choose == "super-category" and not entry.groupings and not takes_groups(entry, rule)
    reason = f" :gray[({panels.escape(entry.title)} has too few classes)]" if unavailable else ""
    return f"{picture} :small[{rule.title}{reason}]"


def takes_groups(entry: Entry, rule: Scenario) -> bool:
    """Whether classes of this set can be clicked together for this scenario."""
    return rule.choose == "super-category" and entry.present and len(entry.classes) >= FEWEST


def classes(entry: Entry, rule: Scenario, own_groups: str = "") -> tuple[str, ...]:
    """The classes that the scenario asks for: one, several, or a super-category; none where there are none to choose.

    own_groups: the option `groups`, in place of the dataset's super-categories.
    """
    drawn = st.session_state.get(option_key(rule, "draw"))
    if drawn and any(each.name == "draw" for each in knobs.knobs_of(rule.options)):
        st.caption(
            f"**3 · {rule.asks}**: {drawn} classes, drawn by the split seed, as the options of the scenario ask."
        )
        return ()
    of_group = scenarios.super_categories(entry, own_groups) if rule.choose == "super-category" else None
    offered = [name for name in (entry.classes if of_group is None else of_group) if name]
    if not offered:
        return ()
    several = rule.choose == "several"
    key = target_key(rule.choose, entry.name)
    first = offered[: max(1, min(3, len(offered) - 1))] if several else offered[0]
    begin(key, first, offered)
    icons = class_icons(entry) if of_group is None and len(offered) <= MANY else {}
    titles = {} if own_groups else data.GROUP_TITLES
    label = f"3 · {rule.asks}"
    if len(offered) > MANY:
        ask = st.multiselect if several else st.selectbox
        chosen = ask(label, offered, key=key, **KEPT)
    else:
        chosen = st.pills(
            label,
            offered,
            selection_mode="multi" if several else "single",
            required=not several,
            format_func=lambda name: f"{icons.get(name, '')} {panels.escape(titles.get(name, name))}",
            wrap=True,
            key=key,
            **KEPT,
        )
    if of_group is not None:
        st.caption(panels.escape(", ".join(of_group[chosen])))
    return tuple(chosen) if several else (chosen,)


def class_icons(entry: Entry) -> dict[str, str]:
    """A small picture of each class, as Markdown; none where the images are not on this machine."""
    return _class_icons(entry.name, entry.origin) if entry.present else {}


@st.cache_data(max_entries=16, show_spinner="Looking at the images")
def _class_icons(name: str, origin: str) -> dict[str, str]:
    """origin: where the set lies, so that another is looked at anew."""
    images = task_preview.class_images(name)
    factor = max(1, 32 // max(images.shape[2:]))
    icons = (_inline("png", figures.strip(image[None], factor=factor), "") for image in images)
    return dict(zip(data.entry(name).classes, icons, strict=True))


def options(rule: Scenario) -> dict[str, Value]:
    """The scenario's options that differ from their defaults, but for groups and lists, which are clicked together."""
    asked = [each for each in knobs.knobs_of(rule.options) if each.name != "groups" and not each.picks]
    keys = {each.name: option_key(rule, each.name) for each in asked}
    firsts = {each.name: each.preset("quick", (1, 28, 28)) for each in asked}
    return _group("Options of the scenario", asked, keys, firsts, {})[1] if asked else {}


def method(entry: Entry, rule: Scenario, target: Sequence[str], options: dict[str, Value]) -> Card:
    """The method; one that can't take the task says so in the list."""
    cards = {card.name: card for card in methods.cards()}
    unfit = unfit_methods(entry, rule, target, options)
    begin("train_method", next(iter(cards)), cards)
    chosen = st.selectbox(
        "4 · Method",
        list(cards),
        format_func=lambda name: cards[name].title + (" (not for this task)" if name in unfit else ""),
        help="\n\n".join(f"**{panels.escape(card.title)}**: {panels.escape(card.paper)}" for card in cards.values()),
        key="train_method",
        **KEPT,
    )
    st.caption(panels.escape(cards[chosen].sentence))
    return cards[chosen]


def unfit_methods(entry: Entry, rule: Scenario, target: Sequence[str], options: dict[str, Value]) -> set[str]:
    """The methods that can't take this task with their quick settings; none where there is no such task."""
    unfit = set[str]()
    if not entry.present:
        return unfit
    with suppress(NoveltyError):
        scenarios.offer(scenarios.task_spec(entry.name, rule.kind, target, options))
        for card in methods.cards():
            try:
                request(entry.name, rule.kind, target, card.name, options=options)
            except NoveltyError:
                unfit.add(card.name)
    return unfit


def settings(card: Card, entry: Entry) -> tuple[str, dict[str, Value]]:
    """The preset, and the knobs that differ from it."""
    begin("train_preset", knobs.PRESETS[0], knobs.PRESETS)
    preset = st.segmented_control(
        "5 · Settings",
        knobs.PRESETS,
        format_func=str.capitalize,
        required=True,
        key="train_preset",
        **KEPT,
        help="\n\n".join(PRESETS.values()),
    )
    shape = entry.shape or (1, 28, 28)
    asked = knobs.knobs_of(card.knobs)
    keys = {each.name: _knob_key(card.name, preset, shape, each.name) for each in asked}
    firsts = {each.name: each.preset(preset, shape) for each in asked}
    notes = {each.name: "; ".join(f"{name}: {each.preset(name, shape)}" for name in knobs.PRESETS) for each in asked}
    changes: dict[str, Value] = {}
    boxes = {}
    for group in dict.fromkeys(each.group for each in sorted(asked, key=lambda each: each.after)):
        boxes[group], given = _group(group, [each for each in asked if each.group == group], keys, firsts, notes)
        changes |= given
    for choice in (each for each in asked if each.name == "precision" and entry.present):
        with boxes[choice.group]:
            device = st.session_state.get("train_device", "auto")  # asked for below
            precisions.offer(entry.name, card.name, preset, changes, keys[choice.name], device)
    return preset, changes


def seeds() -> tuple[int, int, str]:
    """Seed, split seed and device."""
    for key in ("train_seed", "train_split_seed"):
        begin(key, 0)
    begin("train_device", "auto", DEVICES)
    with st.expander("Seeds and device", key="train_group_seeds", type="compact"):
        left, right = st.columns(2)
        with left:
            seed = _number("Seed", "train_seed", "Of the network's first weights and the order of images.")
        with right:
            split_seed = _number("Split seed", "train_split_seed", "Of which images train, validate and test.")
        device = st.segmented_control(
            "Device", list(DEVICES), format_func=DEVICES.__getitem__, required=True, key="train_device", **KEPT
        )
    return seed, split_seed, device


def _number(label: str, key: str, help: str) -> int:
    return st.number_input(label, 0, MOST_SEED, None, 1, key=key, help=help, **KEPT) or 0


# --- knobs ----------------------------------------------------------------------------------------------------------


def _group(
    title: str, asked: Sequence[Knob], keys: dict[str, str], firsts: dict[str, Value], notes: dict[str, str]
) -> tuple[DeltaGenerator, dict[str, Value]]:
    """An expander with an input for each knob, and those that differ from their first value, which are marked."""
    for each in asked:
        begin(keys[each.name], firsts[each.name])
    changed = knob_inputs.changed(asked, keys, firsts)
    count = f" · {len(changed)} changed" if changed else ""
    box = st.expander(title + count, key=f"train_group_{title.lower().replace(' ', '_')}", type="compact")
    with box:
        return box, knob_inputs.inputs(asked, keys, firsts, notes)


def begin(key: str, first: Any, offered: Any = None) -> None:
    """`knob_inputs.begin`, for an input of this form."""
    knob_inputs.begin(key, first, offered)
    st.session_state.setdefault("train_keys", set()).add(key)


def target_key(choose: str, dataset: str) -> str:
    """The input that asks for classes or a group."""
    return f"train_{choose}_{dataset}"


def option_key(rule: Scenario, name: str) -> str:
    """The input of an option; of one that is clicked together, where a link leaves it."""
    return f"train_option_{rule.kind}_{name}"


def groups_key(entry: Entry) -> str:
    """Where a link leaves its groups, for the inputs that show them."""
    return f"train_groups_of_link_{entry.name}"


def _knob_key(method: str, preset: str, shape: knobs.Shape, name: str) -> str:
    """A knob's input: its first value depends on method, preset and image shape, so each has inputs of its own."""
    return f"train_knob_{method}_{preset}_{'x'.join(map(str, shape))}_{name}"


def _inline(kind: str, content: bytes, alt: str) -> str:
    """A picture inside a label, as Markdown."""
    return f"![{panels.escape(alt)}](data:image/{kind};base64,{base64.b64encode(content).decode()})"


# --- the link -------------------------------------------------------------------------------------------------------


def follow_link() -> None:
    """Fill the form from the page's link, unless it is the form's own; what can't be filled in is said."""
    asked = {name: st.query_params.get_all(name) for name in st.query_params}
    if not asked or asked == st.session_state.get("train_link"):
        return
    st.session_state["train_link"] = asked
    try:
        if "from" in asked:
            asked = link(store.find(asked["from"][0]).spec)
        _fill(asked)
    except NoveltyError as error:
        st.warning(panels.escape(error), icon=":material/link_off:")


def link(spec: RunSpec) -> dict[str, list[str]]:
    """The query that opens the form filled as this run was asked for."""
    preset, changes = command_line.closest_preset(spec)
    defaults = knobs.values(scenarios.named(spec.scenario).options())
    changed = {name: value for name, value in spec.options.items() if value != defaults[name]}
    told = {
        "dataset": [spec.dataset],
        "scenario": [spec.scenario],
        "target": [] if spec.drawn else list(spec.target),
        "method": [spec.method],
        "preset": [preset] if preset != knobs.PRESETS[0] else [],
        "set": [f"{name}={value}" for name, value in changes.items()],
        "option": [f"{name}={value}" for name, value in changed.items()],
        "seed": [str(spec.seed)] if spec.seed else [],
        "split-seed": [str(spec.split_seed)] if spec.split_seed else [],
        "device": [spec.device] if spec.device != "auto" else [],
    }
    return {name: words for name, words in told.items() if words}


def first_link(entry: Entry) -> dict[str, str]:
    """The query that opens the form on a dataset: where it says itself what is normal, with that, in its own halves.

    Few images are enough for a detector that only compares with them, and too few for a network.
    """
    asked = {"dataset": entry.name}
    if entry.normal:
        asked |= {"scenario": "unimodal", "target": entry.normal}
        asked |= {"option": "split=official"} if len(entry.classes) > 1 and entry.train_count >= FEWEST_OFFICIAL else {}
    if entry.train_count < FEW:
        asked |= {"method": "nearest-neighbours"}
    return asked


def write_link(spec: RunSpec) -> None:
    """The form into the link, so that it can be opened again and sent to somebody."""
    st.session_state["train_link"] = link(spec)
    if {name: st.query_params.get_all(name) for name in st.query_params} != st.session_state["train_link"]:
        st.query_params.from_dict(st.session_state["train_link"])


def _fill(asked: dict[str, list[str]]) -> None:
    """The choices of a link into the inputs.  Raises WrongRequest at the first that doesn't exist."""
    state = st.session_state
    names = {name: words[0] for name, words in asked.items() if words}
    entry = data.entry(names.get("dataset") or state.get("train_dataset") or "digits")
    rule = scenarios.named(names.get("scenario") or state.get("train_scenario") or next(iter(scenarios.SCENARIOS)))
    card = methods.card(names.get("method") or state.get("train_method") or next(iter(methods.METHODS)))
    preset = names.get("preset", knobs.PRESETS[0])
    knobs.preset(card.knobs, preset, entry.shape or (1, 28, 28))
    found: dict[str, Any] = {
        "train_dataset": entry.name,
        "train_scenario": rule.kind,
        "train_method": card.name,
        "train_preset": preset,
        "train_device": names.get("device", "auto"),
    }
    chosen = {each.name: value for each, value in _assigned(rule.options, asked.get("option", ()))}
    if "groups" in chosen:
        chosen["groups"] = groups.canonical(entry, str(chosen["groups"]))
    if "target" in asked:
        sets = {each.name for each in knobs.knobs_of(rule.options) if "sets" in each.picks}  # the form refuses these
        told = {name: value for name, value in chosen.items() if name not in sets}
        target = scenarios.task_spec(entry.name, rule.kind, asked["target"], told, _seed(names, "split-seed")).target
        found[target_key(rule.choose, entry.name)] = list(target) if rule.choose == "several" else target[0]
    for each, value in _assigned(card.knobs, asked.get("set", ())):
        found[_knob_key(card.name, preset, entry.shape or (1, 28, 28), each.name)] = value
    for name, value in chosen.items():
        found[groups_key(entry) if name == "groups" else option_key(rule, name)] = value
    found |= {"train_seed": _seed(names, "seed"), "train_split_seed": _seed(names, "split-seed")}
    for key in state.get("train_keys", set()):
        if key.startswith(("train_knob_", "train_option_")):
            state.pop(key, None)
    state.update(found)


def _seed(names: dict[str, str], name: str) -> int:
    """A seed of a link, 0 where it names none.  Raises WrongRequest."""
    number = names.get(name, "0")
    if not number.isdecimal() or int(number) > MOST_SEED:
        raise WrongRequest(f"The {name} can't be {number}. Choose a whole number of at least 0.")
    return int(number)


def _assigned(settings: type, assignments: Sequence[str]) -> list[tuple[Knob, Value]]:
    """Each knob that is named, with its value checked.  Raises WrongRequest."""
    given = knobs.parse_assignments(list(assignments))
    checked = knobs.changed(settings(), given)
    return [(each, getattr(checked, each.name)) for each in knobs.knobs_of(settings) if each.name in given]
