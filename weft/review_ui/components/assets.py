"""Components as Streamlit knows them: the files beside this one, with what they share in front."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


@cache
def renderer(name: str) -> Any:
    """The mounting command of the component whose files are ``name.js`` and ``name.css``."""
    return st.components.v2.component(
        f"weft_{name}",
        html='<div class="root"></div>',
        css=(_HERE / f"{name}.css").read_text("utf-8"),
        js=(_HERE / "navigate.js").read_text("utf-8") + (_HERE / f"{name}.js").read_text("utf-8"),
    )
