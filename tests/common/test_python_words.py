"""Options of the command line become parameters, with their values."""

import pytest

from slanted.common.python_words import errors_in_python, in_python
from slanted.errors import InputError, SettingError
from slanted.text.pretrained.model_files import INSTALL

pytestmark = pytest.mark.once

KNOWN = ("recipe", "backend", "lr", "epochs", "max_minutes", "folds", "valid_share", "model")
CHOICES = {**dict.fromkeys(KNOWN, ()), "precision": ("auto", "float32"), "truncate": ("head", "head+tail")}


@pytest.mark.parametrize(
    ("of_the_command", "of_python"),
    [
        ("--recipe slow: there is no such recipe", "recipe='slow': there is no such recipe"),
        ("--backend 'x': is unknown; give --backend jax", "backend='x': is unknown; give backend jax"),
        ("train with a lower --lr or --precision float32", "train with a lower lr or precision='float32'"),
        ("(why; --epochs overrides)", "(why; epochs overrides)"),
        ("but --max-minutes is 0.5", "but max_minutes is 0.5"),
        ("--folds 5 leaves 3 to train on", "folds=5 leaves 3 to train on"),
        ("a share such as --valid-share 1e-1, or 0", "a share such as valid_share=1e-1, or 0"),
        ("add --truncate head+tail", "add truncate='head+tail'"),
        ("or use `--model minilm` or a folder", "or use `model='minilm'` or a folder"),
        ("--out runs/1: is a file; give a folder", "runs/1: is a file; give a folder"),
        ("--valid-share 0.1: is too small", "valid_share=0.1: is too small"),
        (INSTALL, INSTALL),
        ("label '--no': `slanted train --out` and ./a --x", "label '--no': `slanted train --out` and ./a --x"),
        (
            "--out r: holds a run; add --resume to continue it, or --overwrite to start again",
            "r: holds a run; give another folder",
        ),
        ("r: is damaged; start again with --overwrite", "r: is damaged; give another folder"),
        ("one - two -- three, a--b", "one - two -- three, a--b"),
    ],
)
def test_an_option_becomes_a_parameter_and_its_value_an_argument(of_the_command, of_python):
    assert in_python(of_the_command, CHOICES) == of_python


def test_errors_keep_their_type():
    for error, message in (
        (InputError("a smaller --lr"), "a smaller lr"),
        (SettingError("folds", "at least 2", 1, "Give --folds 2."), None),
    ):
        with pytest.raises(type(error)) as raised, errors_in_python(CHOICES):
            raise error
        assert raised.value is error
        assert str(error) == (message or "Argument `folds` must be at least 2. Received: folds=1. Give folds=2.")
    with pytest.raises(KeyError, match="--lr"), errors_in_python(CHOICES):
        raise KeyError("--lr")
