"""HTML from values: nothing that comes from outside is more than text."""

import json
import math
import re
from html import unescape

import fake_runs
import pytest
from jinja2 import UndefinedError
from report_pages import reader
from report_parts import edited

from slanted.report.read.run_reader import read_report
from slanted.report.render.environment import environment, label

pytestmark = pytest.mark.once


def test_hostile_labels_and_texts_stay_texts(pages):
    found = reader(pages["nasty"])
    data = json.loads(found.scripts[0])
    labels = fake_runs.hostile()[0].target.labels
    assert [name[:23] for name in data["confusion"]["names"]] == [one[:23] for one in labels]
    shown = found.sections["classes"]
    for one in labels:
        assert unescape(label(one)).removeprefix("<bdi>").removesuffix("</bdi>") in shown
    assert found.elements.count("h1") == 1 and found.elements.count("main") == 1
    assert "onmouseover" not in {name for name in re.findall(r"<\w+[^>]*\s(\w+)=", pages["nasty"].read_text("utf-8"))}


def test_what_comes_from_files_is_escaped_beside_numbers(pages):
    tagged = {"recipe__max_tokens": "<x1>", "recipe__batch_size": "<x2>", "recipe__best_by": "<x3>"}
    report = read_report(pages["multilabel"].parent)
    suspect = {"place": "t.csv, line 2", "text": "t", "label": "spam", "given": "<x4>", "probability": 0.9}
    listed = {**report["data"]["suspects"], "train": {"rows": 9, "found": 1, "listed": [suspect]}}
    made = edited(pages, "multilabel", data__suspects=listed, metrics__kept_epoch="<x5>", **tagged)
    for number in range(1, 6):
        assert f"<x{number}>" not in made and f"&lt;x{number}&gt;" in made


def test_script_json_has_nothing_that_ends_a_script():
    held = {one: [one] for one in (*fake_runs.NASTY, "\x00", "\ud800")}
    made = environment().from_string("{{ held|tojson }}").render(held=held)
    assert not set("<>&'") & set(made) and made.isascii()
    assert json.loads(made) == held
    with pytest.raises(ValueError, match="Out of range float values"):
        environment().from_string("{{ held|tojson }}").render(held=math.nan)


@pytest.mark.parametrize(
    "shown", ["{{ it }}", "{{ it|label }}", '<p title="{{ it }}">', "{{ it ~ 1 }}", "{{ [it]|join }}"]
)
@pytest.mark.parametrize("it", ["<b>", "\x00<", "\ud800<", "\x9b<", "\uffff<", "'\"&"])
def test_whatever_is_shown_is_escaped_and_readable(shown, it):
    made = environment().from_string(shown).render(it=it).removeprefix("<bdi>").removesuffix("</bdi>")
    made = made.removeprefix('<p title="').removesuffix('">')
    assert not set("<>\"'\x00\ud800\x9b\uffff") & set(made) and made.encode("utf-8")


def test_what_a_template_asks_for_and_is_not_there_is_an_error():
    with pytest.raises(UndefinedError):
        environment().from_string("{{ held.rows }}").render(held={})
