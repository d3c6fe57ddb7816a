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
        "Cut 0.1 and ratio 32 are those of the paper. The paper's peak of 0.01 was for an LSTM; here the peak depends "
        "on the size of the model. In the paper's ablations the error with STLR is 0.2 to 1.3 points lower than with "
        "a constant rate."
    ),
)

_ULMFIT = Recipe(
    name="ulmfit",
    source="Howard and Ruder 2018: discriminative rates, gradual unfreezing and STLR",
    notes=(
        "The factor 1/2.6 from layer to layer and the peak of 0.01 were found for an LSTM of three layers. A BERT has "
        "8 or 14 groups, so that its lowest groups train at a thousandth of the head's rate or less. Therefore the "
        "peak of the head is 10 times that of the size rule. The paper opens one group in each epoch. That would take "
        "8 or 14 epochs here; so the head opens first, then one block, then another, then all groups. In the paper "
        "unfreezing alone gained 0 to 0.5 points, and 0.4 to 1.9 together with the layer rates and STLR. Others saw "
        "no gain over plain fine-tuning on BERT."
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
        "Made for BERT-base: peak 2e-5, at most 4 epochs, batches of 24. As in the paper's code, the layer decay of "
        "0.95 applies to the blocks below the top one; the top block, the embeddings, the pooler and the classifier "
        "have the full rate. What that code calls STLR is a linear warm-up and a linear decay to 0. Its rate jumps "
        "from the peak to 0.9 of the peak, which is corrected here. A long text keeps its beginning, a quarter of "
        "the tokens, and its end, three quarters. In the paper's ablation the layer decay gained 0.02 points."
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
        "For small data sets, on which the result of a short run depends much on the seed: 20 epochs, Adam with bias "
        "correction, a linear warm-up over a tenth of the run and a linear decay to 0. The paper's peak of 2e-5 was "
        "for BERT-large; a small encoder has the peak of the size rule. With BERT-large on RTE the mean accuracy rose "
        "from 52.3 to 70.1; BERT-base was stable without these settings. A large data set does not need 20 epochs."
    ),
    epochs=20,
    curve="linear",
)

_QUICK = Recipe(
    name="quick",
    source="slanted's own, settled on validation rows (docs/how-to-choose.md); layer decay of Clark et al. 2020",
    notes=(
        "A good score in the shortest time: two epochs at four times the peak of the size rule. A layer decay of 0.8 "
        "protects the lower blocks from this rate. The embeddings and the lowest block are frozen: they would change "
        "least, and without them a part of each backward pass and most of the optimizer's step are saved. There is no "
        "dropout, because it slows learning down and the run is too short to make up for that. A long text keeps "
        "its beginning, a quarter of the tokens, and its end, three quarters. With more epochs other recipes reach "
        "better scores. ALBERT has only one block: freeze only its embeddings."
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
    notes="What most papers use for fine-tuning. The rate of the first batch is 0, so that it trains nothing.",
    curve="linear",
)

_COSINE = Recipe(
    name="cosine",
    source="Loshchilov and Hutter 2017, equation 5, after a linear warm-up over 10 %",
    notes=(
        "Stays near the peak longer than linear. In the ablation of ULMFiT its error differs from that of STLR by "
        "-0.1 to +0.7 points."
    ),
    curve="cosine",
)

_ONE_CYCLE = Recipe(
    name="one-cycle",
    source="Smith 2018, arXiv 1803.09820, as in fastai's fit_one_cycle",
    notes="Rises as a cosine for a quarter of the run and falls to 1/100,000 of the peak. The momentum is constant.",
    curve="one-cycle",
    warmup=0.25,
)

_CONSTANT = Recipe(
    name="constant",
    source="The optimizer's own constant rate",
    notes="What Keras does by default. Compare the other recipes with it.",
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
