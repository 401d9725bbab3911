"""The costly part of redaction: secrets recognised by their shape, taken out in the drainer before anything is stored.

Redaction by key happened in the caller. Shapes are those that their makers document: ``sk-`` keys of OpenAI and
Anthropic, ``AKIA`` key ids of AWS, ``gh?_`` tokens of GitHub, ``xox?-`` tokens of Slack, ``AIza`` keys of Google,
bearer tokens, JSON web tokens (RFC 7519) and PEM private keys (RFC 7468). E-mail addresses only where asked.
"""

from __future__ import annotations

import re

from weft.records.codec import RecordType

REDACTED = b"[redacted]"

_SECRET = re.compile(
    rb"""
      \bsk-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{16,}
    | \bAKIA[0-9A-Z]{16}\b
    | \bgh[pousr]_[A-Za-z0-9]{30,}
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,}
    | \bAIza[A-Za-z0-9_-]{35}
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}
    | (?<=[Bb]earer[ ])[A-Za-z0-9._~+/-]{16,}=*
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|(?="))
    """,
    re.VERBOSE | re.DOTALL,
)
# A cheap look first: most payloads hold none of these.
_HINTS = (b"sk-", b"AKIA", b"gh", b"xox", b"AIza", b"eyJ", b"earer ", b"PRIVATE KEY")
_EMAIL = re.compile(rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_SCRUBBED = frozenset(
    {
        *(RecordType.SPAN, RecordType.RUN, RecordType.CONSOLE, RecordType.SAMPLE, RecordType.SCORE, RecordType.VERSION),
        *(RecordType.OTLP_TRACES_JSON, RecordType.OTLP_LOGS_JSON),
    }
)


def scrub(record_type: int, payload: bytes, *, emails: bool = False) -> bytes:
    """``payload`` without the secrets that its texts hold; it stays JSON, for what goes and comes is plain ASCII.

    OTLP in protobuf passes unchanged: its lengths would no longer fit. :mod:`weft.otlp.scrubbing` knows how.
    """
    return clean(payload, emails=emails) if record_type in _SCRUBBED else payload


def clean(data: bytes, *, emails: bool = False) -> bytes:
    """``data`` without the secrets in it; the same object where there are none."""
    if any(hint in data for hint in _HINTS):
        data = _without(_SECRET, data)
    return _without(_EMAIL, data) if emails and b"@" in data else data


def _without(pattern: re.Pattern[bytes], data: bytes) -> bytes:
    cleaned, found = pattern.subn(REDACTED, data)
    return cleaned if found else data
