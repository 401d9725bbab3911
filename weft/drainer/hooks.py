"""Hooks are told of the registry's decisions: signed, tried again, by whoever drains; no decision waits for it.

Where a hook leads is looked up anew each time, and the address that was looked at is the one that is called: a name
that changes its address in between leads nowhere else. Redirects are not followed.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from weft.records import RegistryEvent, dumps

if TYPE_CHECKING:
    from weft.store.registry import SqlRegistry
    from weft.store.registry_hooks import Due

SIGNATURE = "X-Weft-Signature-256"
MOST_TRIES = 12
_LEASE_S = 60.0
_TIMEOUT_S = 10.0
_LONGEST_WAIT_S = 3600.0
_EVERYWHERE = "*"
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: IPv4 addresses behind a translator
_log = logging.getLogger("weft")


class ForbiddenAddressError(Exception):
    """A hook leads to a place that hooks may not reach."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which private hosts hooks may reach: names or addresses as the hook writes them, or ``*``."""

    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str) -> Policy:
        """The policy out of the setting, names by commas."""
        return cls(frozenset(name.strip().lower() for name in text.split(",") if name.strip()))

    def address(self, url: str) -> str:
        """The address to call for a URL. Raises ForbiddenAddressError, OSError where the name is unknown."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host:
            raise ForbiddenAddressError(f"{url!r} is no address of http or https")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        if _EVERYWHERE not in self.hosts and host.lower() not in self.hosts:
            private = [address for address in found if not _is_public(address)]
            if private:
                raise ForbiddenAddressError(
                    f"{host} is the private address {private[0]}; WEFT_HOOK_HOSTS names those that hooks may reach"
                )
        return found[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(str(address.ipv4_mapped))
        if address.sixtofour is not None or address.teredo is not None or address in _TRANSLATED:
            return False
    return address.is_global and not address.is_multicast


def signature(secret: str, body: bytes) -> str:
    """What the receiver computes again: HMAC-SHA256 (RFC 2104) of the body, as ``sha256=`` and hex."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def body_of(due: Due) -> bytes:
    """What a hook is sent: the event as JSON, and the delivery's id, which stays the same when it is tried again."""
    event = due.event
    told = {name: getattr(event, name) for name in RegistryEvent.__slots__}
    ref = None if event.version is None else f"registry/{event.name}:v{event.version}"
    return dumps({"delivery_id": due.delivery.delivery_id, "ref": ref, **told})


def send(due: Due, policy: Policy, client: httpx.Client) -> dict[str, Any]:
    """Tell a hook once; what came of it: ``ok`` with ``status``, or ``error``; ``final`` where no other try helps."""
    body = body_of(due)
    parts = urlsplit(due.url)
    try:
        address = policy.address(due.url)
    except ForbiddenAddressError as error:
        return {"ok": False, "error": str(error), "final": True}
    except (OSError, ValueError) as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "User-Agent": "weft",
        "X-Weft-Event": due.event.action.value,
        "X-Weft-Delivery": due.delivery.delivery_id,
        SIGNATURE: signature(due.secret, body),
    }
    try:
        request = client.build_request(
            "POST",
            httpx.URL(due.url).copy_with(host=address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": parts.hostname or ""},
        )
        answer = client.send(request, stream=True)
        answer.close()  # nothing in it matters, and it may have no end
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"[:300]}
    return {"ok": answer.is_success, "status": answer.status_code}


def tell_all(deliveries: SqlRegistry, policy: Policy, client: httpx.Client) -> int:
    """Tell what is due now; how many were tried. Raises what the store raises."""
    due = deliveries.take_deliveries(lease_s=_LEASE_S)
    for one in due:
        attempt = send(one, policy, client)
        tries = len(one.delivery.attempts) + 1
        done = attempt["ok"] or attempt.pop("final", False) or tries >= MOST_TRIES
        again_s = None if done else min(2.0 ** (tries - 1), _LONGEST_WAIT_S)
        deliveries.settle_delivery(one.delivery.delivery_id, attempt, again_s=again_s)
        if again_s is None and not attempt["ok"]:
            _log.warning("A hook was not told of %s: %s", one.event.name, attempt.get("error") or attempt["status"])
    return len(due)


def new_client() -> httpx.Client:
    """A client without proxies, redirects and memory."""
    return httpx.Client(timeout=httpx.Timeout(_TIMEOUT_S), follow_redirects=False, trust_env=False)
