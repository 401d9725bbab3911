"""People of a Weft server; it asks an admin's key for all of this."""

from __future__ import annotations

from dataclasses import asdict

from weft.client.wire import Wire, parse, segment
from weft.records import Credential, CredentialKind, Identity, Person, Role


class RemotePeople:
    """Who may sign in, and what proves who somebody is."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def add_person(self, person: Person) -> Person:
        """Add somebody."""
        added: Person = parse(Person, self._wire.post("/api/people", asdict(person), again=False))
        return added

    def set_role(self, name: str, role: Role) -> Person:
        """Say what somebody may do."""
        changed: Person = parse(Person, self._wire.put(f"/api/people/{segment(name)}/role", {"role": role}))
        return changed

    def remove_person(self, name: str) -> None:
        """Forget somebody."""
        self._wire.call("DELETE", f"/api/people/{segment(name)}", again=False)

    def list_people(self) -> list[Person]:
        """Everybody, by name."""
        people: list[Person] = parse(list[Person], self._wire.get("/api/people"))
        return people

    def add_credential(self, credential: Credential) -> Credential:
        """Keep the digest of a token."""
        added = self._wire.post("/api/credentials", asdict(credential), again=False)
        kept: Credential = parse(Credential, added)
        return kept

    def list_credentials(self, kind: CredentialKind, *, person: str | None = None) -> list[Credential]:
        """Those that have not expired, the newest first."""
        found: list[Credential] = parse(list[Credential], self._wire.get("/api/credentials", kind=kind, person=person))
        return found

    def identify(self, kind: CredentialKind, digest: str) -> Identity | None:
        """Whose token it is, or None."""
        found = self._wire.post("/api/credentials/identify", {"kind": kind, "digest": digest})["identity"]
        identity: Identity | None = None if found is None else parse(Identity, found)
        return identity

    def redeem(self, link: str, session: Credential) -> Person:
        """Exchange a link for a session, once."""
        body = {"link": link, "session": asdict(session)}
        person: Person = parse(Person, self._wire.post("/api/credentials/redeem", body, again=False))
        return person

    def delete_credential(self, digest: str) -> None:
        """End a session, revoke a key, take a link back."""
        self._wire.call("DELETE", f"/api/credentials/{segment(digest)}", again=False)
