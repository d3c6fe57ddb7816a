"""The named recipes: the settings of papers and libraries, each with its source and the differences from it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from slanted.common.regular_files import read_regular
from slanted.common.strict_json import decoded
from slanted.errors import InputError
from slanted.recipe.recipe import Recipe

_Read = TypeVar("_Read")

_STLR = Recipe(
    name="stlr",
    source="Howard and Ruder 2018, equation 3, with one rate for all layers",
    notes=(
        "Cut 0.1 and ratio 32 are the paper's; the peak goes by the model's size, as the paper's 0.01 was for an "
        "LSTM. In the paper's ablations STLR takes 0.2 to 1.3 points of error off a constant rate."
    ),
)

_ULMFIT = Recipe(
    name="ulmfit",
    source="Howard and Ruder 2018: discriminative rates, gradual unfreezing and STLR",
    notes=(
        "1/2.6 from layer to layer and the peak of 0.01 were found for an LSTM of three layers. A BERT has 8 or 14 "
        "groups, whose lowest then train at a thousandth of the head's rate or less; so the head's peak is 10 times "
        "the size rule's. One group an epoch would take an epoch a group until all are open; here the head opens "
        "first, then one block, then another, then all. In the paper unfreezing alone gained 0 to 0.5 points, with "
        "the rates and STLR 0.4 to 1.9; on BERT others saw no gain over plain fine-tuning."
    ),
    epochs=8,
    peak_factor=10.0,
    layer_decay=1 / 2.6,
    unfreezing="top-down",
    unfreeze_at=(0, 1, 2, 3),
)

_SUN2019 = Recipe(
    name="sun2019",
    source="Sun et al. 2019, arXiv 1905.05583, and its code",
    notes=(
        "Made for BERT-base: peak 2e-5, at most 4 epochs, batches of 24. As in its code the decay "
        "of 0.95 is on the blocks alone, 1 on the top one; embeddings, pooler and classifier are undecayed. What "
        "that code calls STLR is a linear warm-up and a linear fall to 0; it drops from the peak to 0.9 of it at "
        "once, which is mended here. Long texts keep their first quarter and their last three. In its ablation 0.95 "
        "gained 0.02 points."
    ),
    epochs=4,
    curve="linear",
    layer_decay=0.95,
    decayed_groups="blocks",
    truncate="head+tail",
)

_MOSBACH2021 = Recipe(
    name="mosbach2021",
    source="Mosbach et al. 2021, arXiv 2006.04884",
    notes=(
        "For small sets, where short runs end at random: 20 epochs, bias-corrected Adam, linear warm-up over a "
        "tenth and a linear fall to 0. Its peak of 2e-5 was for BERT-large; a small encoder takes the size rule's. "
        "BERT-large on RTE: mean accuracy 52.3 before, 70.1 with it; BERT-base was stable without. On a large set "
        "20 epochs are waste."
    ),
    epochs=20,
    curve="linear",
)

_QUICK = Recipe(
    name="quick",
    source="slanted's own, settled on validation rows (docs/how-to-choose.md); layer decay of Clark et al. 2020",
    notes=(
        "For the least time to a good score. Two epochs at four times the size rule's peak; a layer decay of 0.8 keeps "
        "the lower blocks safe at it. The embeddings and the lowest block stay frozen: they would move least, and with "
        "them go a part of every backward pass and most of the optimizer's step. No dropout: it slows learning down, "
        "which a run this short cannot make up for. Long texts keep their first quarter and their last three. With "
        "time for more epochs other recipes reach more. ALBERT has one block only: freeze its embeddings only."
    ),
    epochs=2,
    peak_factor=4.0,
    layer_decay=0.8,
    freeze=("embeddings", "block_0"),
    dropout=0.0,
    truncate="head+tail",
)

_LINEAR = Recipe(
    name="linear",
    source="Devlin et al. 2019, appendix A.2: linear warm-up over 10 %, then linear to 0",
    notes="What most comparisons mean by fine-tuning. Its first batch trains at a rate of 0.",
    curve="linear",
)

_COSINE = Recipe(
    name="cosine",
    source="Loshchilov and Hutter 2017, equation 5, after a linear warm-up over 10 %",
    notes="Stays near the peak longer than linear. In ULMFiT's ablation between -0.1 and +0.7 points of STLR's error.",
    curve="cosine",
)

_ONE_CYCLE = Recipe(
    name="one-cycle",
    source="Smith 2018, arXiv 1803.09820, as in fastai's fit_one_cycle",
    notes="Cosine up over a quarter of the run and down to 1/100,000 of the peak. Momentum is not cycled.",
    curve="one-cycle",
    warmup=0.25,
)

_CONSTANT = Recipe(
    name="constant",
    source="The optimizer's own constant rate",
    notes="The yardstick of the others, and what Keras does by itself.",
    curve="constant",
    warmup=0.0,
)

NAMED = (_STLR, _QUICK, _ULMFIT, _SUN2019, _MOSBACH2021, _LINEAR, _COSINE, _ONE_CYCLE, _CONSTANT)


def recipes() -> dict[str, Recipe]:
    """Return the named recipes: name -> Recipe.

    >>> recipes()["stlr"].curve
    'slanted-triangular'
    """
    return {recipe.name: recipe for recipe in NAMED}


def recipe_named(name: str) -> Recipe:
    """Return the recipe of that name, or the one in a JSON file such as a run's recipe.json.

    Raises:
        InputError: There is no such recipe and no such file, or the file holds no recipe.
    """
    if name in recipes():
        return recipes()[name]
    if not Path(name).is_file():
        raise InputError(f"--recipe {name}: there is no such recipe or file. Recipes are: {', '.join(recipes())}")
    return saved_recipe(name, lambda saved: Recipe.from_dict(saved["recipe"]))


def saved_recipe(path: str, read: Callable[[dict[str, Any]], _Read]) -> _Read:
    """Read a recipe.json and return the result of `read` for its content.

    Raises:
        InputError: The file cannot be read, is no run's recipe.json, or `read` refuses it.
    """
    try:
        saved = decoded(read_regular(Path(path)).decode("utf-8"))
        if not isinstance(saved, dict):
            raise InputError("it is not a JSON object")
        if "recipe" not in saved:
            raise InputError("'recipe' is missing")
        return read(saved)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a recipe that `slanted train` wrote ({error}); give its recipe.json") from None
