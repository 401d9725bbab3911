"""The HTML document of every page: Streamlit's own, with Weft's name and sign, told where its server is."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

# Two threads over two: what the browser shows beside the tab's name.
_SIGN = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><g stroke="#1a5fb4" stroke-width="2.4" fill="none">'
    '<path d="M5.5 1v14M10.5 1v3.6M10.5 11.4V15M10.5 6.2v3"/>'
    '<path stroke="#d55e00" d="M1 10.5h14M1 5.5h3.6M6.8 5.5H15"/></g></svg>'
)
# Streamlit's script looks for its server at the page's own path first, where it is never: two answers 404 in the
# console, and half a second until it tries the root. What a host tells in this way is asked before.
_SERVER = '<script>window.__streamlit = { BACKEND_BASE_URL: new URL("/", location.href).href };</script>'
_CHANGES = (
    (re.compile(r"<title>[^<]*</title>"), f"<title>Weft</title>{_SERVER}"),
    (
        re.compile(r'<link rel="shortcut icon"[^>]*>'),
        f'<link rel="shortcut icon" href="data:image/svg+xml,{quote(_SIGN)}">',
    ),
    (re.compile(r'<link\s+rel="preload"[^>]*as="font"[^>]*>'), ""),  # the pages use the system's own fonts
)


@cache
def document() -> bytes:
    """The document, UTF-8. What another version of Streamlit words differently stays as that has it."""
    spec = find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).with_name("static").joinpath("index.html").read_text("utf-8")
    for pattern, new in _CHANGES:
        text = pattern.sub(lambda _match, new=new: new, text, count=1)  # type: ignore[misc]
    return text.encode()
