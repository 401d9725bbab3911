"""The look that Streamlit's theme settings do not reach: density, cards, chat, key figures; light and dark."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

# Okabe-Ito and its extension, darkened or lightened to 3 to 1 on the page.
SERIES = {
    "light": ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a86f00", "#2b8fc9", "#6a51a3", "#5b6570"),
    "dark": ("#56b4e9", "#e69f00", "#2fc596", "#e08fbd", "#f0e442", "#e8743b", "#a78bda", "#9aa5b1"),
}
DASHES = ("solid", "dash", "dot", "dashdot")
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


def colours(run_ids: list[str]) -> dict[str, str]:
    """A colour for each run, the same one on every page: drawn from its id, neighbours pushed apart."""
    palette = SERIES[theme()]
    taken: dict[str, str] = {}
    for run_id in run_ids:
        wish = sum(ord(c) * (i + 1) for i, c in enumerate(run_id)) % len(palette)
        free = [palette[(wish + k) % len(palette)] for k in range(len(palette))]
        used = list(taken.values())
        taken[run_id] = next((colour for colour in free if colour not in used), palette[wish])
    return taken
