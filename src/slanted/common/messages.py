"""Format names and values for messages, short, quoted and on one line; check which strings UTF-8 can encode."""

import json
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

LONGEST_SHOWN = 60
MOST_LISTED = 20
_SPELLED = {"lr_max": "--lr"}


def shown(value: object) -> str:
    r"""Return the value quoted, cut at 60 characters, with unprintable characters escaped.

    >>> shown("a\nb")
    "'a\\nb'"
    """
    if isinstance(value, str) and len(value) > LONGEST_SHOWN:
        return repr(value[: LONGEST_SHOWN - 1] + "…")
    text = repr(value)
    return text if isinstance(value, str) or len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def listed(values: Sequence[object]) -> str:
    """Return the first 20 values quoted, followed by the number of the others.

    >>> listed(["text", "label"])
    "'text', 'label'"
    """
    first = ", ".join(shown(value) for value in islice(values, MOST_LISTED))
    more = len(values) - MOST_LISTED
    return f"{first} and {more:,} more" if more > 0 else first


def file_name(path: str) -> str:
    """Return the path as the user wrote it, or quoted if it has unprintable characters such as a line break."""
    return path if path.isprintable() else repr(path)


def printable_json(values: Any, indent: int | None = None, encoding: str | None = None) -> str:
    r"""Return the values as JSON whose strings have no unprintable characters, and none that `encoding` may lack.

    >>> printable_json({"é": "\x9b"}), printable_json("é", encoding="latin-1")
    ('{"é": "\\u009b"}', '"\\u00e9"')
    """
    text = json.dumps(values, indent=indent, ensure_ascii=encoding not in (None, "utf-8", "UTF-8"))
    text = text.replace("\x7f", "\\u007f")
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def option_of(name: str) -> str:
    """Return the command-line option of a setting.

    >>> option_of("batch_size"), option_of("lr_max")
    ('--batch-size', '--lr')
    """
    return _SPELLED.get(name, "--" + name.replace("_", "-"))


def plural(count: int, noun: str) -> str:
    """Return the count with its noun.

    >>> plural(1, "field"), plural(2000, "row")
    ('1 field', '2,000 rows')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def aligned(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Return a text table with right-aligned columns, except for those in `left`; negative ones count from the end.

    >>> print(aligned([["group", "rate"], ["head", "0.1"]]))
    group  rate
    head    0.1
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<" if at in left or at - len(widths) in left else ">" for at in range(len(widths))]
    template = "  ".join(f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True))
    return "\n".join(template.format(*row).rstrip() for row in rows)


def is_encodable(cell: str) -> bool:
    r"""Return whether UTF-8 can encode the cell: it has no lone surrogate.

    >>> is_encodable("a\U0001f44d"), is_encodable("a\ud83d")
    (True, False)
    """
    try:
        cell.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def replace_lone_surrogates(text: str) -> str:
    r"""Return a text that UTF-8 can encode: a lone surrogate becomes U+FFFD, a surrogate pair one character.

    >>> replace_lone_surrogates("a\ud83d") == "a\ufffd", replace_lone_surrogates("a\ud83d\udc4d") == "a\U0001f44d"
    (True, True)
    """
    return text if is_encodable(text) else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def duration(seconds: float) -> str:
    """Return a duration as text.

    >>> duration(75), duration(3700)
    ('1 min 15 s', '1 h 01 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
