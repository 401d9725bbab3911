"""Hooks that are told of decisions, and what became of telling them; who sends is :mod:`weft.drainer.hooks`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select

from weft import clock, ids
from weft.errors import InputError, NotFoundError
from weft.records import Page
from weft.records.registry import Delivery, DeliveryState, Hook, RegistryAction, RegistryEvent
from weft.store import registry_rows as rows
from weft.store import tables as t
from weft.store import values as v
from weft.store.paging import Order, fetch_page

_NS = 1_000_000_000
_SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be told now: to whom, signed with what."""

    delivery: Delivery
    url: str
    secret: str
    event: RegistryEvent


def add(connection: Connection, hook: Hook, secret: str) -> Hook:
    """See :meth:`weft.repositories.Registry.add_hook`."""
    _check_url(hook.url)
    if len(secret) < _SHORTEST_SECRET:
        raise InputError(
            f"The secret of a hook has {len(secret)} characters.",
            remedy=f"Use {_SHORTEST_SECRET} or more, such as `openssl rand -hex 32` prints.",
            field="secret",
        )
    unknown = [action for action in hook.actions if action not in set(RegistryAction)]
    if unknown:
        raise InputError(
            f"There is no action {unknown[0]!r}.", remedy=f"Use {', '.join(RegistryAction)}.", field="actions"
        )
    if hook.name is not None:
        rows.get_registered(connection, hook.name)
    made = Hook(
        hook.hook_id or ids.new_id(),
        hook.url,
        hook.name,
        list(hook.actions),
        clock.now_ns(),
        rows.checked_author(hook.created_by),
    )
    columns = {name: getattr(made, name) for name in Hook.__slots__}
    row = {**columns, "actions": v.to_json(made.actions), "secret": secret}
    connection.execute(t.hooks.insert().values(**row))
    return made


def delete(connection: Connection, hook_id: str) -> None:
    """See :meth:`weft.repositories.Registry.delete_hook`."""
    if not connection.execute(t.hooks.delete().where(t.hooks.c.hook_id == hook_id)).rowcount:
        raise NotFoundError(f"There is no hook {hook_id!r}.", field="hook_id")
    c = t.hook_deliveries.c
    pending = c.state == DeliveryState.PENDING.value
    connection.execute(t.hook_deliveries.delete().where(c.hook_id == hook_id, pending))


def listed(connection: Connection) -> list[Hook]:
    """Every hook, the oldest first."""
    c = t.hooks.c
    found = connection.execute(select(t.hooks).order_by(c.created_ns, c.hook_id))
    return [
        Hook(row.hook_id, row.url, row.name, v.from_json(row.actions), row.created_ns, row.created_by) for row in found
    ]


def deliveries(connection: Connection, hook_id: str | None, *, limit: int, cursor: str | None) -> Page[Delivery]:
    """See :meth:`weft.repositories.Registry.list_deliveries`."""
    c = t.hook_deliveries.c
    query = select(t.hook_deliveries)
    if hook_id is not None:
        query = query.where(c.hook_id == hook_id)
    order = Order((c.due_ns, c.delivery_id), descending=True)
    found, after = fetch_page(connection, query, order, limit=limit, cursor=cursor)
    return Page([_record(row) for row in found], after)


def take(connection: Connection, *, lease_s: float, limit: int) -> list[Due]:
    """Deliveries that are due, put off by ``lease_s`` for everybody else."""
    c, h, e = t.hook_deliveries.c, t.hooks.c, t.registry_events.c
    now = clock.now_ns()
    query = (
        select(t.hook_deliveries)
        .where(c.state == DeliveryState.PENDING.value, c.due_ns <= now)
        .order_by(c.due_ns, c.delivery_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken: list[Due] = []
    for row in connection.execute(query).all():
        hook = connection.execute(select(t.hooks).where(h.hook_id == row.hook_id)).one()
        event = select(t.registry_events).where(e.name == row.name, e.sequence == row.sequence)
        later = t.hook_deliveries.update().where(c.delivery_id == row.delivery_id)
        connection.execute(later.values(due_ns=now + round(lease_s * _NS)))
        told = rows.event_record(connection.execute(event).one())
        taken.append(Due(_record(row), hook.url, hook.secret, told))
    return taken


def settle(connection: Connection, delivery_id: str, attempt: dict[str, Any], *, again_s: float | None) -> None:
    """Note a try; one whose hook was deleted meanwhile is forgotten."""
    c = t.hook_deliveries.c
    here = c.delivery_id == delivery_id
    row = connection.execute(select(t.hook_deliveries).where(here).with_for_update()).first()
    if row is None:
        return
    now = clock.now_ns()
    state = DeliveryState.PENDING
    if again_s is None:
        state = DeliveryState.DELIVERED if attempt.get("ok") else DeliveryState.FAILED
    values = {
        "state": state.value,
        "due_ns": now if again_s is None else now + round(again_s * _NS),
        "attempts": v.to_json([*v.from_json(row.attempts), {"time_ns": now, **attempt}]),
    }
    connection.execute(t.hook_deliveries.update().where(here).values(**values))


def next_due_ns(connection: Connection) -> int | None:
    """When the next delivery is due."""
    c = t.hook_deliveries.c
    found: int | None = connection.execute(
        select(func.min(c.due_ns)).where(c.state == DeliveryState.PENDING.value)
    ).scalar()
    return found


def _record(row: Any) -> Delivery:
    return Delivery(
        row.delivery_id,
        row.hook_id,
        row.name,
        row.sequence,
        DeliveryState(row.state),
        row.due_ns,
        v.from_json(row.attempts),
    )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        fine = fine and parts.username is None and parts.password is None
    except ValueError:
        fine = False
    if not fine:
        raise InputError(
            f"A hook cannot be sent to {url!r}.",
            remedy="Give an address such as https://ci.example.com/hooks/weft, without a password in it.",
            field="url",
        )
