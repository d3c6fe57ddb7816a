"""A curve of one's own in a recipe: a class, a function, a curve, a name that is imported, and one that is not."""

import copy
import functools
import json
import pickle
import sys
import types
from pathlib import Path

import keras
import numpy as np
import own_curves
import pytest
from curve_checks import CURVES

import slanted
from slanted.errors import InputError, SettingError
from slanted.recipe.own_curve import ImportedCurve, curve_name, is_own, read_curve
from slanted.recipe.recipe import Recipe

pytestmark = pytest.mark.once
module = own_curves.module


class Half(slanted.Curve):
    """Half the peak, always."""

    def rate(self, elapsed, remaining, constants, xp):
        return 0.5 * self.lr_max + 0.0 * elapsed


def halves(lr_max, total_steps=None):
    return slanted.join_curves([Half(lr_max), slanted.ConstantWarmup(lr_max)], [0.5], total_steps)


INSTANCE = slanted.join_curves([Half(0.25), slanted.ConstantWarmup(0.125)], [3])
HERE = Half.__module__
NAMES = {
    "linear": "linear",
    Half: f"{HERE}:Half",
    halves: f"{HERE}:halves",
    INSTANCE: f"slanted.curves.joined:{INSTANCE!r}",
    functools.partial(halves): f"functools:{functools.partial(halves)!r}",
}


def test_a_class_a_function_and_a_partial_are_called_with_the_peak_and_the_length_where_they_take_it():
    for curve in (Half, halves, functools.partial(halves, total_steps=10), lambda lr_max: Half(lr_max)):
        made = Recipe(curve=curve).make_curve(0.5, 10)
        assert (made.lr_max, made.total_steps) == (0.5, 10) and made.simulate()[0] == 0.25
    assert Recipe(curve=Half).make_curve(0.5).total_steps is None


def test_a_curve_itself_is_used_as_it_is_and_its_peak_is_the_recipe_s():
    recipe = Recipe(curve=INSTANCE)
    assert recipe.lr_max == recipe.peak_rate(384) == 0.25
    made = recipe.make_curve(0.25, 10)
    np.testing.assert_array_equal(made.simulate(), INSTANCE.simulate(10))
    assert INSTANCE.total_steps is None
    assert recipe.with_settings(curve=Half(0.5)).lr_max == 0.5
    assert recipe.with_settings(curve="linear").lr_max is None
    assert recipe.with_settings(epochs=5).lr_max == 0.25


@pytest.mark.parametrize("curve", NAMES)
def test_recipes_are_compared_hashed_copied_and_pickled_and_written_by_the_curve_s_name(curve):
    recipe = Recipe(curve=curve)
    assert curve_name(curve) == recipe.to_dict()["curve"] == NAMES[curve]
    assert recipe == Recipe(curve=curve) != Recipe(curve="cosine") and {recipe: 1}[Recipe(curve=curve)] == 1
    if not isinstance(curve, functools.partial):  # whose copies Python does not compare
        assert copy.deepcopy(recipe) == recipe
    read = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert read.curve == NAMES[curve] and read.to_dict() == recipe.to_dict()
    assert is_own(read.curve) == is_own(curve) == (curve != "linear")


def test_two_curves_of_the_same_arguments_make_equal_recipes():
    recipe = Recipe(curve=slanted.OneCycle(0.5))
    assert pickle.loads(pickle.dumps(recipe)) == recipe == Recipe(curve=slanted.OneCycle(0.5))
    assert Recipe(curve=slanted.OneCycle(0.5)) != Recipe(curve=slanted.OneCycle(0.25))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"curve": 5}, "`curve` must be one of slanted-triangular, linear"),
        ({"curve": "a b:c"}, "`curve` must be one of slanted-triangular, linear"),
        ({"curve": "my:"}, "`curve` must be one of slanted-triangular, linear"),
        ({"curve": Recipe}, "Derive its class from slanted.Curve."),
        ({"curve": keras.optimizers.schedules.CosineDecay}, "Derive its class from slanted.Curve."),
        (
            {"curve": keras.optimizers.schedules.CosineDecay(0.1, 10)},
            "It does not know the length of the run: write its formula as the `rate` of a slanted.Curve.",
        ),
        (
            {"curve": Half(0.5), "lr_max": 0.1},
            "`lr_max` must be the curve's own lr_max, 0.5. Received: lr_max=0.1",
        ),
        ({"curve": Half(2.0)}, "`lr_max` must be in (0, 1]. Received: lr_max=2.0"),
    ],
)
def test_what_is_no_curve_is_refused(settings, message):
    with pytest.raises(SettingError) as raised:
        Recipe(**settings)
    assert message in str(raised.value)


def test_a_curve_of_another_peak_or_another_length_is_refused():
    with pytest.raises(SettingError, match=r"the curve's own lr_max, 0\.25"):
        Recipe(curve=INSTANCE).make_curve(0.5, 10)
    with pytest.raises(InputError, match="its total_steps is 7, and the run has 10 steps; leave its total_steps out"):
        Recipe(curve=Half(0.5, 7)).make_curve(0.5, 10)


# -- names that an option gives ----------------------------------------------------------------------------------------


def test_a_name_is_imported_from_the_current_folder_when_the_curve_is_made(module):
    before = list(sys.path)
    curve = read_curve(f"{module}:Root")
    assert curve == ImportedCurve(f"{module}:Root") and not Path("imported").exists()
    recipe = Recipe(curve=curve)
    assert curve_name(curve) == recipe.to_dict()["curve"] == f"{module}:Root" and hash(recipe) is not None
    made = recipe.make_curve(0.5, 40)
    np.testing.assert_allclose(made.simulate(), own_curves.root(0.5, 40), rtol=1e-9)
    assert Path("imported").exists() and sys.path == before
    assert Recipe(curve=read_curve(f"{module}:Inside.Curve")).make_curve(0.5, 40) == made


def test_functions_are_called_and_slanted_s_own_classes_can_be_named(module):
    assert Recipe(curve=ImportedCurve(f"{module}:joined")).make_curve(0.5, 10).simulate()[5] == 0.25
    assert Recipe(curve=ImportedCurve(f"{module}:knows_its_run")).make_curve(0.5, 10).simulate()[8] == 0.5
    made = Recipe(curve=ImportedCurve("slanted:OneCycle")).make_curve(0.5, 10)
    assert made == slanted.OneCycle(0.5, 10)


def test_the_current_folder_shadows_nothing(module, monkeypatch):
    Path("json.py").write_text("raise RuntimeError('shadowed')", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "json")
    with pytest.raises(InputError, match=r"--curve json:Root: json \(.*json.__init__.py\) has no Root"):
        ImportedCurve("json:Root").load()


REFUSED = [
    ("Nothing", "--curve {0}: {1} ({2}) has no Nothing; give the name of a class in it"),
    ("slanted", "--curve {0}: must be a class derived from slanted.Curve, or a function that returns a curve, not an "
     "object of type module"),
    ("Inside", "--curve {0}: must be a class derived from slanted.Curve, or a function that returns a curve, not the "
     "class Inside"),
    ("a_curve", "--curve {0}: must be a class derived from slanted.Curve, or a function that returns a curve, not an "
     "object of type Root"),
    ("a_number", "curve {0}: calling it must return a slanted curve, not an object of type float; mend it"),
    ("of_another_run", "curve {0}: its total_steps is 7, and the run has 10 steps; leave its total_steps out"),
    ("root", "--curve {0}: {1} ({2}) has no root; give the name of a class in it"),
    ("Negative", "curve {0}: the rate at step 5 of 10 is -0.5; a rate must be a finite number >= 0, mend its `rate`"),
    ("Forgot", "curve {0}: has no lr_max or total_steps; call super().__init__(lr_max, total_steps)"),
    ("Broken", "curve {0}: computing its rates failed with NameError: name 'nothing' is not defined; mend it"),
]  # fmt: skip


@pytest.mark.parametrize(("attribute", "message"), REFUSED)
def test_what_a_name_leads_to_is_refused_with_the_whole_message(module, attribute, message):
    name = f"{module}:{attribute}"
    with pytest.raises(InputError) as raised:
        Recipe(curve=ImportedCurve(name)).make_curve(0.5, 10)
    assert str(raised.value) == message.format(name, module, Path(f"{module}.py").resolve())


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_rate_that_is_infinite_is_refused(module):
    with pytest.raises(InputError, match="the rate at step 3 of 10 is inf"):
        Recipe(curve=ImportedCurve(f"{module}:Undefined")).make_curve(0.5, 10)


@pytest.mark.parametrize("name", ["Numpy", "Branch"])
def test_a_formula_that_no_step_compiles_is_refused(module, name):
    with pytest.raises(InputError) as raised:
        Recipe(curve=ImportedCurve(f"{module}:{name}")).make_curve(0.5, 10)
    first, last = f"curve {module}:{name}: its rate cannot be computed in a compiled step (", "xp.where` in place of if"
    assert str(raised.value).startswith(first) and str(raised.value).endswith(last)


@pytest.mark.parametrize("curve", CURVES, ids=repr)
def test_every_curve_of_slanted_s_is_one_that_a_step_compiles(curve):
    for one in (curve, slanted.join_curves([curve, slanted.join_curves([curve, curve], [3])], [0.5])):
        assert Recipe(curve=one).make_curve(curve.lr_max, 10).total_steps == 10


def test_a_call_that_fails_says_what_was_given():
    def wants_more(peak):
        return Half(peak)

    with pytest.raises(InputError, match=r"calling it with lr_max=0\.5 failed with TypeError: .*'lr_max'"):
        Recipe(curve=wants_more).make_curve(0.5, 10)


@pytest.mark.parametrize("content", ["import no_such_module", "1 +", "raise SystemExit(3)", "raise ValueError('x')"])
def test_a_module_that_cannot_be_imported_is_refused(module, content):
    Path(f"{module}.py").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=f"--curve {module}:Root: importing {module} failed with .*; mend it"):
        ImportedCurve(f"{module}:Root").load()


@pytest.mark.parametrize("name", ["a-b:Root", "a:b c", ":Root", "a:", "a:b:c", ".a:Root"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(InputError, match="must be MODULE:CLASS where it names a curve of your own, not"):
        read_curve(name)


def test_a_module_that_is_not_there_is_refused_before_anything_is_imported(monkeypatch):
    with pytest.raises(InputError, match=r"there is no module no_such\.part for no_such.part:Root, installed or"):
        read_curve("no_such.part:Root")
    monkeypatch.setitem(sys.modules, "without_spec", types.ModuleType("without_spec"))
    with pytest.raises(InputError, match="there is no module without_spec"):
        read_curve("without_spec:Root")


# -- names that a file gives -------------------------------------------------------------------------------------------


def test_a_name_from_a_file_is_a_name_and_imports_nothing(module):
    recipe = Recipe.from_dict({"curve": f"{module}:Root"})
    assert recipe.curve == f"{module}:Root" == recipe.to_dict()["curve"]
    with pytest.raises(InputError) as raised:
        recipe.make_curve(0.5, 10)
    assert str(raised.value) == (
        f"the recipe names the curve {module}:Root, and code that only a file names is not imported; give --curve "
        "again, or in Python recipe.with_settings(curve=...) with the class itself"
    )
    assert module not in sys.modules and not Path("imported").exists()
