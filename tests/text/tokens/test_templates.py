"""Which special tokens stand around a text and a pair of texts, and the type of each token."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from slanted.text.tokens.templates import BERT_TEMPLATE, ROBERTA_TEMPLATE, with_template

pytestmark = pytest.mark.once

WORDS = {"a": 10, "b": 11, "[CLS]": 2, "[SEP]": 3, "<s>": 0, "</s>": 1, "?": 9}


def words():
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


@pytest.mark.parametrize(
    ("template", "single", "pair", "types"),
    [
        (BERT_TEMPLATE, [2, 10, 11, 3], [2, 10, 11, 3, 11, 3], [0, 0, 0, 0, 1, 1]),
        (ROBERTA_TEMPLATE, [0, 10, 11, 1], [0, 10, 11, 1, 1, 11, 1], [0] * 7),
    ],
    ids=["BERT", "RoBERTa"],
)
def test_special_tokens_stand_around_texts_and_between_them(template, single, pair, types):
    tokenizer = with_template(words(), *template)
    assert tokenizer.encode("a b").ids == single
    assert tokenizer.encode("a b").type_ids == [0] * 4
    assert tokenizer.encode("a b", "b").ids == pair
    assert tokenizer.encode("a b", "b").type_ids == types


def test_the_tokenizer_that_was_given_is_changed_and_returned():
    tokenizer = words()
    assert with_template(tokenizer, *BERT_TEMPLATE) is tokenizer
    assert tokenizer.num_special_tokens_to_add(is_pair=True) == 3


def test_no_special_tokens_are_added_where_they_are_not_wanted():
    assert with_template(words(), *ROBERTA_TEMPLATE).encode("a b", add_special_tokens=False).ids == [10, 11]
