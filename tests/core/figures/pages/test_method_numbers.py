import pytest

from core.figures import Kinds
from core.figures.pages import method_numbers as words
from core.methods.cards import Published, Score

SCORES = (Score("sap", "SAP", ""), Score("nap", "NAP", ""))
TITLES = {"a": "nearest", "b": "untrained", "c": "PCA"}


def metric(value, low=None, high=None) -> dict:
    return {"value": value, "low": low, "high": high}


def auroc(**values) -> dict:
    return {name: {"auroc": metric(value)} for name, value in values.items()}


def figure(score: str, metric: str, value: float, remark: str = ""):
    return Published("mnist", "multimodal", score, metric, value, "RaPP, Table 2", remark=remark)


def test_the_shown_score_has_its_interval_and_the_others_stand_beside_it():
    metrics = {"nap": {"auroc": metric(0.9724, 0.968, 0.975)}, "sap": {"auroc": metric(0.91, 0.9, 0.92)}}
    (line,) = words.lines(SCORES, "nap", metrics, [])
    assert line == words.Line("auroc", "AUROC", "NAP 0.972 (0.968 to 0.975)", ("SAP 0.910",), ())
    (line,) = words.lines(SCORES, "sap", metrics, [])
    assert (line.shown, line.others) == ("SAP 0.910 (0.900 to 0.920)", ("NAP 0.972",))


def test_published_figures_stand_beside_the_metric_and_the_score_that_they_are_of():
    metrics = {"nap": {"auroc": metric(0.97), "f1": metric(0.8, 0.7, 0.9)}, "sap": {"auroc": metric(0.91)}}
    figures = [figure("nap", "f1", 0.75), figure("sap", "auroc", 0.5), figure("nap", "auroc", 0.9586, "a mean")]
    first, second = words.lines(SCORES, "nap", metrics, figures)
    assert first.published == ("published 0.959 (RaPP, Table 2, a mean)",)
    assert second.metric.startswith("F1")
    assert (second.shown, second.others) == ("NAP 0.800 (0.700 to 0.900)", ())  # nobody measured SAP's F1
    assert second.published == ("published 0.750 (RaPP, Table 2)",)


@pytest.mark.parametrize("unknown", [{}, {"nap": {}}, {"nap": {"auroc": metric(None)}}])
def test_what_an_old_run_has_not_measured_is_shown_as_nothing(unknown):
    assert words.lines(SCORES, "nap", unknown, []) == []
    (line,) = words.lines(SCORES, "nap", unknown | {"sap": {"auroc": metric(0.9)}}, [])
    assert (line.shown, line.others) == ("", ("SAP 0.900",))
    (line,) = words.lines(SCORES, "nap", unknown, [figure("nap", "auroc", 0.75)])
    assert (line.shown, line.published) == ("", ("published 0.750 (RaPP, Table 2)",))


def test_control_lines_count_those_that_beat_the_score_and_a_tie_beats_nothing():
    def said(*values) -> str:
        beside = words.against_controls({"auroc": metric(0.9)}, auroc(**dict(zip("abc", values, strict=False))), TITLES)
        assert beside.beaten == any(value > 0.9 for value in values)
        return beside.verdict

    assert said(0.95, 0.6) == "1 of 2 beats it."
    assert said(0.8, 0.6, 0.5) == "None of 3 beats it."
    assert said(0.95, 0.91, 0.901) == "3 of 3 beat it."
    assert said(0.9, 0.6, 0.5) == "None of 3 beats it, 1 equals it."
    assert said(0.9, 0.9, 0.95) == "1 of 3 beats it, 2 equal it."


def test_control_lines_are_told_in_order_and_only_those_that_are_known():
    beside = words.against_controls({"auroc": metric(0.9)}, auroc(b=0.6, a=0.95, c=None), TITLES)
    assert beside.lines == "Control lines: nearest 0.950 · untrained 0.600."
    none = words.against_controls({"auroc": metric(0.9)}, {"accept-everything": {"normal_f1": 0.5}}, TITLES)
    assert (none.lines, none.verdict, none.beaten) == ("", "", False)
    unmeasured = words.against_controls({}, auroc(a=0.95), TITLES)
    assert (unmeasured.lines, unmeasured.verdict) == ("Control lines: nearest 0.950.", "")


def test_a_control_beats_an_error_rate_from_below():
    controls = {name: {"fpr95_normal": metric(value)} for name, value in {"a": 0.1, "b": 0.3, "c": 0.2}.items()}
    beside = words.against_controls({"fpr95_normal": metric(0.2)}, controls, TITLES, "fpr95_normal")
    assert beside.verdict == "1 of 3 beats it, 1 equals it."


def test_an_alarm_of_several_scores_is_said_once():
    assert words.alarms({"nap": "Collapsed.", "sap": "Nearly.", "reconstruction": "Collapsed."}) == [
        "Collapsed.",
        "Nearly.",
    ]


def test_an_image_in_words():
    kinds = Kinds.of_test([0, 1, 1], ["normal", "novel", "noise"])
    assert words.image_in_words(4, "noise", kinds.kind(2), True) == "Test image 4, noise: called novel"
    normal, novel = Kinds.of_test([0, 1]).kinds
    assert words.image_in_words(12, "3", novel, True) == "Test image 12, class 3, novel: called novel"
    assert words.image_in_words(0, "cat", normal, False) == "Test image 0, class cat, normal: accepted"
    told = words.among_normal("NAP", 12.34, 9.876, 97.25)
    assert told == "NAP 12.3, threshold 9.88, above 97.2 % of the held-out normal images"
    close = words.among_normal("ODIN", 2.300373, 2.29648, 100)
    assert close == "ODIN 2.300373, threshold 2.29648, above 100 % of the held-out normal images"
