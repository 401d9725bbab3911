"""Prices of one's own: stored, and applied to spans on their way in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, or_, select

from weft.errors import InputError, NotFoundError
from weft.records import Price
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.span_rows import AT

_COLUMNS = tuple(column.name for column in t.prices.columns)
_EVERY_PROJECT = ""


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
