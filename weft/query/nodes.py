"""The tree of an expression: what may be asked, checked and typed, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its name in the table of fields; ``key`` is what stands in brackets behind a map.

    ``of`` says whose it is: the span's, the root's of its trace, or the trace's.
    """

    name: str
    key: str | None = None
    of: Literal["span", "root", "trace"] = "span"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: ``ns`` since the epoch or, where it is ``relative``, from the moment of asking."""

    ns: int
    relative: bool = False

    def at(self, now_ns: int) -> int:
        """Nanoseconds since the epoch, asked at ``now_ns``."""
        return now_ns + self.ns if self.relative else self.ns


# A Fraction is a duration in nanoseconds: "0.1 s" and the like stay exact.
Value = str | bool | int | float | Fraction | Moment
Operator = Literal["==", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Compare:
    """``field op value``; ``!=`` is a :class:`Not` of ``==``. The value may be another field."""

    field: Field
    op: Operator
    value: Value | Field


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field equals one of the values."""

    field: Field
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """The text of the field contains ``text``, upper and lower case of A to Z alike; a list has it as an item."""

    field: Field
    text: str


@dataclass(frozen=True, slots=True)
class IsNone:
    """The field is missing."""

    field: Field


@dataclass(frozen=True, slots=True)
class HasKey:
    """The map ``field`` has the key."""

    field: Field
    key: str


@dataclass(frozen=True, slots=True)
class AnySpan:
    """Some span of the trace satisfies ``part``."""

    part: Node


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; what is unknown stays unknown."""

    part: Node


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One part holds at least."""

    parts: tuple[Node, ...]


Leaf = Compare | OneOf | Contains | IsNone | HasKey
Node = Leaf | AnySpan | Not | And | Or
