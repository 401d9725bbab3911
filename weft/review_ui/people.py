"""Who looks at the pages: the gate in front told it with the connection, and nobody else can."""

from __future__ import annotations

import streamlit as st

from weft.records import Role


def signed_in() -> str | None:
    """The name of the person who signed in; None where nobody is asked to, or the server's own key opened."""
    return st.context.headers.get("X-Weft-Person") or None


def role() -> Role:
    """What they may do; the local user and who has the server's own key may do all."""
    told = st.context.headers.get("X-Weft-Role")
    if signed_in() is None:
        return Role.ADMIN
    try:
        return Role(told or "")
    except ValueError:
        return Role.REVIEWER
