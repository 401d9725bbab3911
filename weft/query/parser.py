"""The parser: by recursive descent, bounded in length, depth and size; every mistake is told with its column.

expression := conjunction ("or" conjunction)*
conjunction := negation ("and" negation)*
negation := "not" negation | relation
relation := operand (("==" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "in" | "is" ["not"]) operand)*
operand := field | text | number | time | "None" | "true" | "false" | list | "(" expression ")"
         | "any" "(" expression ")"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from weft.errors import InputError
from weft.query import relations
from weft.query.fields import SPANS, FieldInfo, Fields, FieldType
from weft.query.nodes import And, AnySpan, Field, Moment, Node, Not, Or
from weft.query.relations import FieldOperand, Item, ListOperand, ValueOperand
from weft.query.tokens import Kind, Token, tokens, wrong
from weft.query.values import nanoseconds, number

DEPTH = 40  # parentheses and nots inside each other
RELATIONS = 200  # comparisons in one expression
ITEMS = 500  # values of a list
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "is"})
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "none": None, "null": None}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an expression, for a box that is being filled: ``column`` counts from 1."""

    message: str
    remedy: str
    column: int


def parse(text: str, names: Fields = SPANS) -> Node:
    """The tree of an expression about spans, or about what else ``names`` tells the fields of. Raises InputError whose
    ``column`` (from 1) is where the mistake is.

    >>> parse('kind == "llm" and not model is None').parts[0].value
    'llm'
    """
    if not isinstance(text, str):
        raise wrong(f"an expression is text, not {type(text).__name__}.", 1)
    return _Parser(tokens(text), names).whole()


def problem(text: str, names: Fields = SPANS) -> Problem | None:
    """What is wrong with an expression; None where nothing is."""
    try:
        parse(text, names)
    except InputError as error:
        return Problem(error.message, error.remedy, error.column or 1)
    return None


class _Parser:
    """One walk over the tokens."""

    def __init__(self, found: list[Token], names: Fields) -> None:
        self._tokens = found
        self._names = names
        self._place = 0
        self._depth = 0
        self._relations = 0
        self._in_any = False

    def whole(self) -> Node:
        """The tree of all tokens."""
        if len(self._tokens) == 1:
            raise wrong("the expression is empty.", 1, f"Write one, such as {self._names.example}.")
        found = relations.condition(self._or())
        after = self._take()
        if after.kind is not Kind.END:
            raise wrong(f"{_told(after)} is not expected here.", after.column, "Join conditions with and, or.")
        return found

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._tokens[self._place]
        self._place += token.kind is not Kind.END
        return token

    def _expect(self, word: str, opened: Token) -> None:
        if self._next.word != word:
            raise wrong(
                f"{_told(self._next)} stands where {word!r} is missing.",
                self._next.column,
                f"It closes the {opened.text!r} of column {opened.column}.",
            )
        self._take()

    def _or(self) -> Item:
        return self._joined("or", self._and, Or)

    def _and(self) -> Item:
        return self._joined("and", self._not, And)

    def _joined(self, word: str, part: Callable[[], Item], join: type[And] | type[Or]) -> Item:
        first = part()
        if self._next.word != word:
            return first
        parts = [relations.condition(first)]
        while self._next.word == word:
            self._take()
            parts.append(relations.condition(part()))
        flat = [inner for each in parts for inner in (each.parts if isinstance(each, join) else (each,))]
        return join(tuple(flat))

    def _not(self) -> Item:
        if self._next.word != "not":
            return self._relation()
        with_not = self._take()
        self._deeper(with_not)
        found = Not(relations.condition(self._not()))
        self._depth -= 1
        return found

    def _relation(self) -> Item:
        left = self._operand()
        found: list[Node] = []
        while True:
            op = self._operator()
            if op is None:
                break
            self._relations += 1
            if self._relations > RELATIONS:
                raise wrong(f"there are more than {RELATIONS} comparisons.", op.column, "Use in [...] for many values.")
            right = self._operand()
            found.append(relations.relation(left, op, right))
            left = right
        if not found:
            return left
        return found[0] if len(found) == 1 else And(tuple(found))

    def _operator(self) -> Token | None:
        token = self._next
        following = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        if token.word == "not" and following.word == "in":
            self._place += 2
            return Token(Kind.OP, "not in", token.column)
        if token.word not in _COMPARISONS:
            return None
        self._take()
        if token.word == "is" and self._next.word == "not":
            self._take()
            return Token(Kind.OP, "is not", token.column)
        return Token(Kind.OP, token.word, token.column)

    def _operand(self) -> Item:
        token = self._take()
        if token.kind is Kind.TEXT:
            return ValueOperand(token.text, token.column)
        if token.kind is Kind.NUMBER:
            return ValueOperand(number(token, 1), token.column)
        if token.word in {"-", "+"} and self._next.kind is Kind.NUMBER:
            return ValueOperand(number(self._take(), -1 if token.word == "-" else 1), token.column)
        if token.word == "(":
            return self._inside(token)
        if token.word == "[":
            return self._list(token)
        if token.kind is Kind.NAME:
            return self._name(token)
        raise wrong(f"{_told(token)} stands where a field or a value is missing.", token.column)

    def _name(self, token: Token) -> Item:
        if token.word in _CONSTANTS:
            return ValueOperand(_CONSTANTS[token.word], token.column)
        if self._next.word == "(":
            return self._call(token)
        if token.word == "now":
            return ValueOperand(self._moment(), token.column)
        return self._field(token)

    def _call(self, token: Token) -> Item:
        opened = self._take()
        if token.word == "now":
            self._expect(")", opened)
            return ValueOperand(self._moment(), token.column)
        if token.text != "any" or self._names is not SPANS:
            there = "There is any(...) and now." if self._names is SPANS else "There is now."
            raise wrong(f"there is no function {token.text!r}.", token.column, there)
        if self._in_any:
            raise wrong("any(...) stands inside any(...).", token.column, "Both mean spans of the same trace: use and.")
        self._in_any = True
        part = relations.condition(self._inside(opened))
        self._in_any = False
        return AnySpan(part)

    def _inside(self, opened: Token) -> Item:
        """What stands in parentheses: an expression, or the values of a list."""
        self._deeper(opened)
        found = self._or()
        if self._next.word == "," and isinstance(found, ValueOperand):
            return self._rest_of_list(opened, ")", [found])
        self._expect(")", opened)
        self._depth -= 1
        return found

    def _list(self, opened: Token) -> ListOperand:
        self._deeper(opened)
        if self._next.word == "]":
            raise wrong("the list is empty.", opened.column, "Nothing is in it.")
        return self._rest_of_list(opened, "]", [self._item()])

    def _rest_of_list(self, opened: Token, close: str, found: list[ValueOperand]) -> ListOperand:
        while self._next.word == ",":
            self._take()
            if self._next.word == close:
                break
            found.append(self._item())
            if len(found) > ITEMS:
                raise wrong(f"the list has more than {ITEMS} values.", opened.column)
        self._expect(close, opened)
        self._depth -= 1
        return ListOperand(tuple(found), opened.column)

    def _item(self) -> ValueOperand:
        column = self._next.column
        found = self._operand()
        if not isinstance(found, ValueOperand):
            raise wrong("a list holds texts and numbers.", column)
        return found

    def _moment(self) -> Moment:
        if self._next.word not in {"+", "-"}:
            return Moment(0, relative=True)
        sign = -1 if self._take().word == "-" else 1
        token = self._take()
        away = number(token, sign) if token.kind is Kind.NUMBER else None
        if not isinstance(away, Fraction):
            raise wrong("a length of time is missing.", token.column, "Write now - 2h or now - 30min.")
        return Moment(nanoseconds(away, token.column), relative=True)

    def _field(self, token: Token) -> FieldOperand:
        found = self._names.find(token.text)
        if found is None:
            raise relations.unknown_field(token, self._names)
        full, info, key = found
        if self._next.word == "[":
            key = self._key(token, info if key is None else None)
        if full.startswith("root."):
            return FieldOperand(Field(info.name, key, "root"), info, token.column)
        of_trace = full.startswith("trace.")
        return FieldOperand(Field(info.name, key, "trace" if of_trace else "span"), info, token.column)

    def _key(self, token: Token, info: FieldInfo | None) -> str:
        opened = self._take()
        if info is None or info.type is not FieldType.MAP:
            raise wrong(f"{token.text} has no keys.", opened.column)
        key = self._take()
        if key.kind is not Kind.TEXT:
            raise wrong("the key is missing.", key.column, f'Write it in quotes: {token.text}["key"].')
        self._expect("]", opened)
        return key.text

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise wrong(f"the expression is more than {DEPTH} levels deep.", token.column, "Make it simpler.")


def _told(token: Token) -> str:
    return "the end" if token.kind is Kind.END else repr(token.text + token.unit)
