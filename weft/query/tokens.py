"""An expression's text as tokens, each with its column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from weft.errors import InputError

LENGTH = 8000  # characters of an expression
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", '"': '"', "'": "'", "/": "/"}
_HEX = {"x": 2, "u": 4, "U": 8}
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?(?P<unit>[A-Za-zµ]\w*)?)
      | (?P<name>[^\W\d]\w*(?:\s*\.\s*[^\W\d]\w*)*)
      | (?P<op>==|!=|<=|>=|<>|&&|\|\||[<>=()\[\],+\-!&|])
      | (?P<quote>["'])""",
    re.VERBOSE,
)
_INSTEAD = {
    "=": "Write == to compare.",
    "<>": "Write !=.",
    "&&": "Write and.",
    "&": "Write and.",
    "||": "Write or.",
    "|": "Write or.",
    "!": "Write not.",
}


class Kind(StrEnum):
    """What a token is."""

    NAME = "name"
    NUMBER = "number"
    TEXT = "text"
    OP = "op"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A token. ``text`` is its value: of a text without quotes, of a name without spaces; ``unit`` is a number's."""

    kind: Kind
    text: str
    column: int
    unit: str = ""

    @property
    def word(self) -> str:
        """A name in lower case, for keywords; an operator as it stands; empty for all else."""
        return self.text.lower() if self.kind is Kind.NAME else self.text if self.kind is Kind.OP else ""


def wrong(message: str, column: int, remedy: str = "") -> InputError:
    """The error of an expression at a column, counted from 1."""
    return InputError(f"Column {column}: {message}", remedy=remedy, field="where", column=column)


def tokens(text: str) -> list[Token]:
    """The tokens of ``text``, an end behind them. Raises InputError with the column of what is none."""
    if len(text) > LENGTH:
        raise wrong(f"the expression has {len(text)} characters.", LENGTH + 1, f"At most {LENGTH} are allowed.")
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        column = place + 1
        if match is None:
            raise wrong(f"{text[place]!r} means nothing here.", column, "Texts stand in quotes.")
        place = match.end()
        if match["quote"]:
            value, place = _quoted(text, place - 1)
            found.append(Token(Kind.TEXT, value, column))
        elif match["number"]:
            unit = match["unit"] or ""
            digits = match["number"][: len(match["number"]) - len(unit)]
            found.append(Token(Kind.NUMBER, digits.replace("_", ""), column, unit))
        elif match["name"]:
            found.append(Token(Kind.NAME, "".join(match["name"].split()), column))
        elif match["op"]:
            if match["op"] in _INSTEAD:
                raise wrong(f"{match['op']!r} is not an operator.", column, _INSTEAD[match["op"]])
            found.append(Token(Kind.OP, match["op"], column))
    found.append(Token(Kind.END, "", len(text) + 1))
    return found


def _quoted(text: str, start: int) -> tuple[str, int]:
    parts: list[str] = []
    quote, place = text[start], start + 1
    while place < len(text):
        char = text[place]
        if char == quote:
            return "".join(parts), place + 1
        if char != "\\":
            parts.append(char)
            place += 1
            continue
        mark = text[place + 1 : place + 2]
        digits = text[place + 2 : place + 2 + _HEX.get(mark, 0)]
        if mark in _ESCAPES and mark:
            parts.append(_ESCAPES[mark])
        elif mark in _HEX and len(digits) == _HEX[mark] and all(digit in "0123456789abcdefABCDEF" for digit in digits):
            if int(digits, 16) > 0x10FFFF:
                raise wrong(f"\\{mark}{digits} is no character.", place + 1)
            parts.append(chr(int(digits, 16)))
        else:
            raise wrong(f"\\{mark} is not an escape.", place + 1, "Write \\\\ for a backslash.")
        place += 2 + len(digits)
    raise wrong("the text that begins here does not end.", start + 1, f"Close it with {quote}.")
