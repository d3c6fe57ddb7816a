"""The tokenizer of a model folder that has vocabulary files but no `tokenizer.json`.

Each is rebuilt after its family's published rules: WordPiece as in BERT, byte-level BPE as in RoBERTa,
SentencePiece unigrams in sentencepiece_unigram.py. KerasHub presets keep the same vocabularies under
`assets/tokenizer` and a `tokenizer.json` of their own kind, a Keras configuration: told apart by content.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slanted.common.regular_files import read_regular
from slanted.common.strict_json import decoded
from slanted.errors import InputError
from slanted.text.tokens.templates import BERT_TEMPLATE, ROBERTA_TEMPLATE, with_template

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BERT_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
KERAS_ASSETS = Path("assets") / "tokenizer"
FILES_WANTED = "tokenizer.json, vocab.txt, vocab.json with merges.txt, or a SentencePiece model"


def read_model_json(path: Path) -> Any:
    """Return the content of a JSON file; InputError where it is missing or broken."""
    return _json(path, read_model_file(path, " as JSON"))


def _json(path: Path, content: bytes) -> Any:
    try:
        return decoded(content)
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error}): copy the file anew") from None


def read_model_file(path: Path, what: str = "") -> bytes:
    """Return the content of a file; InputError where it is missing, no regular file or too large.

    Args:
        path: The file.
        what: What it is read as, for the message, such as " as JSON".
    """
    try:
        return read_regular(path)
    except FileNotFoundError:
        raise InputError(f"{path}: the model folder must hold this file: it is missing") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not readable{what} ({error}): copy the file anew") from None


def _read_object(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds; InputError where it holds anything else."""
    content = read_model_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: it must be a JSON object: found {type(content).__name__}: copy the file anew")
    return content


def read_tokenizers_json(path: Path) -> bytes | None:
    """Return the bytes of a `tokenizer.json` of the tokenizers library; None where there is none."""
    if not path.is_file():
        return None
    source = read_model_file(path, " as JSON")
    content = _json(path, source)
    return None if isinstance(content, dict) and "registered_name" in content else source


def build_tokenizer(folder: Path) -> "Tokenizer":
    """Return the tokenizer of a folder of vocabulary files, or of a KerasHub preset.

    Raises:
        InputError: The folder has no vocabulary file that slanted knows.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: the model folder does not exist")
    if (folder / "tokenizer.json").is_file():
        return _from_keras(folder)
    for file, build in _HUGGING_FACE.items():
        if (folder / file).is_file():
            return build(folder)
    raise InputError(f"{folder}: the model folder must hold a tokenizer ({FILES_WANTED}): found none of them")


def _from_keras(folder: Path) -> "Tokenizer":
    """Rebuild the tokenizer of a KerasHub preset."""
    description = _read_object(folder / "tokenizer.json")
    name, config, assets = str(description.get("class_name")), description.get("config", {}), folder / KERAS_ASSETS
    if not isinstance(config, dict):
        raise InputError(f"{folder / 'tokenizer.json'}: its `config` must be an object: copy the file anew")
    if name in ("BertTokenizer", "DistilBertTokenizer"):
        return word_piece(assets / "vocabulary.txt", bool(config.get("lowercase")), config.get("strip_accents") or None)
    if name == "RobertaTokenizer":
        return byte_level_bpe(assets / "vocabulary.json", assets / "merges.txt")
    family = {"XLMRobertaTokenizer": "roberta", "DebertaV3Tokenizer": "deberta"}.get(name, "albert")
    if family == "albert" and name not in ("AlbertTokenizer", "FNetTokenizer"):
        raise InputError(f"{folder}: slanted fine-tunes text encoders: received a preset with a {name}")
    return _unigram(assets / "vocabulary.spm", family)


def word_piece(vocabulary: Path, lowercase: bool, strip_accents: bool | None) -> "Tokenizer":
    """Return BERT's tokenizer for a `vocab.txt`; strip_accents None follows lowercase, as BERT does."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokens = {line.rstrip("\r"): number for number, line in enumerate(_read_text(vocabulary).rstrip("\n").split("\n"))}
    _check_special(vocabulary, tokens, BERT_TOKENS[:4])
    tokenizer = Tokenizer(models.WordPiece(tokens, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([token for token in BERT_TOKENS if token in tokens])
    return with_template(tokenizer, *BERT_TEMPLATE)


def byte_level_bpe(vocabulary: Path, merges: Path) -> "Tokenizer":
    """Return RoBERTa's tokenizer for its `vocab.json` and `merges.txt`."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    tokens = _read_object(vocabulary)
    _check_special(vocabulary, tokens, ROBERTA_TOKENS)
    lines = [line.rstrip("\r") for line in _read_text(merges).split("\n")]
    pairs = [line.partition(" ") for line in lines if line and not line.startswith("#version")]
    try:
        tokenizer = Tokenizer(models.BPE(tokens, [(left, right) for left, _, right in pairs]))
    except Exception as error:  # tokenizers raises nothing narrower
        reason = " ".join(str(error).split())
        raise InputError(f"{merges}: the merges must fit {vocabulary.name}: {reason}") from None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    mask = AddedToken("<mask>", lstrip=True, special=True)
    tokenizer.add_special_tokens([*ROBERTA_TOKENS, *([mask] if "<mask>" in tokens else [])])
    return with_template(tokenizer, *ROBERTA_TEMPLATE)


def _unigram(path: Path, family: str) -> "Tokenizer":
    from slanted.text.tokens.sentencepiece_unigram import unigram

    return unigram(path, family)


def _word_piece_folder(folder: Path) -> "Tokenizer":
    """Read `vocab.txt` with the settings of `tokenizer_config.json`, BERT's own where it says none."""
    config_path = folder / "tokenizer_config.json"
    config = _read_object(config_path) if config_path.is_file() else {}
    return word_piece(folder / "vocab.txt", bool(config.get("do_lower_case", True)), config.get("strip_accents"))


def _read_text(path: Path) -> str:
    """Return a vocabulary file's text, its line ends as they are."""
    try:
        return read_model_file(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error}): copy the file anew") from None


def _check_special(path: Path, tokens: Any, wanted: tuple[str, ...]) -> None:
    """Raise InputError unless every wanted token is in the vocabulary."""
    missing = [token for token in wanted if token not in tokens]
    if missing:
        raise InputError(f"{path}: the vocabulary must hold {', '.join(wanted)}: {', '.join(missing)} is missing")


_HUGGING_FACE: dict[str, Callable[[Path], "Tokenizer"]] = {
    "vocab.txt": _word_piece_folder,
    "vocab.json": lambda folder: byte_level_bpe(folder / "vocab.json", folder / "merges.txt"),
    "sentencepiece.bpe.model": lambda folder: _unigram(folder / "sentencepiece.bpe.model", "roberta"),
    "spiece.model": lambda folder: _unigram(folder / "spiece.model", "albert"),
    "spm.model": lambda folder: _unigram(folder / "spm.model", "deberta"),
}
