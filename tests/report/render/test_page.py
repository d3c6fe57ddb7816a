"""The page as a whole: its title, its sections, its policy, and that it needs nothing beside itself."""

import base64
import hashlib
import re
from datetime import UTC, datetime

import fake_runs
import pytest
from report_pages import ORDER, Reader, reader
from report_parts import edited

from slanted.report.render.environment import label
from slanted.report.render.page import SCRIPTS

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", ["single", "multilabel", "pairs", "nasty"])
def test_the_sections_stand_in_order(pages, name):
    assert list(reader(pages[name]).sections) == ORDER


def test_regression_and_runs_without_scores_leave_out_what_they_lack(pages):
    assert list(reader(pages["regression"]).sections) == [one for one in ORDER if one not in ("classes", "calibration")]
    shown = reader(pages["unscored"]).sections
    assert list(shown) == ["result", "suspects", "lengths", "epochs", "rates", "cost", "repeat"]
    assert "This run has no score, because it had no test or validation rows." in shown["result"]


@pytest.mark.parametrize("name", fake_runs.RUNS)
def test_the_page_is_one_small_file_that_asks_for_nothing(pages, name):
    assert pages[name].stat().st_size < 3_000_000
    found = reader(pages[name])
    assert found.elements.count("script") == 1 + len(SCRIPTS)
    assert not {"img", "iframe", "object", "embed", "video", "audio", "form", "base"} & set(found.elements)
    assert all(address.startswith(("data:,", "#")) for address in found.addresses)


def test_the_policy_names_the_scripts_by_their_sum(pages):
    text = pages["single"].read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text).group(1)
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe-eval" not in policy
    for script in re.findall(r"<script>(.*?)</script>", text, re.DOTALL):
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert policy.count("sha256-") == len(SCRIPTS)


def test_the_title_says_what_it_is(pages):
    text = pages["single_folds"].read_text(encoding="utf-8")
    assert "<h1>single_folds: slanted cross-validation</h1>" in text
    about = dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", text[: text.index("</dl>")]))
    assert about == {
        "data": "t.csv, 180 training rows; test.csv, 60 test rows",
        "task": "6 classes",
        "model": "minilm, recipe ulmfit, 3 folds",
        "training time": "38 s",
    }
    dated = edited(pages, data__finished=datetime(2026, 3, 1, 9, 5, tzinfo=UTC))
    assert "<dt>finished</dt><dd>1 March 2026, 09:05 UTC</dd>" in dated


def test_hostile_labels_and_texts_stay_texts(pages):
    text = pages["nasty_folds"].read_text(encoding="utf-8")
    found = Reader(text)
    assert found.elements.count("h1") == 1 and found.elements.count("main") == 1
    assert not {"img", "iframe"} & set(found.elements)
    assert "onmouseover" not in {name for name in re.findall(r"<\w+[^>]*\s(\w+)=", text)}
    labels = fake_runs.hostile(classes=40)[0].target.labels
    assert all(label(one) in text for one in labels)
