"""The part of the contract that is about people and what proves who they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from weft import clock
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import Credential, CredentialKind, Identity, Person, Role
from weft.records.people import new_token, token_digest
from weft.repositories import Store

_HOUR_NS = 3600 * 1_000_000_000


def _issue(store: Store, kind: CredentialKind, **fields: object) -> str:
    token = new_token(kind)
    store.people.add_credential(Credential(token_digest(token), kind, **fields))  # type: ignore[arg-type]
    return token


class PeopleContract:
    """People, links, sessions, keys."""

    def test_people_are_added_once_changed_and_removed(self, store: Store) -> None:
        people = store.people
        ada = people.add_person(Person("ada", Role.ADMIN, 5))
        assert (ada, people.add_person(Person("Bo B")).role) == (Person("ada", Role.ADMIN, 5), Role.MEMBER)
        assert [person.name for person in people.list_people()] == ["Bo B", "ada"]
        with pytest.raises(ConflictError, match="somebody named 'ada' already"):
            people.add_person(Person("ada"))
        with pytest.raises(InputError, match="cannot be a person's"):
            people.add_person(Person("a\nb"))
        assert people.set_role("ada", Role.REVIEWER).role is Role.REVIEWER
        people.remove_person("ada")
        with pytest.raises(NotFoundError, match="nobody named 'ada'"):
            people.set_role("ada", Role.ADMIN)
        with pytest.raises(NotFoundError, match="nobody named 'ada'"):
            people.remove_person("ada")

    def test_a_key_says_whose_it_is_until_it_is_revoked(self, store: Store) -> None:
        people = store.people
        people.add_person(Person("ada", Role.REVIEWER))
        token = _issue(store, CredentialKind.KEY, person="ada", label="laptop")
        digest = token_digest(token)
        assert people.identify(CredentialKind.KEY, digest) == Identity("ada", Role.REVIEWER)
        assert people.identify(CredentialKind.SESSION, digest) is None
        assert people.identify(CredentialKind.KEY, token) is None  # the token itself is nowhere
        people.set_role("ada", Role.ADMIN)
        assert people.identify(CredentialKind.KEY, digest) == Identity("ada", Role.ADMIN)
        [kept] = people.list_credentials(CredentialKind.KEY, person="ada")
        assert (kept.label, kept.person, kept.digest) == ("laptop", "ada", digest)
        assert people.list_credentials(CredentialKind.KEY, person="bo") == []
        people.delete_credential(kept.credential_id)
        assert people.identify(CredentialKind.KEY, digest) is None
        with pytest.raises(NotFoundError, match="no credential"):
            people.delete_credential(kept.credential_id)

    def test_a_project_has_keys_of_its_own(self, store: Store) -> None:
        digest = token_digest(_issue(store, CredentialKind.KEY, project="shop"))
        assert store.people.identify(CredentialKind.KEY, digest) == Identity(None, Role.REVIEWER, "shop")

    def test_a_link_is_good_for_one_session(self, store: Store) -> None:
        people = store.people
        people.add_person(Person("ada"))
        link = token_digest(_issue(store, CredentialKind.LINK, person="ada"))
        sessions = [token_digest(new_token(CredentialKind.SESSION)) for _ in range(4)]

        def take(digest: str) -> Person | None:
            try:
                return people.redeem(link, Credential(digest, CredentialKind.SESSION))
            except NotFoundError:
                return None

        with ThreadPoolExecutor(4) as pool:
            taken = list(pool.map(take, sessions))
        assert [person.name for person in taken if person] == ["ada"]
        known = [people.identify(CredentialKind.SESSION, digest) for digest in sessions]
        assert [identity for identity in known if identity] == [Identity("ada", Role.MEMBER)]
        with pytest.raises(NotFoundError, match="was used, or has expired"):
            people.redeem(link, Credential(token_digest("x"), CredentialKind.SESSION))

    def test_what_has_expired_opens_nothing(self, store: Store) -> None:
        people, now = store.people, clock.now_ns()
        people.add_person(Person("ada"))
        key = token_digest(_issue(store, CredentialKind.KEY, person="ada", expires_ns=now - 1))
        link = token_digest(_issue(store, CredentialKind.LINK, person="ada", expires_ns=now - 1))
        later = token_digest(_issue(store, CredentialKind.KEY, person="ada", expires_ns=now + _HOUR_NS))
        assert people.identify(CredentialKind.KEY, key) is None
        assert people.identify(CredentialKind.KEY, later) == Identity("ada", Role.MEMBER)
        with pytest.raises(NotFoundError, match="was used, or has expired"):
            people.redeem(link, Credential(token_digest("x"), CredentialKind.SESSION))

    def test_who_is_removed_is_out(self, store: Store) -> None:
        store.people.add_person(Person("ada"))
        digest = token_digest(_issue(store, CredentialKind.SESSION, person="ada"))
        store.people.remove_person("ada")
        store.people.add_person(Person("ada"))
        assert store.people.identify(CredentialKind.SESSION, digest) is None

    def test_a_credential_has_one_owner(self, store: Store) -> None:
        digest = token_digest("x")
        with pytest.raises(InputError, match="belongs to a person or to a project"):
            store.people.add_credential(Credential(digest, CredentialKind.KEY))
        with pytest.raises(InputError, match="SHA-256 in hex"):
            store.people.add_credential(Credential("short", CredentialKind.KEY, project="p"))
        with pytest.raises(NotFoundError, match="nobody named 'ada'"):
            store.people.add_credential(Credential(digest, CredentialKind.KEY, person="ada"))
