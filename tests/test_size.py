"""How much code there is to read stays within a budget, counted in Python tokens: comments,
docstrings and layout are free."""

from __future__ import annotations

import ast
import io
import tokenize

from docs.rooms import MODULES

BUDGET = 316_050
"""Tokens of the four packages. Raising it takes a line in CHANGELOG.md that says what it bought."""
FREE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def tokens(source):
    """Tokens of a file, without texts that stand by themselves."""
    documentation = {
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    return sum(
        token.type not in FREE
        and not (token.type == tokenize.STRING and token.start[0] in documentation)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
    )


def test_comments_and_docstrings_and_layout_are_free():
    assert tokens('"""A text."""\nx = (1,  # one\n     2)\n') == tokens("x = (1, 2)\n") == 7


def test_the_code_stays_within_its_budget():
    count = sum(tokens(path.read_text(encoding="utf-8")) for path in MODULES.values())
    assert BUDGET * 0.98 < count <= BUDGET, (
        f"{count:,} tokens: lower the budget, or see its comment"
    )
