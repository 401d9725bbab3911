"""Prices of one's own: stored, and applied to spans on their way in."""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select

from weft.errors import InputError, NotFoundError
from weft.records import Price
from weft.store import rollups
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.rows import AT
from weft.store.span_rows import recount_traces

_COLUMNS = tuple(column.name for column in t.prices.columns)
_EVERY_PROJECT = ""
_PIECE = 1_000


class SqlPrices:
    """The prices of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_price(self, price: Price) -> Price:
        """Store a price; one of the same project, model and time is replaced. Raises InputError for a bad one."""
        row = _row(price)
        with self._database.write() as connection:
            self._database.upsert(connection, "prices", _COLUMNS, ("project", "model", "from_ns"), [row])
        return price

    def delete_price(self, price: Price) -> None:
        """Forget the price of this project, model and time. Raises NotFoundError."""
        c = t.prices.c
        project, model, from_ns, *_ = _row(price)
        one = (c.project == project, c.model == model, c.from_ns == from_ns)
        with self._database.write() as connection:
            if not connection.execute(t.prices.delete().where(*one)).rowcount:
                raise NotFoundError(f"There is no such price of {price.model!r}.", field="model")

    def reprice(self, model: str, *, project: str | None = None) -> int:
        """Apply the prices that are set to the spans of a model that are stored already; returns how many changed.

        It goes in pieces, so that writers get their turn. Spans without a price of one's own keep their cost.
        """
        changed, last = 0, 0
        while True:
            with self._database.write() as connection:
                self._database.take_turn(connection)
                c = t.spans.c
                query = select(c.id, c.trace_id, *(c[name] for name in rollups.COUNTED))
                query = query.where(
                    c.model == model, c.id > last, *(() if project is None else (c.project == project,))
                )
                rows = connection.execute(query.order_by(c.id).limit(_PIECE)).all()
                if not rows:
                    return changed
                last = rows[-1].id
                changed += self._reprice(connection, rows)

    def _reprice(self, connection: Connection, rows: Sequence[Any]) -> int:
        prices, changes = PriceList(connection), []
        for row in rows:
            price = prices.find(row.project, row.model, row.start_ns)
            if price is None:
                continue
            cost = cost_usd(price, row.input_tokens, row.output_tokens, row.cached_tokens)
            if cost is not None and cost != row.cost_usd:
                changes.append((row, cost))
        before = operator.attrgetter(*rollups.COUNTED)
        place = rollups.COUNTED.index("cost_usd")
        rollups.update(
            self._database,
            connection,
            [(old := before(row), (*old[:place], cost, *old[place + 1 :])) for row, cost in changes],
        )
        if changes:
            update = t.spans.update().where(t.spans.c.id == bindparam("of")).values(cost_usd=bindparam("cost"))
            connection.execute(update, [{"of": row.id, "cost": cost} for row, cost in changes])
            recount_traces(self._database, connection, sorted({row.trace_id for row, _ in changes}))
        return len(changes)

    def list_prices(self, project: str | None = None) -> list[Price]:
        """Every price, or those that a project sees, by model and time."""
        with self._database.read() as connection:
            return [_record(row) for row in _rows(connection, project)]


class PriceList:
    """All prices of a database at one moment: :meth:`cost` answers for one span."""

    def __init__(self, connection: Connection) -> None:
        self._prices: dict[tuple[str, str], tuple[list[int], list[Price]]] = {}
        for row in _rows(connection, None):
            times, prices = self._prices.setdefault((row.project, row.model), ([], []))
            times.append(row.from_ns)
            prices.append(_record(row))

    def __bool__(self) -> bool:
        return bool(self._prices)

    def find(self, project: str, model: str, at_ns: int) -> Price | None:
        """The price in force: the project's own, else that of every project; None where there is none."""
        for owner in (project, _EVERY_PROJECT):
            times, prices = self._prices.get((owner, model), ([], []))
            place = bisect_right(times, at_ns)
            if place:
                return prices[place - 1]
        return None


def apply_prices(connection: Connection, rows: Iterable[list[Any]]) -> None:
    """Set the cost of rows of ``span_row`` whose model has a price of one's own."""
    prices = PriceList(connection)
    if not prices:
        return
    project, model, start, cost = (AT[name] for name in ("project", "model", "start_ns", "cost_usd"))
    tokens = [AT[name] for name in ("input_tokens", "output_tokens", "cached_tokens")]
    for row in rows:
        if row[model] is None or (price := prices.find(row[project], row[model], row[start])) is None:
            continue
        own = cost_usd(price, *(row[place] for place in tokens))
        if own is not None:
            row[cost] = own


def cost_usd(price: Price, input_tokens: int | None, output_tokens: int | None, cached: int | None) -> float | None:
    """US dollars of a call; ``input_tokens`` includes the cached ones. None where no tokens are known."""
    if input_tokens is None and output_tokens is None:
        return None
    taken = min(cached or 0, input_tokens or 0)
    cached_usd = price.input_usd if price.cached_usd is None else price.cached_usd
    return (
        ((input_tokens or 0) - taken) * price.input_usd + taken * cached_usd + (output_tokens or 0) * price.output_usd
    )


def _rows(connection: Connection, project: str | None) -> list[Any]:
    c = t.prices.c
    query = select(t.prices).order_by(c.model, c.project, c.from_ns)
    if project is not None:
        query = query.where(or_(c.project == project, c.project == _EVERY_PROJECT))
    return list(connection.execute(query))


def _row(price: Price) -> tuple[Any, ...]:
    try:
        project = _EVERY_PROJECT if price.project is None else v.project_name(price.project)
        numbers = [v.number_or_none(getattr(price, name), name) for name in ("input_usd", "output_usd", "cached_usd")]
        if numbers[0] is None or numbers[1] is None or any(number is not None and number < 0 for number in numbers):
            raise ValueError("a price is a number of US dollars a token, zero or more")
        return (project, v.identifier(price.model, "model"), v.int64(price.from_ns, "from_ns"), *numbers)
    except ValueError as error:
        raise InputError(
            f"The price of {price.model!r} cannot be stored: {error}.",
            remedy="Give US dollars a token, such as 2.5e-06.",
            field="price",
        ) from None


def _record(row: Any) -> Price:
    return Price(row.model, row.input_usd, row.output_usd, row.project or None, row.cached_usd, row.from_ns)
