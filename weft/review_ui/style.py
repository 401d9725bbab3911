"""The look that Streamlit's theme settings do not reach: density, cards, chat, key figures; light and dark."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

# Okabe-Ito and its extension, darkened or lightened to 3 to 1 on the page.
SERIES = {
    "light": ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a86f00", "#2b8fc9", "#6a51a3", "#5b6570"),
    "dark": ("#56b4e9", "#e69f00", "#2fc596", "#e08fbd", "#f0e442", "#e8743b", "#a78bda", "#9aa5b1"),
}
_LIGHT = {
    "ink": "#1b1f24", "soft": "#59626d", "line": "#dfe2e6", "wash": "#f4f5f7", "paper": "#ffffff", "accent": "#1a5fb4",
    "good": "#0b7a4b", "bad": "#b3261e", "warn": "#8a5a00",
}  # fmt: skip
_DARK = {
    "ink": "#e4e7eb", "soft": "#a3acb7", "line": "#343a42", "wash": "#1f2329", "paper": "#15181c", "accent": "#6cb0f5",
    "good": "#4cc38a", "bad": "#ff8a80", "warn": "#e5b454",
}  # fmt: skip

_CSS = Path(__file__).with_name("style.css").read_text("utf-8")


def theme() -> str:
    """``light`` or ``dark``, as the reader's browser shows the pages."""
    kind = getattr(st.context.theme, "type", None)
    return "dark" if kind == "dark" else "light"


def inject() -> None:
    """Put the style on the page; once a run of the script, before anything else."""
    values = _DARK if theme() == "dark" else _LIGHT
    variables = "".join(f"--w-{name}:{value};" for name, value in values.items())
    st.html(f"<style>:root{{{variables}}}{_CSS}</style>")


def point_at(path: str) -> None:
    """Mark a page in the sidebar as the one whose object is shown."""
    name = path.strip("/")  # Streamlit writes its links relative to the root
    link = f'[data-testid="stSidebar"] a[href^="{name}?"], [data-testid="stSidebar"] a[href="{name}"]'
    marked = "background: color-mix(in srgb, var(--w-line) 55%, transparent);"
    st.html(f"<style>:is({link}) {{ {marked} }} :is({link}) p {{ font-weight: 600; }}</style>")


def palette() -> tuple[str, ...]:
    """The colours of series, as the reader's browser shows the pages."""
    return SERIES[theme()]


def colours(run_ids: list[str]) -> dict[str, str]:
    """A colour for each run, which follows from its id alone: the same on every page and in every selection."""
    shades = palette()
    return {run_id: shades[place(run_id) % len(shades)] for run_id in run_ids}


def place(run_id: str) -> int:
    """FNV-1a over the characters, its halves folded; components/colours.js counts alike."""
    number = 0x811C9DC5
    for character in run_id:
        number = ((number ^ ord(character)) * 0x01000193) & 0xFFFFFFFF
    return number ^ (number >> 16)
