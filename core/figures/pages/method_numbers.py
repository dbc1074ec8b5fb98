"""What a method's page says in numbers, as texts: its scores, published figures, control lines, alarms, one image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.evaluation import LOWER_IS_BETTER, TITLES
from core.figures import Kind, number, percent, three_digits
from core.methods.cards import Published, Score

Metrics = Mapping[str, Mapping[str, float]]  # metric -> {value, low, high}; of a stored run one may be missing or None


@dataclass(frozen=True)
class Line:
    """One metric in words.

    name, metric: of the metric, and its title.  shown: the shown score with its interval, empty where the run hasn't
    measured it.  others: the card's other scores.  published: figures of papers for the shown score on this very task.
    """

    name: str
    metric: str
    shown: str
    others: tuple[str, ...] = ()
    published: tuple[str, ...] = ()


def lines(
    scores: Sequence[Score],
    shown: str,
    metrics: Mapping[str, Metrics],
    published: Sequence[Published],
    metric: str = "auroc",
) -> list[Line]:
    """A line for the metric, then one for each other metric that has a published figure of the shown score.

    scores: the card's.  shown: the name of one.  metrics: by name of the score.  published: of this run's task, for any
    score.  A line without any number is left out.
    """
    by_metric: dict[str, list[str]] = {metric: []}
    for figure in published:
        if figure.score == shown:
            by_metric.setdefault(figure.metric, []).append(f"published {published_in_words(figure)}")
    ordered = sorted(scores, key=lambda each: each.name != shown)
    found = []
    for name, figures in by_metric.items():
        first, *rest = (_measured(each, metrics.get(each.name, {}), name, each.name == shown) for each in ordered)
        line = Line(name, TITLES[name], first, tuple(filter(None, rest)), tuple(figures))
        if line.shown or line.others or line.published:
            found.append(line)
    return found


def _measured(score: Score, metrics: Metrics, metric: str, interval: bool) -> str:
    """ "NAP 0.972 (0.968 to 0.975)", without its interval "NAP 0.972"; empty where it isn't known."""
    value = known(metrics, metric)
    if value is None:
        return ""
    return f"{score.title} {three_digits(metrics[metric])}" if interval else f"{score.title} {value:.3f}"


def published_in_words(figure: Published) -> str:
    """ "0.958 (RaPP, Table 2, mean over the ten classes)"."""
    return f"{figure.value:.3f} ({', '.join(filter(None, (figure.source, figure.remark)))})"


def known(metrics: Metrics, metric: str) -> float | None:
    """The value of a metric; None where a run hasn't measured it, or where it isn't defined."""
    return metrics.get(metric, {}).get("value")


@dataclass(frozen=True)
class Controls:
    """Control lines in words: what each reaches, and how many of them beat the detector."""

    lines: str
    verdict: str
    beaten: bool  # by at least one


def against_controls(
    metrics: Metrics, control_metrics: Mapping[str, Metrics], titles: Mapping[str, str], metric: str = "auroc"
) -> Controls:
    """A score's metrics beside those of the control lines; a control of an equal value equals it and doesn't beat it.

    control_metrics: by name, those that are known by now.  titles: name -> title, in order.
    """
    values = {title: known(control_metrics.get(name, {}), metric) for name, title in titles.items()}
    reached = {title: value for title, value in values.items() if value is not None}
    own = known(metrics, metric)
    text = f"Control lines: {' · '.join(f'{title} {value:.3f}' for title, value in reached.items())}."
    if not reached or own is None:
        return Controls(text if reached else "", "", False)
    ahead = [own - value if metric in LOWER_IS_BETTER else value - own for value in reached.values()]
    better, equal = sum(gap > 0 for gap in ahead), ahead.count(0)
    verdict = f"{better or 'None'} of {len(reached)} {'beats' if better < 2 else 'beat'} it"
    tie = f", {equal} {'equals' if equal == 1 else 'equal'} it" if equal else ""
    return Controls(text, f"{verdict}{tie}.", better > 0)


def alarms(by_score: Mapping[str, str]) -> list[str]:
    """Each sentence once, however many scores it is said of."""
    return list(dict.fromkeys(by_score.values()))


def image_in_words(place: int, name: str, kind: Kind, called: bool) -> str:
    """ "Test image 12, class 3, novel: called novel".  place: in the test set.  name: of its class."""
    return f"Test image {place}, {kind.of_class(name)}: {'called novel' if called else 'accepted'}"


def among_normal(title: str, score: float, threshold: float, percentile: float) -> str:
    """ "NAP 12.3, threshold 9.8, above 97 % of the held-out normal images".  percentile: among those, in 0..100."""
    where = f"above {percent(percentile / 100)} of the held-out normal images"
    told, limit = number(score), number(threshold)
    if told == limit:  # as at a high temperature, where all scores are close
        told, limit = f"{score:.7g}", f"{threshold:.7g}"
    return f"{title} {told}, threshold {limit}, {where}"
