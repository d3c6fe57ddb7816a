"""The README's script, and the curves of one's own in the docs, run as they stand; its figures are measured ones."""

import re
from pathlib import Path

import keras
import pytest
from applied import assert_sums, fit, model
from page_blocks import blocks_of

from slanted.layerwise.run_scheduler import RunScheduler
from slanted.recipe.own_curve import ImportedCurve
from slanted.recipe.recipe import Recipe

ROOT = Path(__file__).parents[2]
README, CURVES_PAGE = ROOT / "README.md", ROOT / "docs" / "keras" / "own-curves.md"
HOOK = "MetadataHookInterface = object"  # hatchling is where a package is built, not where the tests run


@pytest.fixture
def script():
    return next(block.content for block in blocks_of(README.read_text(encoding="utf-8")) if block.language == "python")


@pytest.mark.once
def test_the_page_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) < 130


@pytest.mark.once
def test_the_figures_are_those_of_the_benchmarks():
    figures = README.read_text(encoding="utf-8").partition("\n## Figures\n")[2]
    measured = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in figures.splitlines() if " ± " in line]
    assert len(rows) == 4
    for row in rows:
        assert any(all(f" {cell} " in line for cell in row[1:]) for line in measured), row
    assert "Measured on 2026-11-27" in "\n".join(measured)


@pytest.mark.once
def test_links_of_the_package_s_readme_are_absolute_once_there_is_an_address():
    names: dict = {}
    source = (ROOT / "hatch_build.py").read_text(encoding="utf-8")
    exec(source.replace("from hatchling.metadata.plugin.interface import MetadataHookInterface", HOOK), names)
    text = README.read_text(encoding="utf-8")
    assert names["absolute"](text, "") == text
    made = names["absolute"](text, "https://files.example/slanted/")
    links = re.findall(r"\]\(([^)]+)\)", made)
    assert len(links) > 20 and all(link.startswith("https://files.example/slanted/") for link in links)
    assert "](https://files.example/slanted/docs/pictures/report.png)" in made


def test_the_script_is_six_lines_beside_blank_ones(script):
    assert len([line for line in script.splitlines() if line.strip()]) == 6


def test_the_script_trains_over_the_whole_curve(script, fresh_keras, capsys):
    names: dict = {}
    exec(compile(script, "README.md", "exec"), names)
    history, optimizer = names["model"].history.history, names["model"].optimizer
    assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == 60
    rates = names["slanted"].SlantedTriangular(0.001).at([19, 39, 59], 60)
    assert history["learning_rate"] == pytest.approx(rates, rel=1e-5)
    assert keras.ops.convert_to_numpy(optimizer.learning_rate) == pytest.approx(rates[-1], rel=1e-5)


def test_the_curves_of_one_s_own_train_with_their_rates(tmp_path, monkeypatch):
    (saved,) = (one for one in blocks_of(CURVES_PAGE.read_text(encoding="utf-8")) if one.comment == "file my_curves.py")
    (tmp_path / "my_curves.py").write_text(saved.content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made = Recipe(curve=ImportedCurve("my_curves:InverseSquareRoot")).make_curve(0.5, 20)
    assert made.simulate()[[0, 1, 2, 8]].tolist() == [0.0, 0.25, 0.5, 0.25]
    joined = Recipe(curve=ImportedCurve("my_curves:rise_then_cosine")).make_curve(0.5, 20)
    assert joined.simulate()[[0, 1, 2, 11]] == pytest.approx([0.0, 0.25, 0.5, 0.25])
    for curve in (made, joined):
        assert_sums(fit(model(), 10, 2, [RunScheduler(curve)]), curve.simulate())
