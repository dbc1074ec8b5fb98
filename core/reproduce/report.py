"""A reproduced table as one page of html that opens anywhere, without the app and without a network."""

from collections.abc import Sequence
from html import escape

from core.figures.pages.reproduce import Judged, differences, page
from core.reproduce.cells import line_of, lines_of
from core.reproduce.protocol import Protocol
from core.reproduce.results import Result
from core.reproduce.tables import Table, published
from core.reproduce.verdict import NOT_DECIDABLE
from core.reproduce.written import claimed, controls_of, few_seeds, footnotes, lines_and_columns, ours, standing


def judged(found: Sequence[Result]) -> list[Judged]:
    """What the pictures need to know of each cell."""
    _, numbers = footnotes(found)
    return [
        Judged(
            line=each.cell.line,
            column=each.cell.column,
            word=each.verdict.word,
            reason=each.verdict.reason,
            ours=ours(each.verdict),
            published=claimed(each),
            difference=each.verdict.difference,
            half_width=each.verdict.half_width,
            finished=each.finished,
            asked=each.asked,
            live=each.live,
            marks=tuple(numbers[each.cell.key]),
        )
        for each in found
    ]


def unstarted(of: Table) -> list[Judged]:
    """The published figures alone, of a table that nobody has started here."""
    nan = float("nan")
    found = []
    for place, column in enumerate(of.columns):
        for row in of.rows:
            for score, metric in lines_of(row):
                figure = published(row, score, metric, column, place, of.source)
                shown = f"{figure.value:.{row.digits}f}" if figure else ""
                line = line_of(row, score, metric)
                found.append(Judged(line, column.title, NOT_DECIDABLE, "not run yet", "", shown, nan, nan, 0, 0, 0))
    return found


def html(protocol: Protocol, found: Sequence[Result]) -> str:
    """The table with verdicts, the picture of the differences, control lines, footnotes and the protocol."""
    lines, columns = lines_and_columns(found)
    texts, _ = footnotes(found)
    above = [*standing(protocol, found), few_seeds(protocol, found), *protocol.content["notes"]]
    cells = judged(found)
    return page(
        protocol.content["title"],
        protocol.content["paper"],
        lines,
        columns,
        cells,
        differences(cells, float(protocol.content["margin"])),
        above=[each for each in above if each],
        footnotes=texts,
        controls=controls_of(found),
        facts={
            "Digest of the protocol": protocol.digest,
            "Settings": protocol.content["scale"],
            "Split": protocol.content["split"],
            **{f"Images of {name}": digest for name, digest in protocol.content["data"].items()},
            **{f"Shortened, {escape(line)}": "; ".join(what) for line, what in protocol.content["shortened"].items()},
            **protocol.content["versions"],
        },
    )
