"""What tests of tokens share: the default model's folder and its tokenizer."""

import pytest

from slanted.text.pretrained.model_files import locate
from slanted.text.tokens.tokenizer import TextTokenizer


@pytest.fixture(scope="module")
def folder():
    """The folder of the default model."""
    return locate("minilm").folder


@pytest.fixture(scope="module")
def tokenizer(folder):
    """The default model's own tokenizer."""
    return TextTokenizer.load(folder)
