"""Components as Streamlit knows them: the files beside this one, with what they share in front."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


@cache
def renderer(name: str, *parts: str) -> Any:
    """The mounting command of the component whose files are ``name.js`` and ``name.css``.

    ``parts`` are files that it shares with others: scripts, and styles of the same name where there are some.
    """
    scripts = [(_HERE / f"{part}.js").read_text("utf-8") for part in ("navigate", *parts, name)]
    styles = [path.read_text("utf-8") for part in (*parts, name) if (path := _HERE / f"{part}.css").exists()]
    return st.components.v2.component(
        f"weft_{name}", html='<div class="root"></div>', css="".join(styles), js="".join(scripts)
    )
