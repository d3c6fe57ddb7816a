"""How settings of a recipe that are no plain number or word are spelt on a command line."""

from slanted.errors import InputError


def comma_separated(text: str) -> tuple[str, ...]:
    """Return the words between commas; an empty text has none.

    >>> comma_separated("bias, norm"), comma_separated("")
    (('bias', 'norm'), ())
    """
    return tuple(word.strip() for word in text.split(",") if word.strip())


def whole_numbers(text: str) -> tuple[int, ...]:
    """Return the whole numbers between commas.

    >>> whole_numbers("0,1,3")
    (0, 1, 3)
    """
    try:
        return tuple(int(word) for word in comma_separated(text))
    except ValueError:
        raise InputError(f"must be whole numbers between commas, such as 0,1,3, not {text!r}") from None


def factors(text: str) -> dict[str, float]:
    """Return the factor of each name.

    >>> factors("embeddings=1,head=0.5")
    {'embeddings': 1.0, 'head': 0.5}
    """
    pairs = [word.partition("=") for word in comma_separated(text)]
    try:
        return {name.strip(): float(number) for name, _, number in pairs}
    except ValueError:
        raise InputError(f"must be GROUP=FACTOR between commas, such as head=1,block_0=0.5, not {text!r}") from None


def epoch_or_batches(text: str) -> str | int:
    """Return "epoch", or a number of batches.

    >>> epoch_or_batches("epoch"), epoch_or_batches("200")
    ('epoch', 200)
    """
    try:
        return text if text == "epoch" else int(text)
    except ValueError:
        raise InputError(f"must be epoch or a number of batches, not {text!r}") from None
