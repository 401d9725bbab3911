"""The workbench's pages, as a Streamlit app that a server mounts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.errors import MissingExtraError

APP = Path(__file__).with_name("app.py")


def asgi_app() -> Any:
    """The pages as an ASGI app (``streamlit.App``): mount it behind the API and pass on its ``lifespan()``.

    Raises MissingExtraError where Streamlit is not installed. One such app a process: Streamlit keeps its
    configuration per process.
    """
    try:
        import streamlit as st  # noqa: PLC0415 - an optional extra, heavy to import
    except ImportError:
        raise MissingExtraError("streamlit", "server") from None
    return st.App(APP)
