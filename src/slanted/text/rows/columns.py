"""Which columns of a table are the text, the second text and the labels: as named, else by default."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from slanted.common.messages import listed, shown
from slanted.errors import InputError
from slanted.text.formats.cells import Cell, Record, Unusable, as_number, is_blank, is_zero_or_one
from slanted.text.rows.label_lists import LIST_SEPARATOR, are_lists, have_decimal_commas, positions_of
from slanted.text.settings import ReadOptions

TEXT_SEPARATOR = "\n"
KEEP_ALL = "all"  # the value of --keep for all columns

_NAME_LABEL = "name the label column with --label"
_FIELDS = ", or if its lines have fields name them with --columns, or give --header if the first line does"
_PREDICT = "rows without labels go to `slanted predict`"
_LABEL_REMEDY = f"rename or add it, or name it with `slanted evaluate --label`; {_PREDICT}"


@dataclass(frozen=True)
class Columns:
    """The names of the columns in use, as the header spells them.

    Attributes:
        text: Of the texts.
        text_b: Of the second texts of pairs, or None.
        labels: Of the labels.
        label_separator: What stands between the labels of one cell, where a row has any number of them; None: a cell is
            one label. Lists are read as if `LIST_SEPARATOR` stood between their items.
        label_names: The label of each position, where the cells are lists of as many 0 and 1; else empty.
        more_texts: Of further texts, which are joined with the first one.
        text_separator: The separator of joined texts.
        group: Of the groups, or None.
        split: Of the parts that rows are for, or None.
        weight: Of the weights of training rows, or None.
    """

    text: str
    text_b: str | None = None
    labels: tuple[str, ...] = ()
    label_separator: str | None = None
    label_names: tuple[str, ...] = ()
    more_texts: tuple[str, ...] = ()
    text_separator: str = TEXT_SEPARATOR
    group: str | None = None
    split: str | None = None
    weight: str | None = None


@dataclass(frozen=True)
class Keep:
    """Columns that are copied to the output.

    Attributes:
        names: Their names; `KEEP_ALL` alone, of the option --keep: all columns.
        option: The option that names them.
    """

    names: tuple[str, ...] = ()
    option: str = "--keep"


@dataclass(frozen=True)
class Header:
    """A file's column names, and its first records, which tell text from numbers.

    Attributes:
        source: The file's name in messages.
        names: The column names, in the file's order.
        sample: The first records: line and cells each.
        unit: What records are counted by: "line", or "row" of a Parquet file.
        is_assumed: Whether the names are the first line of a text file, which may be a row.
    """

    source: str
    names: tuple[str, ...]
    sample: Sequence[Record]
    unit: str = "line"
    is_assumed: bool = False

    @cached_property
    def index(self) -> dict[str, int]:
        """The position of each name."""
        return {name: at for at, name in enumerate(self.names)}

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(self.names)

    def named(self, name: str, option: str) -> str:
        """Return the name, if exactly one column has it."""
        if name not in self.names:
            problem = f"{self.source}: {option} {shown(name)} names no column; the columns are {self}"
            raise InputError(f"{problem}; name one of them")
        return self.once(name)

    def once(self, name: str) -> str:
        """Return the name, unless several columns share it."""
        if (count := self._counts[name]) > 1:
            raise InputError(f"{self.source}: {count} columns are named {shown(name)}; rename all but one")
        return name

    def like(self, name: str) -> str | None:
        """Return the column of that name, else the one whose name differs only in case and outer spaces, else None."""
        if name in self.names:
            return self.once(name)
        alike = [other for other in self.names if other.strip().casefold() == name.casefold()]
        if len(set(alike)) > 1:
            problem = f"{self.source}: columns {listed(alike)} are all spelt like {shown(name)}"
            raise InputError(f"{problem}; rename all but the one to use")
        return self.once(alike[0]) if alike else None

    def others(self, used: Sequence[str | None]) -> list[str]:
        """Return the names that are not in use, in the file's order."""
        return [name for name in self.names if name not in used]

    def cells(self, name: str) -> list[Cell]:
        """Return the cells of a column among the first records."""
        at = self.index[name]
        return [cells[at] for _, cells in self.sample]

    def is_text(self, name: str) -> bool:
        """Return whether a cell of the column is something else than a number or blank, among the first records."""
        cells = self.cells(name)
        return any(isinstance(cell, str) and not is_blank(cell) and as_number(cell) is None for cell in cells)

    def __str__(self) -> str:
        """Return the names, for a message."""
        return listed(self.names)


def find_columns(header: Header, options: ReadOptions, labelled: bool = True) -> Columns:
    """Return the columns to read, those not named by default.

    - The text: the column `text`, case aside; else the only column that holds text and has no other use.
    - The second text: the column `text_b`, if `text` was found by its name; give `text` to read the first text alone.
    - The labels: the column `label`, case aside; else every other column, if all of them hold 0 and 1 only. (One such
      column alone makes two classes, 0 and 1.)

    Args:
        header: The file's header.
        options: The names of the columns, and the separator of labels in a cell; None: a cell is a label or a list.
        labelled: Whether labels are wanted; if not, label columns may be missing.

    Raises:
        InputError: A name is unknown, used twice or shared by columns, or there is no default.
    """
    labels = _labels_by_name(header, options.label, labelled)
    second = None if options.text_b is None else header.named(options.text_b, "--text-b")
    more = [header.named(name, "--text") for name in options.texts[1:]]
    named = {use: getattr(options, use) for use in ("group", "split", "weight")}
    own = {use: header.named(name, f"--{use}") for use, name in named.items() if name is not None}
    used = [second, *own.values()]
    if options.texts:
        first = header.named(options.texts[0], "--text")
    elif (by_name := header.like("text")) is not None:
        first, second = by_name, second or header.like("text_b")
    else:
        remedy = _NAME_LABEL if labelled and not labels else None
        first = _only_text(header, [*used, *labels], remedy)
    if not labelled:
        labels = ()
    elif not labels:
        labels = _zero_one_columns(header, [first, second, *used, *more], _NAME_LABEL)
    others = [*(("--text", name) for name in more), *((f"--{use}", name) for use, name in own.items())]
    _check_used_once(header, [*_uses(first, second, labels, "--label"), *others])
    separator, names = _lists(header, labels, options.label_separator) if labelled else (None, ())
    return Columns(first, second, labels, separator, names, tuple(more), **own)


def _lists(header: Header, labels: Sequence[str], separator: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return the separator of the labels in a cell, or None, and the labels of the positions in lists of 0 and 1."""
    if separator == "":
        raise InputError("--label-separator is empty; give what stands between two labels, such as ';'")
    if separator is not None and len(labels) > 1:
        problem = f"{header.source}: --label-separator takes one label column, not {len(labels)}: {listed(labels)}"
        raise InputError(f"{problem}; name one with --label, or leave the separator out")
    cells = header.cells(labels[0]) if len(labels) == 1 else []
    if separator is None and have_decimal_commas(cells):
        problem = f"{header.source}: column {shown(labels[0])} holds numbers with a comma within, such as 1,0"
        raise InputError(f"{problem}; write a decimal 1.0, several labels [1, 0] or with --label-separator ','")
    if are_lists(cells):
        names = positions_of(cells)
        return LIST_SEPARATOR if names else separator or LIST_SEPARATOR, names
    return separator, ()


def columns_like(header: Header, columns: Columns, labelled: bool = True) -> Columns:
    """Return the columns of a file that must have those of the training data, case aside.

    A file of one column serves as the text where nothing else is needed, whatever the column's name.

    Raises:
        InputError: One is missing, or one column would serve as two.
    """
    if not labelled and columns.text_b is None and not columns.more_texts and len(header.names) == 1:
        return Columns(header.names[0])
    second = None if columns.text_b is None else _required(header, columns.text_b, "rename or add it")
    labels = tuple(_required(header, name, _LABEL_REMEDY) for name in columns.labels if labelled)
    first, *more = (_required(header, name, "rename or add it") for name in (columns.text, *columns.more_texts))
    _check_used_once(header, [*_uses(first, second, labels, "label"), *(("--text", name) for name in more)])
    own = dict.fromkeys(("group", "split", "weight"))
    return replace(columns, text=first, text_b=second, labels=labels, more_texts=tuple(more), **own)


def columns_of_labels(header: Header, names: Sequence[str], options: ReadOptions, labelled: bool = True) -> Columns:
    """Return the columns of a file for a model whose training data had label names, but no columns of texts.

    The texts are chosen as by `find_columns`; the labels by their names, in the order of the names, unless the file has
    none of them and all its labels in one column `label`, or the options name the columns.

    Args:
        header: The file's header.
        names: Of the labels or targets; none where one column of any name holds them.
        options: The names of the columns `text`, `text_b` and `label`.
        labelled: Whether labels are wanted; if not, label columns may be missing.

    Raises:
        InputError: A name is unknown, used twice or shared by columns, or there is no default.
    """
    if options.label:
        return find_columns(header, options, labelled)
    in_one = not any(header.like(name) for name in names) and header.like("label") is not None
    labels = [] if in_one or not labelled else [_required(header, name, _LABEL_REMEDY) for name in names]
    return find_columns(header, replace(options, label=tuple(labels)), labelled)


def kept_columns(header: Header, keep: Keep) -> tuple[str, ...]:
    """Return the names of the columns that are copied to the output.

    Raises:
        InputError: A name is unknown, given twice or shared by columns.
    """
    if keep.names == (KEEP_ALL,) and keep.option == Keep.option:
        return tuple(header.once(name) for name in header.names)
    columns = tuple(header.named(name, keep.option) for name in keep.names)
    if twice := [name for name, count in Counter(columns).items() if count > 1]:
        raise InputError(f"{keep.option} names column {shown(twice[0])} twice; name it once")
    return columns


def _required(header: Header, name: str, remedy: str) -> str:
    column = header.like(name)
    if column is None:
        missing = f"{header.source}: no column {shown(name)}, which the training data has"
        raise InputError(f"{missing}; the columns are {header}; {remedy}")
    return column


def _labels_by_name(header: Header, label: Sequence[str], labelled: bool) -> tuple[str, ...]:
    if label and labelled:
        return tuple(header.named(name, "--label") for name in label)
    if label:
        return tuple(name for name in label if name in header.names)
    by_name = header.like("label")
    return () if by_name is None else (by_name,)


def _only_text(header: Header, used: Sequence[str | None], label_remedy: str | None) -> str:
    free = header.others(used)
    texts = free if len(free) == 1 else [name for name in free if header.is_text(name)]
    if len(texts) == 1:
        return header.once(texts[0])
    also = "" if label_remedy is None else f" and {label_remedy.removeprefix('name ')}"
    problem = f"and {len(texts)} others hold text" if texts else "and no other holds text"
    remedy = f"name the text column with --text{also}; the columns are {header}"
    raise InputError(f"{header.source}: no column 'text', {problem}; {remedy}")


def _zero_one_columns(header: Header, used: Sequence[str | None], remedy: str) -> tuple[str, ...]:
    names = header.others(used)
    if not names:
        lines = _FIELDS if header.source.endswith(".txt") else ""
        raise InputError(f"{header.source}: no label column, only {header}; add a column 'label'{lines}; {_PREDICT}")
    for name in names:
        at = header.index[header.once(name)]
        for line, cells in header.sample:
            if not is_zero_or_one(cell := cells[at]):
                value = cell.kind if isinstance(cell, Unusable) else shown(cell)
                problem = f"column {shown(name)} holds {value} on {header.unit} {line}, not 0 or 1; {remedy}"
                raise InputError(f"{header.source}: no column 'label', and {problem}; the columns are {header}")
    return tuple(names)


def _uses(text: str, text_b: str | None, labels: Sequence[str], as_label: str) -> list[tuple[str, str | None]]:
    return [("--text", text), ("--text-b", text_b), *((as_label, name) for name in labels)]


def _check_used_once(header: Header, uses: Sequence[tuple[str, str | None]]) -> None:
    options: dict[str, str] = {}
    for option, name in uses:
        if name in options:
            twice = f"column {shown(name)} is used twice, as {options[name]} and as {option}"
            raise InputError(f"{header.source}: {twice}; name another column for one of them")
        if name is not None:
            options[name] = option
