"""What should it learn to call normal?"""

from dataclasses import replace

import streamlit as st

from core import scenarios
from core.errors import NoveltyError, WrongRequest
from core.runs import command_line, duration, store, task_preview
from core.runs.process import jobs, slots
from core.runs.spec import RunSpec, request
from core.runs.task_preview import Preview
from core.scenarios import TaskSpec
from core.sweeps import grid
from pages.shared import frame, panels
from pages.shared.runs import rows
from pages.shared.sweeps import start as start_sweep
from pages.shared.train import form, lists, own_groups, task_shown

STARTED = "train_started"  # ids of the runs that this session has started


@st.cache_data(max_entries=64, max_size="100MB", show_spinner="Dividing the images")
def divided(_task: TaskSpec, task_hash: str, origin: str) -> Preview:
    """The task's numbers and samples.  origin: where the images lie, so that others are looked at anew."""
    return task_preview.preview(_task)


def how_long(spec: RunSpec, seen: Preview) -> str:
    """About how long the training takes, and how that is known."""
    found = duration.estimate(spec, seen.counts["train"])
    ahead = store.activity()[0] >= len(slots.slots())
    wait = " The run that trains now goes first." if ahead else ""
    if found is None:
        return f"How long it takes isn't known yet: no run of this method on such images has ended here.{wait}"
    about = duration.in_words(found.seconds).capitalize()
    if found.run.shipped:
        return f"{about}, by a run that ships with the app and the speed of this machine.{wait}"
    device = found.run.about["environment"]["gpu"] or "this CPU"
    return f"{about} on {device}, by the speed of your last such run.{wait}"


def start(spec: RunSpec) -> None:
    st.session_state.setdefault(STARTED, []).insert(0, jobs.submit(spec).id)


def already_there(spec: RunSpec, twin: store.Run) -> None:
    """The answer to a second press: open what is there, or train with another seed."""
    seed, seeded = store.another_seed(spec), spec.card.seeded
    with st.container(border=True):
        otherwise = "Open it, or train it with another seed." if seeded else "Open it: no seed changes its result."
        st.markdown(f"This very run is already there, {twin.state}. {otherwise}")
        with st.container(horizontal=True):
            if st.button("Open it", key="train_open_twin"):
                rows.open_page(twin) if twin.state == store.FINISHED else rows.details([twin])
            if seeded and st.button(f"Train with seed {seed}", key="train_next_seed"):
                again = replace(spec, seed=seed)
                start(again)
                st.query_params.from_dict(form.link(again))
                st.rerun()


def training_now() -> None:
    """A row for each live run, then for those of this session that have ended."""
    runs = {run.id: run for run in store.runs()}
    mine = [runs[name] for name in st.session_state.get(STARTED, []) if name in runs]
    live = [run for run in runs.values() if run.state in store.LIVE]
    listed = {run.id: run for run in (*live, *mine)}
    if listed:
        st.subheader("Training now" if live else "Trained just now")
    for run in listed.values():
        rows.follow(run, "train", large=True)


def still_working() -> bool:
    """Whether a run that this session has started still computes what follows its training."""
    return any(rows.following(run) for run in store.runs() if run.id in st.session_state.get(STARTED, []))


frame.through_entry()
st.title("What should it learn to call normal?")
st.html(form.STYLE)
form.follow_link()

left, right = st.columns([3, 4], gap="medium")
with left:
    entry = form.dataset()
    rule = form.scenario(entry)
    own = own_groups.option(entry, rule)
    target = form.classes(entry, rule, own.get("groups", ""))
    options = own | lists.options(entry, rule, target) | form.options(rule)
    card = form.method(entry, rule, target, options)
    preset, changes = form.settings(card, entry)
    seed, split_seed, device = form.seeds()

with right:
    st.subheader("What the detector will see", anchor=False)
    spec, seen, reason = None, None, ""
    try:
        if not entry.present:
            raise WrongRequest(f"The images of {entry.title} aren't on this machine yet.")
        task = scenarios.task_spec(entry.name, rule.kind, target, options, split_seed)
        seen = divided(task, task.hash, entry.origin)
        spec = request(
            entry.name, rule.kind, target, card.name, preset=preset, changes=changes, options=options,
            split_seed=split_seed, seed=seed, device=device,
        )  # fmt: skip
        form.write_link(spec)
    except NoveltyError as error:
        reason = str(error)
    if seen:
        task_shown.show(seen)
    go, told = st.columns([1, 3], vertical_alignment="center")
    pressed = go.button(
        "Train", type="primary", icon=":material/play_arrow:", disabled=not spec, key="train_go", width="stretch"
    )
    told.markdown(f":material/block: {panels.escape(reason)}" if reason else how_long(spec, seen))
    if pressed and spec:
        if store.same(spec):
            st.session_state["train_twice"] = spec.hash
        else:
            start(spec)
    twin = store.same(spec) if spec and st.session_state.get("train_twice") == spec.hash else None
    if twin:
        already_there(spec, twin)
    many = spec and st.toggle(
        "Many runs", key="train_many", help="A list in place of any setting, class, option or seed: one run for each"
    )
    if spec and many:
        start_sweep.editor(grid.of_run(spec), "train_grid")
    frame.live(training_now, still_working)
    jobs.prepare()
    if spec and not many:
        panels.command(command_line.command(spec))
