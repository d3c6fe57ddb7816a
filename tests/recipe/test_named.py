"""The named recipes are what the papers and libraries they come from do, and survive their files."""

import json

import numpy as np
import pytest

import slanted
from slanted.recipe.named import recipe_named, recipes
from slanted.recipe.recipe import Recipe
from slanted.text.settings import Settings

once = pytest.mark.once
BERT = ["embeddings", *(f"block_{number}" for number in range(12)), "head"]


@once
def test_every_named_recipe_says_where_it_comes_from_and_what_to_know():
    named = slanted.recipes()
    assert list(named) == [
        "stlr", "quick", "ulmfit", "sun2019", "mosbach2021", "linear", "cosine", "one-cycle", "constant",
    ]  # fmt: skip
    assert all(recipe.source and recipe.notes for recipe in named.values())
    assert all(name == recipe.name for name, recipe in named.items())


@once
def test_stlr_is_the_seed_s():
    stlr = recipes()["stlr"]
    assert (stlr.curve, stlr.cut_frac, stlr.ratio) == ("slanted-triangular", 0.1, 32.0)
    assert not stlr.is_layerwise and stlr.make_callbacks() == []
    assert stlr.peak_rate(384) == 1e-4 and stlr.peak_rate(512) == 2e-5


@once
def test_ulmfit_is_the_paper_s():
    ulmfit = recipes()["ulmfit"]
    rates = ulmfit.group_multipliers(["embeddings", "block_0", "block_1", "head"])
    assert rates == pytest.approx({"embeddings": 2.6**-3, "block_0": 2.6**-2, "block_1": 1 / 2.6, "head": 1.0})
    stages = ulmfit.make_callbacks()[0].timetable(BERT)
    assert [(start, len(names)) for start, names in stages] == [(0, 1), (1, 2), (2, 3), (3, 14)]
    assert ulmfit.epochs > stages[-1][0]


@once
def test_sun2019_decays_the_blocks_as_its_code_does():
    sun = recipes()["sun2019"]
    multipliers = sun.group_multipliers(BERT)
    assert multipliers.pop("embeddings") == multipliers.pop("head") == 1.0
    assert list(multipliers.values()) == pytest.approx([0.95 ** (11 - block) for block in range(12)])
    assert (sun.epochs, sun.curve, sun.warmup, sun.truncate) == (4, "linear", 0.1, "head+tail")
    assert sun.peak_rate(768) == 2e-5


@once
def test_mosbach2021_is_long_and_linear():
    recipe = recipes()["mosbach2021"]
    assert (recipe.epochs, recipe.curve, recipe.warmup, recipe.peak_rate(1024)) == (20, "linear", 0.1, 2e-5)


@once
@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("stlr", slanted.SlantedTriangular(0.5, 100)),
        ("ulmfit", slanted.SlantedTriangular(0.5, 100)),
        ("sun2019", slanted.LinearWarmup(0.5, 100)),
        ("mosbach2021", slanted.LinearWarmup(0.5, 100)),
        ("linear", slanted.LinearWarmup(0.5, 100)),
        ("cosine", slanted.CosineWarmup(0.5, 100)),
        ("one-cycle", slanted.OneCycle(0.5, 100)),
        ("constant", slanted.ConstantWarmup(0.5, 100)),
    ],
)
def test_the_curve_of_each(name, curve):
    np.testing.assert_array_equal(recipes()[name].make_curve(0.5, 100).simulate(), curve.simulate())


@once
def test_every_recipe_survives_its_file(tmp_path):
    for recipe in [*recipes().values(), Recipe(lr_max=0.5, clip_norm=None, multipliers={"head": 2.0})]:
        path = tmp_path / "recipe.json"
        path.write_text(json.dumps(Settings(recipe=recipe).to_dict()), encoding="utf-8")
        assert recipe_named(str(path)) == recipe
        assert Settings.from_dict(json.loads(path.read_text(encoding="utf-8"))).recipe == recipe
