import re

import pytest

from core import evaluation, glossary
from core.errors import WrongRequest


def test_every_metric_is_explained_under_the_title_that_tables_give_it():
    for name in evaluation.METRICS:
        assert glossary.TERMS[name].title == evaluation.TITLES[name]


@pytest.mark.parametrize("name", glossary.TERMS)
def test_a_term_is_one_or_two_plain_sentences(name):
    sentence = glossary.TERMS[name].sentence
    assert sentence.endswith(".")
    assert len(re.findall(r"[.?!](?=\s|$)", sentence)) <= 2
    assert len(sentence) <= 260


def test_a_term_is_found_by_name_and_by_title_in_any_case():
    for asked in ("control-line", "Control line", "CONTROL LINE", " control-line "):
        assert glossary.term(asked).title == "Control line"
    assert glossary.term("aupr-novel") == glossary.term("AUPR, novel")
    with pytest.raises(WrongRequest, match="has no 'colour'. Choose from .*auroc"):
        glossary.term("colour")


def test_explained_gives_a_paragraph_each_and_leaves_out_what_it_does_not_know():
    text = glossary.explained(["nap", "nothing", "sap"])
    assert text.split("\n\n") == [
        f"**{each.title}**: {each.sentence}" for each in (glossary.term("nap"), glossary.term("sap"))
    ]
