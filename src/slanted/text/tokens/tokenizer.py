"""Text to token ids, with the `tokenizer.json` of the checkpoint."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slanted.common.messages import replace_lone_surrogates, shown
from slanted.common.strict_json import decoded
from slanted.errors import InputError, missing_extra
from slanted.runtime import keras_startup
from slanted.runtime.patches import tokenizer_threads
from slanted.text.tokens.token_arrays import Encoded, concatenate
from slanted.text.tokens.truncation import check_truncation, keep, longest_first, loses_tokens, windows
from slanted.text.tokens.vocabulary_files import build_tokenizer, read_tokenizers_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Encoded", "TextTokenizer"]

FILE = "tokenizer.json"
TEXTS_AT_ONCE = 512  # the tokenizer's intermediate results weigh some 100 bytes a token
PAD_TOKENS = ("[PAD]", "<pad>")

Piece = tuple[int, int, int]  # (text number, type) of a text's tokens, or (-1, type) and the id of a special token


class TextTokenizer:
    """A checkpoint's tokenizer: the ids are those of transformers' fast tokenizer, to the last one.

    The truncation and padding of the file are switched off: `encode` truncates, batches pad.
    """

    def __init__(self, source: bytes) -> None:
        """Read the bytes of a `tokenizer.json`; `load` reads a folder."""
        self._source = source
        self._tokenizer = _unlimited(source)
        with _refused("its special tokens cannot be read"):
            self._templates = [_template(self._tokenizer, texts) for texts in (1, 2)]
        self.pad_id = _pad_id(self._tokenizer, self.description)
        used = {self.pad_id, *(token for template in self._templates for _, _, token in template)}
        if max(used) >= self.vocabulary_size:
            found = f"the id {max(used)} of a special token, but {self.vocabulary_size} tokens"
            raise InputError(f"it has {found}: take the file from the checkpoint")

    @classmethod
    def load(cls, folder: str | Path) -> "TextTokenizer":
        """Read the tokenizer of a model folder or a run folder.

        Args:
            folder: Holds `tokenizer.json`; or, for lack of it, `vocab.txt`, `vocab.json` with
                `merges.txt`, or a SentencePiece model; or is a KerasHub preset. What is not a
                `tokenizer.json` already becomes an equivalent one.

        Raises:
            InputError: There is no tokenizer, or its files are broken.
        """
        tokenizer_threads()
        path = Path(folder) / FILE
        source = read_tokenizers_json(path)
        if source is None:
            return cls(build_tokenizer(Path(folder)).to_str().encode())
        try:
            return cls(source)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @property
    def description(self) -> dict[str, Any]:
        """The content of `tokenizer.json`."""
        return decoded(self._source)

    @property
    def vocabulary(self) -> dict[str, int]:
        """Every token and its id, special tokens included."""
        return self._tokenizer.get_vocab(with_added_tokens=True)

    @property
    def vocabulary_size(self) -> int:
        """One more than the largest id."""
        return max(self.vocabulary.values()) + 1

    @property
    def empty_ids(self) -> list[int]:
        """The ids that tell nothing of a text: those of special tokens around it, and of words that are unknown."""
        model = self.description["model"]
        unknown = model.get("unk_id")
        if unknown is None and model.get("unk_token") is not None:
            unknown = self._tokenizer.token_to_id(model["unk_token"])
        around = {token for template in self._templates for number, _, token in template if number < 0}
        return sorted(around | ({unknown} if unknown is not None else set()))

    def template(self, texts: int) -> list[Piece]:
        """Return the special tokens around one text, or around two, and the places of the texts between them."""
        return list(self._templates[texts - 1])

    def save(self, folder: str | Path) -> None:
        """Write `tokenizer.json`, byte for byte as the checkpoint's where it had one."""
        (Path(folder) / FILE).write_bytes(self._source)

    def encode(
        self, texts: Sequence[str], texts_b: Sequence[str] | None, max_tokens: int, truncate: str = "head"
    ) -> Encoded:
        """Return the token ids of every text, or of every pair of texts.

        Args:
            texts: The texts, or the first of each pair.
            texts_b: The second of each pair; None where there are no pairs.
            max_tokens: The most tokens an example keeps, special tokens included.
            truncate: `head`, `tail` or `head+tail`: what an example that is longer keeps. Of a pair,
                the longer text gives way first.

        Raises:
            InputError: `max_tokens` leaves no room, or `truncate` is unknown.
        """
        check_truncation(truncate)
        columns = [texts] if texts_b is None else [texts, texts_b]
        template, budget = self._room(len(columns), max_tokens)
        return concatenate([_pack(rows, template, budget, truncate) for rows in self._slices(columns)])

    def encode_chunks(self, texts: Sequence[str], max_tokens: int) -> tuple[Encoded, NDArray[np.int64]]:
        """Return the token ids of every chunk of every text, and the text of each chunk.

        The chunks are the windows of `slanted.text.tokens.truncation`.

        `truncated` says of a chunk whether its text has tokens that are in none.

        Args:
            texts: The texts.
            max_tokens: The most tokens a chunk has, special tokens included.

        Raises:
            InputError: `max_tokens` leaves no room.
        """
        template, budget = self._room(1, max_tokens)
        parts, counts = [], []
        for rows in self._slices([texts]):
            spans = [windows(len(tokens), budget) for (tokens,) in rows]
            chunks = [(tokens[span],) for (tokens,), of_text in zip(rows, spans, strict=True) for span in of_text]
            lost = [loses_tokens(len(tokens), budget) for (tokens,) in rows]
            counts += [len(of_text) for of_text in spans]
            truncated = np.repeat(np.array(lost, bool), counts[-len(spans) :])
            parts.append(replace(_pack(chunks, template, budget, "head"), truncated=truncated))
        return concatenate(parts), np.repeat(np.arange(len(counts)), counts)

    def _room(self, columns: int, max_tokens: int) -> tuple[list[Piece], int]:
        """Return the template of special tokens, and the number of other tokens that fit beside them."""
        template = self._templates[columns - 1]
        budget = max_tokens - sum(piece[0] < 0 for piece in template)
        if budget < columns:
            raise InputError(
                f"max_tokens must be at least {max_tokens - budget + columns}, the special tokens and one "
                f"of {'each text' if columns > 1 else 'the text'}: received {max_tokens}"
            )
        return template, budget

    def _slices(self, columns: list[Sequence[str]]) -> Iterator[list[tuple[list[int], ...]]]:
        """Yield the ids of every example's texts, some hundred examples at a time."""
        for start in range(0, len(columns[0]), TEXTS_AT_ONCE):
            part = [
                [replace_lone_surrogates(text) for text in column[start : start + TEXTS_AT_ONCE]] for column in columns
            ]
            yield list(zip(*map(self._ids, part), strict=True))

    def _ids(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of each text.

        Raises:
            InputError: The library fails on a text, which is searched for by halves.
        """
        try:
            with _refused(f"a text cannot be tokenized: {shown(texts[0])}"):
                return [one.ids for one in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        except InputError:
            if len(texts) == 1:
                raise
            half = len(texts) // 2
            return [*self._ids(texts[:half]), *self._ids(texts[half:])]


@contextmanager
def _refused(problem: str) -> Iterator[None]:
    """Convert an error of the tokenizers library to an InputError, also a panic of its Rust code, which prints it."""
    failure = None
    quiet = keras_startup.command_alone and threading.current_thread() is threading.main_thread()
    with keras_startup.captured_standard_error() if quiet else nullcontext():
        try:
            yield
        except BaseException as error:
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            failure = error
    if failure is not None:
        reason = " ".join(str(failure).split())[:160]
        raise InputError(f"{problem} ({reason}): correct it, or take another model's tokenizer") from None


def _unlimited(source: bytes) -> "Tokenizer":
    """Read a tokenizer and switch off its truncation and padding."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise missing_extra("text", "Tokenisation") from None
    try:
        tokenizer = Tokenizer.from_buffer(source)
    except ValueError as error:
        raise InputError(f"not a file of the tokenizers library: {' '.join(str(error).split())}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _template(tokenizer: "Tokenizer", texts: int) -> list[Piece]:
    """Return the special tokens that the tokenizer puts around one text or two, read off an encoded probe."""
    probe = tokenizer.encode("a") if texts == 1 else tokenizer.encode("a", "a")
    pieces: list[Piece] = []
    for number, kind, token in zip(probe.sequence_ids, probe.type_ids, probe.ids, strict=True):
        piece = (-1, kind, token) if number is None else (number, kind, 0)
        if number is None or piece not in pieces:
            pieces.append(piece)
    return pieces


def _pack(rows: list[tuple[list[int], ...]], template: list[Piece], budget: int, truncate: str) -> Encoded:
    """Truncate the texts of each example and set the special tokens around them."""
    ids: list[int] = []
    types: list[int] = []
    offsets, truncated = [0], []
    for row in rows:
        counts = longest_first([len(text) for text in row], budget)
        shortened = [keep(text, count, truncate) for text, count in zip(row, counts, strict=True)]
        for number, kind, token in template:
            tokens = [token] if number < 0 else shortened[number]
            ids += tokens
            types += [kind] * len(tokens)
        offsets.append(len(ids))
        truncated.append(sum(map(len, row)) > budget)
    arrays = np.array(ids, np.int32), np.array(types, np.int8), np.array(offsets, np.int64)
    return Encoded(*arrays, np.array(truncated, bool))


def _pad_id(tokenizer: "Tokenizer", description: dict[str, Any]) -> int:
    """Return the id of the padding token, from the padding settings of the file, else by its usual names."""
    if description.get("padding"):
        return int(description["padding"]["pad_id"])
    ids = [tokenizer.token_to_id(token) for token in PAD_TOKENS]
    known = [token for token in ids if token is not None]
    if not known:
        raise InputError(f"the tokenizer must have a padding token: found none of {', '.join(PAD_TOKENS)}")
    return known[0]
