"""Which special tokens stand around a text, or a pair of texts."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BERT_TEMPLATE = "[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1"
ROBERTA_TEMPLATE = "<s>:0 $A:0 </s>:0", "<s>:0 $A:0 </s>:0 </s>:0 $B:0 </s>:0"


def with_template(tokenizer: "Tokenizer", single: str, pair: str) -> "Tokenizer":
    """Set which special tokens stand around a text and a pair of texts."""
    from tokenizers.processors import TemplateProcessing

    names = {piece.split(":")[0] for piece in pair.split()} - {"$A", "$B"}
    special = [(name, tokenizer.token_to_id(name)) for name in sorted(names)]
    tokenizer.post_processor = TemplateProcessing(single=single, pair=pair, special_tokens=special)
    return tokenizer
