"""Which method sees it, and which doesn't?"""

import streamlit as st

from core import evaluation, glossary
from core import figures as pictures
from core.figures.pages import compare as figures
from core.figures.pages import compare_lines as rows
from pages.shared import by_kind, cached, changed_images, frame, panels, pickers
from pages.shared.compare import disagreement, lines, tasks, threshold_desk

CURVES = ("ROC", "Precision and recall")
NO_BREAK = "\N{NO-BREAK SPACE}"


def ranking(lines: list[rows.Line]) -> None:
    """The table, best first, controls in grey at the foot; badges for collapsed scores; downloads."""
    columns = rows.columns(lines)
    grey = [line.first.control for line in lines]
    shown = {
        name: [
            f":gray[{panels.escape(cell)}]" if dim and cell else panels.escape(cell)
            for cell, dim in zip(cells, grey, strict=True)
        ]
        for name, cells in columns.items()
        if any(cells)
    }
    for unbroken in shown.keys() & {"AUROC", "Accuracy", "Training"}:
        shown[unbroken] = [cell.replace(" ", NO_BREAK) for cell in shown[unbroken]]
    shown["Method"] = [
        cell + "".join(" :orange-badge[:material/warning: collapsed]" for each in line.members[:1] if each.alarm)
        for cell, line in zip(shown["Method"], lines, strict=True)
    ]
    st.table(shown, border="horizontal", hide_index=True, alt="AUROC and other metrics of every run and control line")
    told, downloads = st.columns([8, 1], vertical_alignment="top")
    with downloads.popover("", icon=":material/download:", type="tertiary", help="Download the table"):
        for label, text, suffix, mime in (
            ("All metrics (CSV)", lambda: pictures.as_csv(rows.numbers(lines)), "csv", "text/csv"),
            ("Table (LaTeX)", lambda: rows.latex(columns), "tex", "text/plain"),
        ):
            st.download_button(
                label, text, f"compare-{task}.{suffix}", mime, key=f"table_{suffix}", on_click="ignore", width="stretch"
            )
    with told:
        cautions = [evaluation.inverted(line.name, line.metric("auroc")) for line in ranked]
        for note in filter(None, (evaluation.few_images(runs[0].about["counts"]), *cautions)):
            st.badge(panels.escape(note), icon=":material/warning:", color="orange")
        terms = ("auroc", "interval", "control-line", "aupr_novel", "fpr95_normal", "published")
        terms += ("accuracy",) if "Accuracy" in shown else ()
        for place, sentence in enumerate(sentences()):
            st.markdown(f":small[{panels.escape(sentence)}]", help=None if place else glossary.explained(terms))


def sentences() -> list[str]:
    """What the table says: who leads, who collapsed, who doesn't beat the controls."""
    leader = rows.best(ranked)
    said = [rows.leads(leader, rows.Line(rival.name, (rival,)) if rival else None)]
    said += [f"{each.name}: {each.alarm}" for each in shown if each.alarm]
    if not rival:
        return [*said, next((run for run in runs if run.alive), runs[0]).awaited("controls")]
    reached = rival.metrics["auroc"]
    close = [
        (run, each)
        for run, each in zip(of, shown, strict=True)
        if not rows.clearly_above(each.metrics["auroc"], reached)
    ]
    gaps = {each.name: lines.difference(run, each, rival) for run, each in close}
    unbeaten = {name: gap for name, gap in gaps.items() if gap["low"] <= 0}
    return [*said, rows.against(rows.Line(rival.name, (rival,)), len(shown), unbeaten)]


def class_by_method() -> None:
    measure = st.segmented_control(
        "Measure", list(figures.MEASURES), default="auroc", required=True, format_func=figures.MEASURES.__getitem__,
        key="compare_measure", bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    panels.show(figures.by_class([*shown, *controls], kinds, cached.array(of[0], "test", "classes"), measure))


def differences() -> None:
    """Every pair by the paired bootstrap, which takes a moment for large test sets."""
    compared = [*shown, *([rival] if rival else [])]
    if len(compared) < 2:
        st.caption("Choose a second run above: a difference needs two.")
        return
    pairs = [(row, column) for row in range(len(compared)) for column in range(row + 1, len(compared))]
    bar = st.progress(0.0, "Resampling")
    found = {}
    for done, (row, column) in enumerate(pairs):
        bar.progress(done / len(pairs), f"Resampling pair {done + 1} of {len(pairs)}")
        found[row, column] = lines.difference(of[row], compared[row], compared[column])
    bar.empty()
    panels.show(figures.differences([each.name for each in compared], found))


def desk() -> None:
    names = [each.name for each in shown]
    place = st.selectbox("Run", range(len(names)), format_func=names.__getitem__, key="compare_desk")
    threshold_desk.show(of[place], scores[place])


def cost() -> None:
    panels.show(figures.cost(ranked, control_lines[controls.index(rival)] if rival else None))


TABS = {
    "Disagreement": lambda: disagreement.show(task, of, shown, kinds),
    "Class by method": class_by_method,
    "Cost": cost,
    "Differences": differences,
    "Threshold desk": desk,
}

frame.through_entry()
st.title("Which method sees it, and which doesn't?")
at_task, at_runs, at_switches = st.columns([3, 6, 2])
with at_task:
    on_task = tasks.choose()
if not on_task[0].ranks:
    st.info(panels.escape(on_task[0].about["note"]), icon=":material/info:")
    st.stop()
task = on_task[0].spec.task.hash
with at_runs:
    runs = pickers.runs(task_hash=task, key="runs", first=len(on_task))
with at_switches:
    every_score = st.toggle(
        "Every score", key="compare_scores", bind="query-params", help="Not only each method's headline"
    )
    together = st.toggle("Seeds together", key="compare_seeds", bind="query-params", help="Mean and spread over seeds")
if not runs:
    st.info("Choose a run above to see what it can do on this task.", icon=":material/arrow_upward:")
    st.stop()

# --- load
names = pickers.short_labels(runs)
changed_images.say(runs, names)
found = [
    (run, each.name, lines.of(run, names[run.id] + (f", {each.title}" if every_score else ""), each.name))
    for run in runs
    for each in run.spec.card.scores
    if every_score or each.name == run.spec.card.headline
]
found.sort(key=lambda each: -each[2].metrics["auroc"]["value"])
of, scores, shown = zip(*found, strict=True)
controls = next((computed for run in runs if (computed := lines.controls(run))), [])
rival = max(controls, key=lambda each: each.metrics["auroc"]["value"], default=None)
kinds = cached.kinds(runs[0])
ranked = sorted(lines.lines(of, shown, together), key=lambda line: -line.metric("auroc")["value"])
control_lines = [rows.Line(each.name, (each,)) for each in controls]

# --- the answer
ranking([*ranked, *control_lines])
overlay = st.segmented_control(
    "Curve",
    CURVES,
    default="ROC",
    required=True,
    key="compare_curve",
    bind="query-params",
    label_visibility="collapsed",
)
drawn = [*ranked, *control_lines]
if overlay == "ROC":
    curves = pictures.roc([line.curve("fpr", "tpr") for line in drawn])
else:
    curves = pictures.pr([line.curve("recall", "precision") for line in drawn], float(kinds.novel.mean()))
left, right = st.columns(2)
with left:
    panels.show(curves)
with right:
    panels.show(figures.ridges(ranked, kinds, curves.figure.layout.height))

if by_kind.known([*shown, *controls], kinds):
    TABS = {"By kind": lambda: by_kind.show(of[0], [*shown, *controls], kinds)} | TABS
tabs = st.tabs(list(TABS), key="compare_tab", on_change="rerun", bind="query-params")
for tab, render in zip(tabs, TABS.values(), strict=True):
    if tab.open:
        with tab:
            render()
