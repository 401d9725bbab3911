"""The query language: one safe expression about spans or runs, parsed here, never evaluated.

``parse`` checks an expression and gives its tree, ``write`` the text of a tree, ``problem`` and ``complete`` what a box
for expressions needs. The store compiles trees to SQL. docs/reference/query.md is the reference.
"""

from weft.query.fields import (
    FIELDS,
    ROOT_FIELDS,
    RUN_FIELDS,
    RUNS,
    SPANS,
    TRACE_FIELDS,
    FieldInfo,
    Fields,
    FieldType,
    complete,
)
from weft.query.nodes import (
    And,
    AnySpan,
    Compare,
    Contains,
    Field,
    HasKey,
    IsNone,
    Moment,
    Node,
    Not,
    OneOf,
    Or,
)
from weft.query.parser import Problem, parse, problem
from weft.query.tokens import LENGTH
from weft.query.writing import discreet, pointer, quoted, write

__all__ = [
    "FIELDS",
    "LENGTH",
    "ROOT_FIELDS",
    "RUNS",
    "RUN_FIELDS",
    "SPANS",
    "TRACE_FIELDS",
    "And",
    "AnySpan",
    "Compare",
    "Contains",
    "Field",
    "FieldInfo",
    "FieldType",
    "Fields",
    "HasKey",
    "IsNone",
    "Moment",
    "Node",
    "Not",
    "OneOf",
    "Or",
    "Problem",
    "complete",
    "discreet",
    "parse",
    "pointer",
    "problem",
    "quoted",
    "write",
]
