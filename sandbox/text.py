"""Numbers and words for people, flat settings, and JSON without NaN, for all screens and pages.

A number here can be pasted into Python or into one of our options, and does not wrap: it has no
space, no comma and no typographic sign.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeGuard

CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters except line breaks and tabs, marks that change the direction of writing, and
lone surrogates, which cannot be encoded."""
Document = dict[str, Any]
"""Plain values by name, nested, as JSON has them."""
MISSING = "–"
"""Shown where there is no value."""
DIGITS = 5
"""Significant digits of a measured value."""
PLAIN = 10**6
"""Below this, a number is plain digits."""
COUNTED = 10**15
"""Below this, every digit of a count is shown."""
SMALLEST = 1e-4
"""From here on down, a measured value has an exponent."""
ROUNDING = 1e-12
"""Relative to a scale, this and less is rounding: doubles have 16 digits, long sums lose a few."""


def number(value: object, digits: int = DIGITS, scale: float = 1.0) -> str:
    """A value for people, which can be pasted into Python or into an option.

    Counts are exact: plain digits below a million, then groups of three separated by `_`, which
    Python and our options accept; an exponent from 10^15 on. Measured values have `digits`
    significant digits, and an exponent from a million on and below 0.0001.

    Args:
        value: an integer is a count, another real number a measured value; None and NaN are
            missing; anything else is shown as text.
        digits: significant digits of a measured value; digits before the point are all shown.
        scale: magnitude of the values it was computed from, or of its column. A measured value of
            1e-12 of it or less is rounding, and shown as 0. Scores are of the order of 1.

    Example:
        >>> number(166992), number(3_360_000), number(0.75), number(3.7552023e15), number(-5.2e-18)
        ('166992', '3_360_000', '0.75', '3.7552e15', '0')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        count = int(value)
        grouped = "d" if abs(count) < PLAIN else "_d"
        return f"{count:{grouped}}" if abs(count) < COUNTED else _exponent(Decimal(count), digits)
    if isinstance(value, Real):
        return _measured(float(value), digits, scale)
    return MISSING if value is None else str(value)


def _measured(value: float, digits: int, scale: float) -> str:
    if math.isnan(value):
        return MISSING
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


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value of a document is a finite number, and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def printable(text: str) -> str:
    """A text without control characters; line breaks and tabs stay.

    Example:
        >>> printable("\x1b[2Jgone\n")
        '\ufffd[2Jgone\n'
    """
    return CONTROL.sub("\ufffd", text)


def is_text(value: object) -> bool:
    """Whether all strings of a value, alone or in lists, can be encoded as UTF-8.

    Bytes of a command line that are not UTF-8 become lone surrogates.
    """
    if isinstance(value, (list, tuple)):
        return all(map(is_text, value))
    return not isinstance(value, str) or not any("\ud800" <= letter <= "\udfff" for letter in value)


def plus_minus(value: float, error: float) -> str:
    """A value with its standard error or deviation, to the error's second significant digit.

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


def sampled(value: float, error: float | None) -> str:
    """A value, with its standard error or standard deviation where there is one."""
    return number(value) if error is None else plus_minus(value, error)


def duration(seconds: float) -> str:
    """A length of time, rounded to its two largest units.

    Example:
        >>> duration(41.3), duration(95), duration(20_880)
        ('41 s', '2 min', '5 h 48 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def plural(count: int, noun: str, many: str = "") -> str:
    """A count with its noun.

    Args:
        count: how many.
        noun: singular.
        many: plural; "" adds an s.

    Example:
        >>> plural(1, "checkpoint"), plural(2, "checkpoint"), plural(0, "entry", "entries")
        ('1 checkpoint', '2 checkpoints', '0 entries')
    """
    return f"{number(count)} {noun if count == 1 else many or noun + 's'}"


def seeds(first: int, count: int) -> str:
    """The seeds of a run: "seed 3", or "seeds 0 to 19"."""
    return f"seed {first}" if count == 1 else f"seeds {first} to {first + count - 1}"


def size(count: int) -> str:
    """A number of bytes."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def now() -> str:
    """The present moment, as records keep it."""
    return datetime.now().astimezone().isoformat()


def moment(iso: str) -> str:
    """A moment in the time zone of this machine; "" for ""."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S") if iso else ""


def words(name: str) -> str:
    """The name of a figure or column as words."""
    return name.replace("_", " ")


def unit_columns(unit: str) -> tuple[str, str]:
    """The names that the column of a unit may have: "env_step", "env_steps"."""
    name = unit.replace(" ", "_")
    return name, f"{name}s"


def figures(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names and values of a summary; what has no value is left out."""
    for name, value in summary.items():
        if value is not None:
            yield words(name), number(value)


def ranks(values: Iterable[float | None]) -> list[str]:
    """The ranks of sorted values, best first: values equal up to rounding share a rank range.

    Args:
        values: None has no rank.

    Example:
        >>> ranks([0.75, 0.75, 0.2, None])
        ['1–2', '1–2', '3', '']
    """
    shown: list[str] = []
    for value, group in groupby(values, lambda value: None if value is None else f"{value:.12g}"):
        first, count = len(shown) + 1, len(list(group))
        rank = f"{first}" if count == 1 else f"{first}–{first + count - 1}"
        shown += ["" if value is None else rank] * count
    return shown


def flat(settings: Mapping[str, Any], prefix: str = "") -> Document:
    """Nested settings with dotted names."""
    values: Document = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{prefix}{name}.")
        else:
            values[f"{prefix}{name}"] = value
    return values


def finite(value: Any) -> Any:
    """The same document with None for NaN and infinity, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain(value: Any) -> Any:
    """A NumPy scalar, array or path as a value that JSON has: a `default` for JSON encoders.

    Raises:
        TypeError: for anything else.
    """
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no plain value")


def to_json(document: object, indent: int | None = 2) -> str:
    """A document as JSON without NaN, ending in a line break."""
    return json.dumps(finite(document), indent=indent, ensure_ascii=False, default=plain) + "\n"
