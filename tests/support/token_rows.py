"""Texts that are hard to tokenise, and encoded examples as plain lists."""

TEXTS = [
    "Crème brûlée für Größe ½ ´quoted´",
    "  two  spaces\tand\na line ",
    "日本語 テスト 😀👍🏽 \u200b\u202eright to left עברית",
    "a [SEP] [CLS] [MASK] inside, and <s> too",
    "don't   stop!!! http://example.org/?a=b&c=d",
    "x" * 150,
    " ",
    "word " * 90,
]


def rows_of(encoded):
    """Return the ids and the type ids of each example."""
    return [([int(i) for i in ids], [int(t) for t in types]) for ids, types in map(encoded.row, range(len(encoded)))]
