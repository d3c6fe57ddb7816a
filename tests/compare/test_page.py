"""The page of a comparison in a browser without a network."""

import csv
import json

import numpy as np
import pytest
from browser import Browser
from markupsafe import escape

from slanted.compare.page import numbers, page
from slanted.compare.recipe_variants import Rate, Variant
from slanted.compare.results import Measured, compared
from slanted.compare.run_grid import Run
from slanted.recipe.recipe import Recipe
from slanted.text.settings import Settings

pytestmark = [pytest.mark.once, pytest.mark.browser]

STEPS, SEEDS = 60, 3
NASTY = "</script><script>window.hacked = 1</script>.json"
COUNT = """
const marks = (place) => place.querySelectorAll("svg path, svg circle, svg line").length;
return Object.fromEntries([...document.querySelectorAll(".draw")].map((place) => [place.dataset.plot, marks(place)]));
"""
HOVER = """
const place = document.querySelector('[data-plot="scores"] svg');
const dot = place.querySelector("circle").getBoundingClientRect();
const at = { clientX: dot.x + 4, clientY: dot.y + 4, bubbles: true };
place.dispatchEvent(new PointerEvent("pointermove", at));
return new Promise((done) => setTimeout(() => done(place.textContent), 300));
"""


def run(folder, name, rate, seed, score):
    """Return a run that nobody trained, its history in a file."""
    recipe = Recipe(lr_max=rate)
    place = folder / f"{len(list(folder.iterdir()))}"
    place.mkdir()
    curve = recipe.make_curve(rate).simulate(STEPS)
    with open(place / "history.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "epoch", "loss", "learning_rate"])
        writer.writerows([at, 1 + at // 20, 2.0 * 0.97**at, curve[at]] for at in range(STEPS))
    scores = {"accuracy": score, "loss": 1.0 - score}
    baselines = {"tfidf": {"accuracy": 0.7}, "majority": {"accuracy": 0.2}}
    metrics = {"task": "single", "train_seconds": 9.0, "valid": scores, "test": scores, "baselines": baselines}
    made = Run(Variant(name, recipe), Rate(rate), Settings(recipe=recipe, seed=seed), place)
    return Measured(made, metrics, rate)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    return compared_recipes(
        tmp_path_factory.mktemp("runs"), ("constant", "stlr", "stlr:layer_decay=0.95", NASTY, "x" * 300)
    )


def compared_recipes(folder, names):
    random, runs = np.random.default_rng(0), []
    for number, name in enumerate(names):
        for rate in (1e-4, 3e-4):
            runs += [
                run(folder, name, rate, seed, 0.8 + 0.02 * number + random.normal(0, 0.01)) for seed in range(SEEDS)
            ]
    return compared(runs, "accuracy", "test")


@pytest.fixture(scope="module")
def path(comparison, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "compare.html"
    path.write_text(page(comparison, "<b>name</b>"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    session = Browser()
    yield session
    session.close()


@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_is_drawn_quiet_and_accessible(browser, path, width):
    opened = browser.open(path, width, dark=width == 400)
    marks = opened.run(COUNT)
    assert marks.keys() == {"scores", "differences", "rates", "losses", "tried"}
    assert marks["scores"] >= 5 * (SEEDS + 1) + 2
    assert marks["differences"] >= 2 * 4 and marks["rates"] >= 5 and marks["losses"] >= 5 and marks["tried"] >= 5 * 3
    assert opened.run("return document.documentElement.scrollWidth") <= width
    assert opened.run("return window.hacked") is None
    assert opened.complaints() == [] and opened.requests() == []
    assert opened.accessibility() == {}


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_any_number_of_recipes_is_drawn(browser, tmp_path, count):
    recipes = compared_recipes(tmp_path, [f"recipe {number}" for number in range(count)])
    path = tmp_path / "compare.html"
    path.write_text(page(recipes, "name"), encoding="utf-8")
    for width in (400, 1400):
        opened = browser.open(path, width)
        assert opened.complaints() == [] and opened.accessibility() == {}
        assert opened.run("return document.documentElement.scrollWidth") <= width
    marks = opened.run(COUNT)
    assert marks.pop("scores") >= count * (SEEDS + 1) + 2
    assert marks.pop("differences", 0) >= 2 * (count - 1)
    assert marks.keys() == {"rates", "losses", "tried"} and min(marks.values()) >= count


def test_pointing_at_a_dot_says_which(browser, path):
    opened = browser.open(path, 1400)
    said = opened.run(HOVER)
    assert "constant, seed 0: 0.8" in said


def test_the_page_says_what_the_comparison_says(comparison, path):
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < 1_000_000
    for result in comparison.recipes[1:3]:
        assert f"<bdi>{escape(result.name)}</bdi>: " in text
    assert "&lt;b&gt;name&lt;/b&gt;: slanted comparison" in text and "<b>name</b>" not in text
    held = text.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert json.loads(held) == json.loads(json.dumps(numbers(comparison)))


def test_the_numbers_drawn(comparison):
    drawn = numbers(comparison)
    for one, result in zip(drawn["recipes"], comparison.recipes, strict=True):
        assert one["scores"] == list(result.scores) and one["mean"] == pytest.approx(np.mean(result.scores))
        assert one["steps"] == list(range(STEPS)) and len(one["losses"]) == STEPS
        curve = Recipe(lr_max=result.rate).make_curve(result.rate).simulate(STEPS)
        assert one["rates"] == pytest.approx(list(curve))
        assert [each["rate"] for each in one["tried"]] == [1e-4, 3e-4]
        assert one["losses"][1] == pytest.approx(2.0 * np.mean([1, 0.97, 0.97**2]), rel=1e-4)
