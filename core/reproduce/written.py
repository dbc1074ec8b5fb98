"""A table with its verdicts as Markdown, CSV, LaTeX and plain text, with intervals and footnotes."""

import csv as comma_separated
import io
import itertools
import math
from collections.abc import Sequence
from datetime import UTC, datetime

from core.reproduce.cells import in_what
from core.reproduce.protocol import Protocol, history
from core.reproduce.results import Result
from core.reproduce.verdict import NOT_DECIDABLE, NOT_REPRODUCED, REPRODUCED, Verdict, seeds_needed
from core.runs.run import CONTROLS, UNTRAINED

GLYPHS = {REPRODUCED: "✓", NOT_REPRODUCED: "✗", NOT_DECIDABLE: "?"}  # so that no verdict is told by colour alone
LATEX = {REPRODUCED: r"$\checkmark$", NOT_REPRODUCED: r"$\times$", NOT_DECIDABLE: "?"}


def ours(verdict: Verdict) -> str:
    """`0.942 (0.939 to 0.945)`, or an empty text where nothing is known."""
    if not math.isfinite(verdict.mean):
        return ""
    interval = f" ({verdict.low:.3f} to {verdict.high:.3f})" if math.isfinite(verdict.low) else ""
    return f"{verdict.mean:.3f}{interval}"


def claimed(result: Result) -> str:
    """The published figure with the digits that it is printed with, or an empty text."""
    return f"{result.cell.claim.value:.{result.cell.digits}f}" if result.cell.claim else ""


def footnotes(found: Sequence[Result]) -> tuple[list[str], dict[str, list[int]]]:
    """The footnotes of a table, each once, and for each key of a cell the numbers of its own, from 1."""
    texts: dict[str, int] = {}
    numbers: dict[str, list[int]] = {}
    for result in found:
        told = [*([f"not decidable: {result.verdict.reason}"] if result.verdict.reason else []), *result.notes]
        told += [f"deviation {n} of the method: {text}" for n, text in in_what(result.cell).items()]
        numbers[result.cell.key] = sorted(texts.setdefault(f"{each.rstrip('.')}.", len(texts) + 1) for each in told)
    return list(texts), numbers


def lines_and_columns(found: Sequence[Result]) -> tuple[list[str], list[str]]:
    """The lines and columns of a table, in the order of its cells."""
    return (
        list(dict.fromkeys(each.cell.line for each in found)),
        list(dict.fromkeys(each.cell.column for each in found)),
    )


def counted(found: Sequence[Result]) -> str:
    """`3 reproduced, 1 not reproduced, 5 not decidable`."""
    words = [each.verdict.word for each in found]
    return ", ".join(f"{words.count(word)} {word}" for word in GLYPHS if word in words)


def standing(protocol: Protocol, found: Sequence[Result]) -> list[str]:
    """What stands above a table: how it was made, and what was agreed before."""
    content, before = protocol.content, history(protocol)[:-1]
    sealed = datetime.fromtimestamp(protocol.sealed, UTC)
    told = [
        f"{counted(found)}.",
        f"Protocol {protocol.short}, sealed {sealed:%Y-%m-%d %H:%M} UTC: seeds "
        f"{', '.join(map(str, content['seeds']))}; {content['split']}; {content['scale']} settings; margin "
        f"{content['margin']:g}, intervals of {content['level']:.0%}.",
        f"{content['rule'][:1].upper()}{content['rule'][1:]} Of figures that are true, it calls up to one in "
        f"{1 / (1 - content['level']):.0f} not reproduced.",
    ]
    if protocol.broken:
        told.insert(0, protocol.broken)
    for earlier, later in itertools.pairwise([*before, protocol]):
        what = "; ".join(later.content["changed"]) or "nothing that decides a verdict"
        told.append(f"It was sealed {len(before) + 1} times; after {earlier.short} changed: {what}.")
    return told


def few_seeds(protocol: Protocol, found: Sequence[Result]) -> str:
    """How many seeds the margin needs, where there are fewer or no number is enough; else an empty text."""
    have, margin = len(protocol.content["seeds"]), protocol.content["margin"]
    claims = [each for each in found if each.cell.claim and each.cell.spread > 0]
    never = [each for each in claims if each.cell.needed is None]
    more = [each.cell.needed for each in claims if each.cell.needed is not None and each.cell.needed > have]
    told = []
    if more:
        told.append(
            f"A margin of {margin:g} needs up to {max(more)} seeds for {len(more)} of these cells; there are {have}."
        )
    if never:
        told.append(
            f"For {len(never)} cells no number of seeds finds a difference of {margin:g} with 95 % probability: the "
            "published figure is of too few trainings."
        )
    return " ".join(told)


def needs(result: Result, margins: Sequence[float]) -> list[int | None]:
    """How many seeds each margin needs in a cell: by the spread that was found, else the one that was assumed."""
    cell, found = result.cell, result.verdict
    spread = found.spread if math.isfinite(found.spread) and found.spread > 0 else cell.spread
    return [seeds_needed(spread, margin, max(len(cell.specs), 1), claim=cell.claim) for margin in margins]


# --- Markdown ---------------------------------------------------------------------------------------------------------


def markdown(protocol: Protocol, found: Sequence[Result]) -> str:
    """A table for a README: ours with its interval, the published figure, the verdict, footnotes."""
    lines, columns = lines_and_columns(found)
    texts, numbers = footnotes(found)
    cells = {(each.cell.line, each.cell.column): _plain_cell(each, numbers[each.cell.key]) for each in found}
    body = [f"| {_bar(line)} | {' | '.join(cells.get((line, column), '') for column in columns)} |" for line in lines]
    parts = [
        f"### {protocol.content['title']}",
        protocol.content["paper"],
        "\n".join([f"| | {' | '.join(map(_bar, columns))} |", f"| --- |{' --- |' * len(columns)}", *body]),
        *standing(protocol, found),
        few_seeds(protocol, found),
        "\n".join(f"- {note}" for note in protocol.content["notes"]),
        control_lines(found),
        "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _plain_cell(result: Result, numbers: Sequence[int]) -> str:
    marks = f" [{', '.join(map(str, numbers))}]" if numbers else ""
    published = f"; published {claimed(result)}" if result.cell.claim else ""
    value = ours(result.verdict)
    return _bar(f"{value + ' ' if value else ''}{GLYPHS[result.verdict.word]} {result.verdict.word}{published}{marks}")


def _bar(text: str) -> str:
    return text.replace("|", r"\|")


def control_lines(found: Sequence[Result]) -> str:
    """Control lines beside, in a line for each column."""
    return "\n".join(f"- {column}, control lines: {text}." for column, text in controls_of(found).items())


def controls_of(found: Sequence[Result]) -> dict[str, str]:
    """Column -> the control lines of its tasks in words, of the first metric; without the untrained network, which each
    row has of its own.  Columns without any are left out.
    """
    told: dict[str, dict[str, float]] = {}
    for each in found:
        if each.cell.metric == found[0].cell.metric:
            told[each.cell.column] = {**each.controls, **told.get(each.cell.column, {})}
    return {
        column: ", ".join(f"{CONTROLS[name]} {value:.3f}" for name, value in here.items() if name != UNTRAINED)
        for column, here in told.items()
        if here
    }


# --- CSV, LaTeX, text -------------------------------------------------------------------------------------------------


def csv(protocol: Protocol, found: Sequence[Result]) -> str:
    """A line for each cell, with everything that is known of it."""
    text = io.StringIO()
    writer = comma_separated.writer(text, lineterminator="\n")
    controls = list(CONTROLS)
    writer.writerow(
        [
            *("protocol", "cell", "line", "column", "method", "score", "metric", "published", "source", "ours", "low"),
            *("high", "difference", "half_width", "spread", "seeds", "finished", "runs", "verdict", "reason"),
            *controls,
            "notes",
        ]
    )
    for each in found:
        cell, verdict = each.cell, each.verdict
        numbers = (verdict.mean, verdict.low, verdict.high, verdict.difference, verdict.half_width, verdict.spread)
        writer.writerow(
            [
                *(protocol.short, cell.key, cell.line, cell.column, cell.method, cell.score, cell.metric),
                *(claimed(each), cell.source),
                *(f"{number:.6g}" if math.isfinite(number) else "" for number in numbers),
                *(verdict.seeds, each.finished, each.asked, verdict.word, verdict.reason),
                *(f"{each.controls[name]:.6g}" if name in each.controls else "" for name in controls),
                "; ".join(each.notes),
            ]
        )
    return text.getvalue()


def latex(protocol: Protocol, found: Sequence[Result]) -> str:
    """A table environment: ours with its interval over the published figure and the verdict; footnotes below it."""
    lines, columns = lines_and_columns(found)
    texts, numbers = footnotes(found)
    cells = {(each.cell.line, each.cell.column): _latex_cell(each, numbers[each.cell.key]) for each in found}
    body = [" & ".join([_tex(line), *(cells.get((line, c), "") for c in columns)]) + r" \\" for line in lines]
    notes = r" \\ ".join(rf"\textsuperscript{{{number}}} {_tex(text)}" for number, text in enumerate(texts, 1))
    return "\n".join(
        [
            r"% needs \usepackage{booktabs,amssymb}",
            r"\begin{table}",
            rf"\caption{{{_tex(protocol.content['title'])} ({_tex(protocol.content['paper'])}). "
            rf"Protocol {protocol.short}. {_tex(counted(found))}. "
            r"$\checkmark$ reproduced, $\times$ not reproduced, ? not decidable.}",
            rf"\begin{{tabular}}{{l{'l' * len(columns)}}}",
            r"\toprule",
            " & ".join(["", *map(_tex, columns)]) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            rf"\par\footnotesize {notes}",
            r"\end{table}",
            "",
        ]
    )


def _latex_cell(result: Result, numbers: Sequence[int]) -> str:
    marks = rf"\textsuperscript{{{','.join(map(str, numbers))}}}" if numbers else ""
    published = f", published {claimed(result)}" if result.cell.claim else ""
    return f"{_tex(ours(result.verdict))} {LATEX[result.verdict.word]}{published}{marks}".strip()


def _tex(text: str) -> str:
    escaped = text.replace("\\", r"\textbackslash ")
    for mark in "&%$#_{}":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped.replace("~", r"\textasciitilde ").replace("^", r"\textasciicircum ")


def text(protocol: Protocol, found: Sequence[Result]) -> tuple[list[str], list[list[str]], list[str]]:
    """Head, rows and footnotes for a terminal."""
    texts, numbers = footnotes(found)
    head = ["line", "column", "published", "ours", "verdict", "notes"]
    body = [
        [
            *(each.cell.line, each.cell.column, claimed(each), ours(each.verdict)),
            f"{GLYPHS[each.verdict.word]} {each.verdict.word}",
            ",".join(map(str, numbers[each.cell.key])),
        ]
        for each in found
    ]
    return head, body, [f"{number}. {told}" for number, told in enumerate(texts, 1)]
