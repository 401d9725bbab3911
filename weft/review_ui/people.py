"""Who looks at the pages: the gate in front told it with the connection, and nobody else can."""

from __future__ import annotations

import streamlit as st

from weft.records import Role
from weft.review_ui import data


def signed_in() -> str | None:
    """The name of the person who signed in; None where nobody is asked to, or the server's own key opened."""
    return st.context.headers.get("X-Weft-Person") or None


def role() -> Role | None:
    """What they may do; the local user and who has the server's own key may do all.

    It is asked anew each time: a page that stays open must not outlast its person. None where they were removed.
    """
    name = signed_in()
    if name is None:
        return Role.ADMIN
    return next((person.role for person in data.store().people.list_people() if person.name == name), None)
