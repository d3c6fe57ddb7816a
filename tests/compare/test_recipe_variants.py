"""The recipes and the rates of a comparison as they are typed, and what is refused of them."""

import json

import pytest

from slanted.compare.recipe_variants import Rate, read_rates, read_variants, split_names
from slanted.errors import InputError
from slanted.recipe.named import recipe_named
from slanted.recipe.own_curve import ImportedCurve
from slanted.recipe.recipe import Recipe

pytestmark = pytest.mark.once


def read(text):
    return read_variants(text, recipe_named)


def test_names_files_and_settings(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"recipe": Recipe(name="own", epochs=9).to_dict()}))
    plain, decayed, saved = read(f"stlr,stlr:layer-decay=0.95:epochs=7:lr=0.001,{path}:warmup=0.2")
    assert plain.recipe == recipe_named("stlr") and not plain.has_own_rate
    assert decayed.recipe == recipe_named("stlr").with_settings(layer_decay=0.95, epochs=7, lr_max=0.001)
    assert decayed.has_own_rate
    assert saved.recipe == Recipe(name="own", epochs=9, warmup=0.2)


def test_settings_of_every_kind():
    _, variant = read("stlr,ulmfit:clip_norm=0:unfreeze_at=0,2:multipliers=head=1,embeddings=0.5:optimizer=sgd")
    expected = recipe_named("ulmfit").with_settings(
        unfreeze_at=(0, 2), multipliers={"head": 1.0, "embeddings": 0.5}, optimizer="sgd"
    )
    assert variant.recipe.clip_norm is None
    assert variant.recipe.with_settings(clip_norm=1.0) == expected


def test_settings_of_the_run_that_make_another_model():
    plain, pooled = read("stlr,stlr:pooling=cls:head_start=random:batch-size=8:calibrate=none")
    assert plain.of_run == {} and pooled.recipe == recipe_named("stlr").with_settings(head_start="random")
    assert pooled.of_run == {"pooling": "cls", "batch_size": 8, "calibrate": "none"}


def test_a_curve_of_one_s_own_has_a_colon_in_its_name():
    first, second = read_variants("stlr:curve=slanted.curves:OneCycle:epochs=2, stlr:curve=cosine", recipe_named)
    assert first.recipe.curve == ImportedCurve("slanted.curves:OneCycle") and first.recipe.epochs == 2
    assert second.recipe.curve == "cosine" and ":" not in first.folder_name


def test_a_comma_in_a_value_does_not_end_the_variant():
    assert split_names("a:x=1,2=3, b ,c:y=1") == ["a:x=1,2=3", "b", "c:y=1"]


def test_every_variant_has_a_folder_name_of_its_own(tmp_path):
    names = ["a/b.json", "a-b.json", "stlr:epochs=1", "stlr-epochs", "ä b", "a b", "a" * 300, "a" * 301, "ä" * 149]
    variants = read_variants(",".join(names), lambda name: Recipe())
    folders = [variant.folder_name for variant in variants]
    assert len(set(folders)) == len(names)
    for folder in folders:
        (tmp_path / folder).mkdir()
    assert folders[1] == "a-b.json"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stlr", "--recipes 'stlr': must name at least two recipes, such as constant,stlr"),
        ("stlr,linear,stlr", "--recipes: stlr is named twice; name it once"),
        (
            "stlr,linear:epochs",
            "--recipes linear:epochs: 'epochs' is not a SETTING=VALUE of a variant. Settings are: ",
        ),
        (
            "stlr,linear:name=x",
            "--recipes linear:name=x: 'name=x' is not a SETTING=VALUE of a variant. Settings are: ",
        ),
        ("stlr,linear:epochs=x", "--recipes linear:epochs=x: epochs: must be a number, not 'x'"),
        (
            "stlr,linear:epochs=0",
            "--recipes linear:epochs=0: epochs 0 must be a whole number >= 1; see slanted compare --help",
        ),
        (
            "stlr,linear:pooling=max",
            "--recipes linear:pooling=max: pooling max must be one of auto, cls, mean; see slanted compare --help",
        ),
        ("stlr,linear:lr=2", "--recipes linear:lr=2: lr_max 2.0 must be in (0, 1]; see slanted compare --help"),
        (
            "stlr,linear:unfreeze_at=x",
            "--recipes linear:unfreeze_at=x: unfreeze_at: must be whole numbers between commas, such as 0,1,3, not 'x'",
        ),
    ],
)
def test_refused(text, message):
    with pytest.raises(InputError) as refused:
        read(text)
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)


def test_rates_and_multiples_of_a_recipe_s_own():
    assert read_rates("x0.5,1e-4") == (Rate(0.5, is_factor=True), Rate(1e-4))
    ulmfit, sized = recipe_named("ulmfit"), Recipe(lr_max=2e-3)
    assert Rate(3.0, is_factor=True).of(ulmfit).peak_rate(384) == pytest.approx(3.0 * ulmfit.peak_rate(384))
    assert Rate(0.5, is_factor=True).of(sized).peak_rate(768) == 1e-3
    assert Rate(1e-4).of(sized).peak_rate(768) == Rate(1e-4).of(ulmfit).peak_rate(384) == 1e-4
