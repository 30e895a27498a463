"""JSON documents of the store, read with care: another program may have written them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from sandbox.errors import StoreError
from sandbox.store.files import door
from sandbox.text import Document, printable

MOST_BYTES = 64_000_000
"""More than any document has."""
DEEPEST = 50
"""Levels of lists and dictionaries in a document."""
Record = TypeVar("Record")


def read(path: Path) -> Document:
    """The document at a path.

    Raises:
        StoreError: when it is missing, a link, no file, or too large.
        ValueError: when it is not a JSON document, or cannot be printed.
    """
    folder, name = door(path)
    try:
        return parse(folder.read(name, MOST_BYTES))
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror}.") from error


def parse(content: bytes) -> Document:
    """A document.

    Raises:
        ValueError: when it is not JSON, not a dictionary, nested too deep, or has an unpaired
            surrogate, which cannot be printed.
    """
    try:
        document = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(document, dict):
        raise ValueError("it is no dictionary")
    if _too_deep(document):
        raise ValueError("it is nested too deep")
    json.dumps(document, ensure_ascii=False).encode()
    return document


def shown(value: Any) -> Any:
    """The same document with printable texts."""
    if isinstance(value, dict):
        return {printable(name): shown(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shown(inner) for inner in value]
    return printable(value) if isinstance(value, str) else value


def validated(kind: type[Record], document: Document) -> Record:
    """A document as a dataclass, validated strictly at all levels; unknown fields are left out.

    Raises:
        ValueError: naming the first field that is wrong.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from None


def first_problem(error: ValidationError) -> str:
    """The first field that is wrong, and what is wrong with it."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}"


def _too_deep(value: object, level: int = 0) -> bool:
    if level > DEEPEST:
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_too_deep(one, level + 1) for one in inner)
