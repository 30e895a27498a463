"""Numbers and words for people, flat settings, and JSON without NaN: every screen and page says them in the same way.

A number here can be copied into Python or behind one of our options, and nothing breaks it over two lines: it holds no space, no
comma and no typographic sign.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Characters that steer a terminal, line breaks and tabs aside, those that turn the direction of writing, and halves of characters, which nothing can show."""
MISSING = "–"
"""Stands where there is no value."""
DIGITS = 5
"""Significant digits of a measured value."""
PLAIN = 10**6
"""Below this, a number is plain digits."""
COUNTED = 10**15
"""Below this, every digit of a count is shown."""
SMALLEST = 1e-4
"""From here on down, a measured value has an exponent."""
ROUNDING = 1e-12
"""This share of a scale, and less, is rounding: doubles carry 16 digits, and sums of many lose a few of them."""


def number(value: Any, digits: int = DIGITS, scale: float = 1.0) -> str:
    """A value for people, as it can be pasted into Python or behind an option.

    Counts are exact: plain digits below a million, then groups of three separated by `_`, which Python and
    our options read (a comma makes two values of one, and a space two words); from 10^15 on an exponent.
    Measured values have `digits` significant digits, and an exponent from a million on and below 0.0001.

    Args:
        value: an integer is a count, another real number a measured value; None and NaN are missing;
            anything else is shown as text.
        digits: significant digits of a measured value; digits before the point are all shown.
        scale: of what the value was computed from, or stands beside: the largest of its column. A measured
            value of 1e-12 of it or less is rounding, and shown as 0. Scores are of the order of 1.

    Example:
        >>> number(166992), number(3_360_000), number(0.75), number(3755202344852104.0), number(-5.2e-18)
        ('166992', '3_360_000', '0.75', '3.7552e15', '0')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        count = int(value)
        grouped = "d" if abs(count) < PLAIN else "_d"
        return f"{count:{grouped}}" if abs(count) < COUNTED else _exponent(Decimal(count), digits)
    if value is None or (isinstance(value, Real) and math.isnan(value)):
        return MISSING
    return _measured(float(value), digits, scale) if isinstance(value, Real) else str(value)


def _measured(value: float, digits: int, scale: float) -> str:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) <= ROUNDING * scale:
        return "0"
    power = int(
        f"{value:.{digits - 1}e}".partition("e")[2]
    )  # after rounding: 999999.9 is a million
    if abs(value) < SMALLEST or 10**power >= PLAIN:
        return _exponent(value, digits)
    return _without_zeros(f"{value:.{max(digits - 1 - power, 0)}f}")


def _exponent(value: float | Decimal, digits: int) -> str:
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    return f"{_without_zeros(mantissa)}e{int(power)}"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def printable(text: str) -> str:
    """A text without characters that steer a terminal; line breaks and tabs stay.

    Example:
        >>> printable("\x1b[2Jgone\n")
        '\ufffd[2Jgone\n'
    """
    return CONTROL.sub("\ufffd", text)


def is_text(value: Any) -> bool:
    """Whether all strings of a value, alone or in lists, can be written as UTF-8: bytes of a command line that are not become half
    characters.
    """
    if isinstance(value, (list, tuple)):
        return all(map(is_text, value))
    return not isinstance(value, str) or not any("\ud800" <= letter <= "\udfff" for letter in value)


def plus_minus(value: float, error: float) -> str:
    """A value with its standard error or deviation; its digits follow the error's first two.

    Example:
        >>> plus_minus(0.23333, 0.0123), plus_minus(0.75, 0.0)
        ('0.233 ± 0.012', '0.75 ± 0')
    """
    if not (math.isfinite(value) and math.isfinite(error)) or error <= ROUNDING * max(
        1.0, abs(value)
    ):
        return f"{number(value)} ± {number(error)}"
    if max(abs(value), error) >= PLAIN or error < SMALLEST:
        return f"{number(value)} ± {number(error, 2)}"
    decimals = max(0, 1 - int(f"{error:.1e}".partition("e")[2]))
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def plural(count: int, noun: str, many: str = "") -> str:
    """A count with its noun.

    Args:
        count: how many.
        noun: for one of them.
        many: for none or several; "" adds an s.

    Example:
        >>> plural(1, "checkpoint"), plural(2, "checkpoint"), plural(0, "entry", "entries")
        ('1 checkpoint', '2 checkpoints', '0 entries')
    """
    return f"{number(count)} {noun if count == 1 else many or noun + 's'}"


def seeds(first: int, count: int) -> str:
    """Which seeds a run has: "seed 3", or "seeds 0 to 19"."""
    return f"seed {first}" if count == 1 else f"seeds {first} to {first + count - 1}"


def size(count: int) -> str:
    """A number of bytes."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def words(name: str) -> str:
    """The name of a figure or column as words."""
    return name.replace("_", " ")


def figures(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names and values of a summary; what has no value is left out."""
    for name, value in summary.items():
        if value is not None:
            yield words(name), number(value)


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with dotted names."""
    made: dict[str, Any] = {}
    for name, value in settings.items():
        inner = isinstance(value, Mapping)
        made |= flat(value, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value}
    return made


def finite(value: Any) -> Any:
    """The same document without NaN and infinity, which JSON does not know: None stands for them."""
    if isinstance(value, Mapping):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
