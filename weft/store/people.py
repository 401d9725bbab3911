"""Who may sign in, and what proves who somebody is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select
from sqlalchemy.exc import IntegrityError

from weft import clock, ids
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import Credential, CredentialKind, Identity, Person, Role
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.values import project_name

_DIGEST_LENGTH = 64
_SHORTEST = 12  # of a digest, to speak of it by


class SqlPeople:
    """The people of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_person(self, person: Person) -> Person:
        """Raises ConflictError where there is somebody of that name, InputError for a name that cannot be one."""
        if not ids.is_plain(person.name):
            raise InputError(
                f"The name {person.name!r} cannot be a person's.",
                remedy="Use letters, digits, '.', '_', '-' and spaces, at most 128, beginning with a letter or digit.",
                field="name",
            )
        added = Person(person.name, Role(person.role), person.created_ns or clock.now_ns())
        row = {"name": added.name, "role": added.role.value, "created_ns": added.created_ns}
        try:
            with self._database.write() as connection:
                connection.execute(t.people.insert().values(**row))
        except IntegrityError:
            raise ConflictError(
                f"There is somebody named {person.name!r} already.",
                remedy=f"Make a new sign-in link with: weft user link {person.name!r}",
                field="name",
            ) from None
        return added

    def set_role(self, name: str, role: Role) -> Person:
        """Raises NotFoundError."""
        with self._database.write() as connection:
            _get(connection, name)
            connection.execute(t.people.update().where(t.people.c.name == name).values(role=Role(role).value))
            return _get(connection, name)

    def remove_person(self, name: str) -> None:
        """Forget somebody with all their links, sessions and keys; what they wrote stays. Raises NotFoundError."""
        with self._database.write() as connection:
            _get(connection, name)
            connection.execute(t.credentials.delete().where(t.credentials.c.person == name))
            connection.execute(t.people.delete().where(t.people.c.name == name))

    def list_people(self) -> list[Person]:
        """Everybody, by name."""
        with self._database.read() as connection:
            return [_person(row) for row in connection.execute(select(t.people).order_by(t.people.c.name))]

    def add_credential(self, credential: Credential) -> Credential:
        """Keep what proves who somebody is. Raises NotFoundError for an unknown person, InputError for no owner."""
        with self._database.write() as connection:
            return _add(connection, credential)

    def list_credentials(self, kind: CredentialKind, *, person: str | None = None) -> list[Credential]:
        """Those that have not expired, the newest first."""
        c = t.credentials.c
        query = select(t.credentials).where(c.kind == CredentialKind(kind).value, _lives())
        if person is not None:
            query = query.where(c.person == person)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.created_ns.desc(), c.digest))
            return [_credential(row) for row in rows]

    def identify(self, kind: CredentialKind, digest: str) -> Identity | None:
        """Whose token it is; None where there is none, or it has expired."""
        c = t.credentials.c
        query = (
            select(c.person, c.project, t.people.c.role)
            .outerjoin(t.people, t.people.c.name == c.person)
            .where(c.digest == digest, c.kind == CredentialKind(kind).value, _lives())
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        # The key of a project has no person's rights: it sends there, and the gate lets it do nothing else.
        return Identity(row.person, Role(row.role or Role.REVIEWER), row.project)

    def redeem(self, link: str, session: Credential) -> Person:
        """Exchange a link (its digest) for a session, once. Raises NotFoundError where it was used or has expired."""
        c = t.credentials.c
        found = (c.digest == link, c.kind == CredentialKind.LINK.value)
        with self._database.write() as connection:
            person = connection.execute(select(c.person).where(*found, _lives())).scalar_one_or_none()
            # Of two at once on PostgreSQL, one deletes the row.
            if person is None or not connection.execute(t.credentials.delete().where(*found)).rowcount:
                raise NotFoundError(
                    "This sign-in link was used, or has expired.",
                    remedy="Ask for a new one: weft user link NAME",
                    field="link",
                )
            _add(connection, Credential(session.digest, CredentialKind.SESSION, person, expires_ns=session.expires_ns))
            return _get(connection, person)

    def delete_credential(self, digest: str) -> None:
        """End a session, revoke a key, take a link back; by its digest or its id. Raises NotFoundError."""
        c = t.credentials.c
        match = c.digest == digest
        if _SHORTEST <= len(digest) < _DIGEST_LENGTH:
            match = c.digest.startswith(digest, autoescape=True)
        with self._database.write() as connection:
            if not connection.execute(t.credentials.delete().where(match)).rowcount:
                raise NotFoundError(f"There is no credential {digest[:_SHORTEST]!r}.", field="credential")


def _add(connection: Connection, credential: Credential) -> Credential:
    if (credential.person is None) == (credential.project is None):
        raise InputError("A credential belongs to a person or to a project.", field="person")
    if len(credential.digest) != _DIGEST_LENGTH:
        raise InputError("The digest of a token is SHA-256 in hex.", field="digest")
    if credential.person is not None:
        _get(connection, credential.person)
    row: dict[str, Any] = {
        "digest": credential.digest,
        "kind": CredentialKind(credential.kind).value,
        "person": credential.person,
        "project": None if credential.project is None else project_name(credential.project),
        "label": v.words(credential.label, "label"),
        "created_ns": credential.created_ns or clock.now_ns(),
        "expires_ns": credential.expires_ns,
    }
    connection.execute(t.credentials.delete().where(t.credentials.c.expires_ns <= clock.now_ns()))
    connection.execute(t.credentials.insert().values(**row))
    return Credential(**{**row, "kind": CredentialKind(row["kind"])})


def _lives() -> ColumnElement[bool]:
    expires = t.credentials.c.expires_ns
    return or_(expires.is_(None), expires > clock.now_ns())


def _get(connection: Connection, name: str) -> Person:
    row = connection.execute(select(t.people).where(t.people.c.name == name)).first()
    if row is None:
        raise NotFoundError(
            f"There is nobody named {name!r}.", remedy=f"Add them with: weft user add {name!r}", field="name"
        )
    return _person(row)


def _person(row: Any) -> Person:
    return Person(row.name, Role(row.role), row.created_ns)


def _credential(row: Any) -> Credential:
    return Credential(
        row.digest, CredentialKind(row.kind), row.person, row.project, row.label, row.created_ns, row.expires_ns
    )
