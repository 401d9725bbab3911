"""What the router sees of a ticket."""

import re

_WORD = re.compile(r"[a-z]+", re.IGNORECASE)


def features(text: str) -> list[str]:
    """The words of a ticket."""
    return [word.lower() for word in _WORD.findall(text)]
