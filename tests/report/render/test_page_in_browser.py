"""The page of a report in a browser without a network: drawn, hovered, wide and narrow, light and dark, accessible."""

import csv
import itertools
import json
import os
import sys
from pathlib import Path

import fake_runs
import pytest
from browser import Browser

from slanted.cli import main

pytestmark = [pytest.mark.once, pytest.mark.browser]

COUNT = """
const marks = (place) => place.querySelectorAll("svg path, svg circle, svg rect").length;
return Object.fromEntries([...document.querySelectorAll(".draw")].map((place) => [place.dataset.plot, marks(place)]));
"""
SIDEWAYS = """
for (const one of document.querySelectorAll("details")) one.open = true;
const isWide = (one) => one.scrollWidth > one.clientWidth + 1;
const scrolls = (one) => isWide(one) && ["auto", "scroll"].includes(getComputedStyle(one).overflowX);
return [...document.querySelectorAll("main *")].filter(scrolls).map((one) => one.outerHTML.slice(0, 90));
"""
CONTENTS_TOP = """
document.getElementById("cost").scrollIntoView();
return document.querySelector("nav").getBoundingClientRect().top;
"""
PLOTS = {
    "single": {"rates", "loss", "curve-loss", "curve-score", "confusion", "calibration", "lengths"},
    "multilabel": {"rates", "loss", "curve-loss", "curve-score", "outcomes", "calibration", "lengths"},
    "regression": {"rates", "loss", "curve-loss", "curve-score", "scatter", "lengths"},
    "pairs": {"rates", "loss", "curve-loss", "curve-score", "confusion", "calibration", "lengths"},
    "unscored": {"rates", "loss", "curve-loss", "lengths"},
    "nasty": {"rates", "loss", "curve-loss", "confusion", "calibration", "lengths"},
    "pairs_folds": {"rates", "loss", "curve-loss", "confusion", "calibration", "lengths"},
}
PLOTS |= {f"{name}_folds": PLOTS[name] for name in ("single", "multilabel", "regression", "nasty")}
ALL = {**fake_runs.RUNS, **fake_runs.FOLDS}


@pytest.fixture(scope="module")
def browser():
    session = Browser()
    yield session
    session.close()


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", ALL)
def test_every_page_is_drawn_quiet_and_accessible(browser, pages, name, width):
    opened = browser.open(pages[name], width, dark=width == 400)
    marks = opened.run(COUNT)
    assert marks.keys() == PLOTS[name] and min(marks.values()) > 0
    assert opened.run("return document.documentElement.scrollWidth") <= width
    assert opened.run(SIDEWAYS) == []
    assert opened.run(CONTENTS_TOP) in (0, 16) and opened.run("return window.scrollY") > 500  # with the page scrolled
    assert opened.complaints() == [] and opened.requests() == []
    assert opened.accessibility() == {}


def test_marks_are_as_many_as_the_numbers(browser, pages):
    marks = browser.open(pages["single"]).run(COUNT)
    data = json.loads((pages["single"].parent / "report.json").read_text(encoding="utf-8"))
    assert marks["loss"] >= fake_runs.EPOCHS * fake_runs.STEPS
    assert marks["rates"] >= len(fake_runs.GROUPS)
    assert marks["confusion"] >= len(data["quality"]["confusion"])
    assert marks["calibration"] >= len(data["quality"]["calibration"])
    assert marks["lengths"] >= len(data["lengths"]["bins"])
    assert browser.open(pages["regression"]).run(COUNT)["scatter"] >= 2 * 60
    assert browser.open(pages["nasty"]).run(COUNT)["confusion"] >= 200


LARGE = "return [...document.querySelectorAll('[data-plot=curve-loss] circle')].map((dot) => dot.getAttribute('r'))"


def test_each_fold_has_its_curve_and_a_link_to_its_own_page(browser, pages):
    opened = browser.open(pages["single_folds"])
    assert opened.run("return document.querySelectorAll('[data-plot=curve-loss] g[stroke-width] path').length") == 3
    assert sorted(opened.run(LARGE)) == ["3"] * 6 + ["5"] * 3  # the kept epoch of each
    opened.driver.find_element("link text", "fold 2").click()
    browser.wait_for("return document.title === 'fold_2: slanted run'")
    assert opened.run("return document.querySelectorAll('[data-plot=rates] svg').length") == 1


def test_the_browser_would_notice(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text('<html><body><img src="http://example.test/x.png"><script>undefined()</script></body></html>')
    opened = browser.open(path)
    assert opened.requests() == ["http://example.test/x.png"]
    assert len(opened.complaints()) == 2
    assert {"image-alt", "html-has-lang"} <= opened.accessibility().keys()


def test_no_script_but_its_own_may_run(browser, pages, tmp_path):
    text = pages["single"].read_text(encoding="utf-8")
    path = tmp_path / "changed.html"
    path.write_text(text.replace("</main>", "<script>window.hacked = 1</script></main>"), encoding="utf-8")
    opened = browser.open(path)
    assert opened.run("return window.hacked") is None
    assert "Content Security Policy" in opened.complaints()[0]


READOUT = "return document.querySelector('.readout').textContent"
CURSORS = "return [...document.querySelectorAll('.cursor')].map((line) => Number(line.getAttribute('x1')))"


@pytest.mark.parametrize("name", ["rates", "loss"])
@pytest.mark.parametrize("width", [400, 1400])
def test_pointing_at_a_step_shows_it_and_its_rates(browser, pages, name, width):
    opened = browser.open(pages["single"], width)
    opened.point_at(f"[data-plot={name}] svg", 0.5)
    said = opened.run(READOUT)
    step = int(said.split()[1])
    assert 45 <= step <= 75
    rates = {group: factor for group, factor in (("head", 1.0), ("block_5", 2.6**-1))}
    curve = fake_runs.history()[step][3]
    for group, factor in rates.items():
        shown = said.split(f"{group} ")[1].split("block")[0].split("head")[0].split("loss")[0]
        assert float(shown) == pytest.approx(curve * factor, rel=0.01)
    assert "embeddings closed" in said and "loss " in said
    first, second = opened.run(CURSORS)
    assert first == second > 0  # one cursor through both plots
    opened.point_at(f"[data-plot={name}] svg", 0.999)
    assert opened.run(READOUT).startswith("step 119 ")


def test_the_slider_does_the_same_from_the_keyboard(browser, pages):
    from selenium.webdriver.common.keys import Keys

    opened = browser.open(pages["single"])
    slider = opened.driver.find_element("css selector", ".slider input")
    slider.send_keys(Keys.HOME)
    assert opened.run(READOUT).startswith("step 0 of 120, epoch 1")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert slider.get_attribute("aria-valuetext").startswith("step 1, epoch 1, ")
    assert "head rate" in slider.get_attribute("aria-valuetext")


def test_pointing_at_a_cell_says_what_it_is(browser, pages):
    opened = browser.open(pages["single"])
    opened.point_at("[data-plot=confusion] g rect")
    said = opened.run("return document.querySelector('[data-plot=confusion]').textContent")
    assert "labelled ABBR, predicted ABBR" in said


def test_hostile_texts_are_shown_and_nothing_of_them_runs(browser, pages):
    for name in ("nasty_folds", "nasty"):
        opened = browser.open(pages[name])
        assert opened.run("return window.hacked") is None
        foreign = "img, iframe, h1 ~ h1, [onerror], [onmouseover]"
        assert opened.run(f"return document.querySelectorAll('{foreign}').length") == 0
    labels = opened.run("return [...document.querySelectorAll('#classes tbody th')].map((cell) => cell.textContent)")
    shown = {fake_runs.NASTY[at % len(fake_runs.NASTY)][:20] for at in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)}
    assert len(labels) == 200 and all(any(label.startswith(text) for label in labels) for text in shown)


def test_it_is_redrawn_when_the_width_changes(browser, pages):
    opened = browser.open(pages["single"], 1400)
    wide = opened.run("return document.querySelector('[data-plot=rates] svg').getBoundingClientRect().width")
    size = {"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    opened.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    narrow = "return document.querySelector('[data-plot=rates] svg').viewBox.baseVal.width"
    browser.wait_for(f"{narrow} < 400")
    assert wide > 800


def test_it_prints_whole(browser, pages):
    opened = browser.open(pages["single"])
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = "return getComputedStyle(document.querySelector('.slider')).display"
    assert opened.run(hidden) == "none"
    printed = opened.driver.execute_cdp_cmd("Page.printToPDF", {})
    assert len(printed["data"]) > 50_000
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


REAL = {"trec6": "single", "reuters21578_top10": "multilabel", "glue_stsb": "pairs of numbers"}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_reports_of_public_sets(browser, tmp_path, name):
    data = os.environ.get("SLANTED_DATA")
    if not data:
        pytest.skip("SLANTED_DATA is not set: it names the folder of the ten data sets")
    csv.field_size_limit(sys.maxsize)
    files = []
    for part, count in (("train", 160), ("test", 40)):
        with open(Path(data) / name / f"{part}.csv", encoding="utf-8", newline="") as file:
            rows = list(itertools.islice(csv.reader(file), count + 1))
        files.append(tmp_path / f"{part}.csv")
        with open(files[-1], "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    more = ["--text-b", "text_b"] if "text_b" in rows[0] else []
    options = ["--test", str(files[1]), "--out", str(tmp_path / name), "--epochs", "1", "--max-tokens", "24", *more]
    assert main(["train", str(files[0]), *options, "--recipe", "ulmfit", "--precision", "float32"]) == 0
    for width, dark in ((400, True), (1400, False)):
        opened = browser.open(tmp_path / name / "report.html", width, dark)
        marks = opened.run(COUNT)
        assert {"rates", "loss", "lengths"} < marks.keys() and min(marks.values()) > 0
        assert opened.run("return document.documentElement.scrollWidth") <= width
        assert opened.complaints() == [] and opened.requests() == [] and opened.accessibility() == {}
