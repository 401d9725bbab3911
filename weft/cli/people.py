"""`weft user` and `weft key`: who may sign in to a server, and the keys of programs."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import typer

from weft import clock
from weft import settings as weft_settings
from weft.api import Api
from weft.cli.output import console, print_json, print_table
from weft.errors import InputError
from weft.formatting import MISSING, ago
from weft.records import Credential, CredentialKind, Person, Role
from weft.records.people import new_token, token_digest
from weft.repositories import Store

_DAY_NS = 24 * 3600 * 1_000_000_000
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The person's name, as it stands on their labels.")]
Address = Annotated[str | None, typer.Option(help="The server's address as the person reaches it.")]
Days = Annotated[float, typer.Option(help="For how many days the link is good.", min=0.01)]

users = typer.Typer(
    no_args_is_help=True, help="People who sign in: with the first of them, a server asks everybody who they are."
)
keys = typer.Typer(
    no_args_is_help=True,
    help="Keys that programs show to a server (WEFT_API_KEY): a person's, or a project's to send to it.",
)


@users.command("add")
def add(
    name: Name,
    role: Annotated[
        Role, typer.Option(help="reviewer: queues only; member: all but people, keys, deletion; admin: all.")
    ] = Role.MEMBER,
    address: Address = None,
    days: Days = 7.0,
) -> None:
    """Add a person and print their sign-in link, which is good for one browser, once."""
    with Api() as api:
        first = not api.store.people.list_people()
        person = api.store.people.add_person(Person(name, role))
        url = _link(api.store, name, address or _address(), days)
    out = console()
    out.print(f"{person.name} is a {person.role}. To sign in, once and within {days:g} days:", markup=False)
    out.print(url, markup=False, soft_wrap=True)
    if first:
        out.print("From now on the server asks everybody to sign in, programs for a key: weft key add --person NAME")


@users.command("link")
def link(name: Name, address: Address = None, days: Days = 7.0) -> None:
    """Print a new sign-in link for somebody, such as for another browser."""
    with Api() as api:
        url = _link(api.store, name, address or _address(), days)
    console().print(url, markup=False, soft_wrap=True)


@users.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List who may sign in."""
    with Api() as api:
        people = api.store.people.list_people()
        sessions = api.store.people.list_credentials(CredentialKind.SESSION)
    if as_json:
        print_json(people)
        return
    counts = [sum(session.person == person.name for session in sessions) for person in people]
    print_table(
        {"name": "left", "role": "left", "added": "right", "browsers": "right"},
        [(p.name, p.role, ago(p.created_ns), str(count)) for p, count in zip(people, counts, strict=True)],
        empty="Nobody; whoever reaches the server is its user. Add somebody: weft user add NAME --role admin",
    )


@users.command("role")
def set_role(name: Name, role: Annotated[Role, typer.Argument(help="The new role.")]) -> None:
    """Say what somebody may do."""
    with Api() as api:
        person = api.store.people.set_role(name, role)
    console().print(f"{person.name} is a {person.role}.", markup=False)


@users.command("remove")
def remove(name: Name) -> None:
    """Remove somebody: they are signed out everywhere and their keys end; their labels and notes stay."""
    with Api() as api:
        api.store.people.remove_person(name)
    console().print(f"{name} is removed.", markup=False)


@keys.command("add")
def add_key(
    person: Annotated[str | None, typer.Option(help="Whose key: it may do what they may.")] = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="Or the project that it sends traces to, and nothing else.")
    ] = None,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    days: Annotated[float | None, typer.Option(help="For how many days it is good; for ever unless told.")] = None,
) -> None:
    """Make a key and print it, this one time."""
    if (person is None) == (project is None):
        raise InputError(
            "A key belongs to a person or to a project.", remedy="Give --person or --project.", field="person"
        )
    token = new_token(CredentialKind.KEY)
    ends = None if days is None else clock.now_ns() + round(days * _DAY_NS)
    with Api() as api:
        api.store.people.add_credential(
            Credential(token_digest(token), CredentialKind.KEY, person, project, label, expires_ns=ends)
        )
    console().print(token, markup=False, soft_wrap=True)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, without what they open with."""
    with Api() as api:
        found = api.store.people.list_credentials(CredentialKind.KEY)
    if as_json:
        print_json(found)
        return
    print_table(
        {"key": "left", "person": "left", "project": "left", "for": "left", "made": "right"},
        [(k.credential_id, k.person or MISSING, k.project or MISSING, k.label, ago(k.created_ns)) for k in found],
        empty="There are no keys. Make one: weft key add --person NAME",
    )


@keys.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="The key as `weft key list` names it.")]) -> None:
    """End a key."""
    with Api() as api:
        api.store.people.delete_credential(key)
    console().print("The key is ended.")


def _link(store: Store, name: str, address: str, days: float) -> str:
    token = new_token(CredentialKind.LINK)
    ends = clock.now_ns() + round(days * _DAY_NS)
    store.people.add_credential(Credential(token_digest(token), CredentialKind.LINK, name, expires_ns=ends))
    return f"{address.rstrip('/')}/login?{urlencode({'link': token})}"


def _address() -> str:
    settings = weft_settings.load()
    if settings.url is not None:
        return settings.url
    host = settings.host if settings.host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 - shown, not bound
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
