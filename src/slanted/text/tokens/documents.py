"""Long documents as chunks: each a window of the document's tokens, predicted alone, their raw outputs pooled.

The windows are those of `slanted.text.tokens.truncation`, 16 at most: so memory and time stay within 16 times those of
truncation. In training every chunk is an example with the label of its document. The prediction for a document is made
from the mean of the raw outputs of its chunks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slanted.common.messages import plural, shown
from slanted.errors import SettingError
from slanted.text.settings import Settings
from slanted.text.tokens.token_arrays import Encoded
from slanted.text.tokens.truncation import MAX_CHUNKS

if TYPE_CHECKING:
    from slanted.text.tokens.tokenizer import TextTokenizer

LARGE_SHARE = 0.1


@dataclass(frozen=True)
class Documents:
    """Texts as examples for a model: one each, or several chunks each.

    Attributes:
        encoded: The examples; `truncated` marks those whose document lost tokens.
        owners: int64, ascending: the document of each example; None where each example is one.
        of_sample: Whether they are a random sample of the texts.
    """

    encoded: Encoded
    owners: NDArray[np.int64] | None = None
    of_sample: bool = False

    @property
    def estimated(self) -> str:
        """For a sample, the words that mark a share as an estimate; else empty."""
        return f", estimated on {len(self.encoded):,} of them" if self.of_sample else ""

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first example of each document, shape (documents,)."""
        if self.owners is None:
            return np.arange(len(self.encoded))
        return np.flatnonzero(np.diff(self.owners, prepend=-1))

    @property
    def truncated_share(self) -> float:
        """The share of the documents that lose tokens."""
        return float(self.encoded.truncated[self.starts].mean())

    def repeated(self, y: np.ndarray) -> np.ndarray:
        """Return the documents' labels (documents, ...) as their examples' (examples, ...)."""
        return y if self.owners is None else y[self.owners]

    def pooled(self, outputs: np.ndarray) -> np.ndarray:
        """Return the mean of each document's raw outputs: (examples, outputs) to (documents, outputs)."""
        if self.owners is None:
            return outputs
        sums = np.add.reduceat(outputs.astype("float64"), self.starts, axis=0)
        return (sums / np.bincount(self.owners)[:, None]).astype(outputs.dtype)


def unknown_texts(documents: Documents, empty_ids: Sequence[int]) -> NDArray[np.int64]:
    """Return the documents without a token that the tokenizer knows.

    Args:
        documents: The documents.
        empty_ids: The ids of special and unknown tokens.
    """
    tokens = documents.encoded
    if not len(tokens.ids):
        return np.arange(len(documents.starts))
    known = ~np.isin(tokens.ids, empty_ids)
    starts = np.minimum(tokens.offsets[:-1], len(known) - 1)
    has_known = np.logical_or.reduceat(known, starts) & (tokens.lengths > 0)
    if documents.owners is not None:
        has_known = np.logical_or.reduceat(has_known, documents.starts)
    return np.flatnonzero(~has_known)


def encode_documents(
    tokenizer: "TextTokenizer", texts: Sequence[str], texts_b: Sequence[str] | None, settings: Settings
) -> Documents:
    """Return texts, or pairs of texts, truncated or split into chunks as `settings.long` says.

    Raises:
        SettingError: The texts are pairs and `settings.long` is "chunk".
    """
    check_chunkable(settings, texts_b)
    if settings.long == "chunk":
        return Documents(*tokenizer.encode_chunks(texts, settings.max_tokens))
    return Documents(tokenizer.encode(texts, texts_b, settings.max_tokens, settings.recipe.truncate))


def check_chunkable(settings: Settings, texts_b: Sequence[str] | None) -> None:
    """Raise if pairs are to be split into chunks: there is no rule for pairing the chunks of two texts.

    Raises:
        SettingError: The texts are pairs and `settings.long` is "chunk".
    """
    if settings.long == "chunk" and texts_b is not None:
        raise SettingError("long", "truncate where the texts are pairs", settings.long, "leave it out")


def described(documents: Documents, settings: Settings) -> str:
    """Return a line on the share of the training texts that are truncated or split, for the user to read."""
    share = documents.truncated_share
    if documents.owners is None:
        longer = f"{share:.1%} of the training texts are longer{documents.estimated}"
        return f"{settings.max_tokens} tokens at most, {longer}"
    problem = f"{plural(len(documents.encoded), 'chunk')} of {plural(len(documents.starts), 'training text')}"
    return f"{problem}, {settings.max_tokens} tokens each; {share:.1%} of the texts have more than {MAX_CHUNKS}"


def unknown_note(documents: Documents, texts: Sequence[str], empty_ids: Sequence[int], model: str) -> str | None:
    """Return a note if a training text has no token that the model knows, else None.

    Args:
        documents: The training texts as tokens.
        texts: The texts.
        empty_ids: The ids of special and unknown tokens.
        model: The name of the model.
    """
    unknown = unknown_texts(documents, empty_ids)
    if not len(unknown):
        return None
    example = "" if documents.of_sample else f", such as {shown(texts[int(unknown[0])])}"
    found = f"{len(unknown):,} of {plural(len(documents.starts), 'training text')}{documents.estimated}"
    rule = f"have no token that {model} knows{example}, and are all alike to it"
    return f"texts: {found} {rule}; take a model that was trained on their language or symbols"


def advice(documents: Documents, settings: Settings, most_tokens: int, pairs: bool) -> str | None:
    """Return a note with remedies if more than a tenth of the training texts lose tokens, else None."""
    share = documents.truncated_share
    if share <= LARGE_SHARE:
        return None
    options = [f"--max-tokens {min(most_tokens, 4 * settings.max_tokens)}"] * (settings.max_tokens < most_tokens)
    if settings.long == "truncate":
        options += ["--truncate head+tail"] * (settings.recipe.truncate != "head+tail")
        options += ["--long chunk, which reads them whole"] * (not pairs)
    remedy = f"; try {', or '.join(options)}" if options else ""
    return f"note: {share:.1%} of the training texts lose tokens{documents.estimated}{remedy}"
