"""What every page is made of: head, facts, texts, empty states, errors, the way to another page."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from weft import formatting as fmt
from weft import ids
from weft.errors import NotFoundError, WeftError
from weft.review_ui.markup import Markup, join
from weft.review_ui.markup import element as element

_LOG = logging.getLogger("weft.review_ui")
_PAGES: dict[str, Any] = {}


def register(pages: Mapping[str, Any]) -> None:
    """Tell :func:`link` which page stands at which path, each time the script runs."""
    _PAGES.update(pages)


def parameter(name: str, default: str = "") -> str:
    """A parameter of the page's address."""
    return st.query_params.get(name, default) or default


def remember(name: str, value: str | None) -> None:
    """Put a parameter into the address, or take it out."""
    if value:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def filters() -> Any:
    """The row in which filters stand side by side, and wrap on a narrow page."""
    return st.container(horizontal=True, gap="small")


def filter_text(label: str, name: str, placeholder: str = "", width: int | Literal["stretch"] = 420) -> str:
    """A text field whose value lives in the address."""
    key = _from_address(name, parameter(name))
    text: str = st.text_input(label, placeholder=placeholder, key=key, label_visibility="collapsed", width=width)
    text = text.strip()
    _to_address(name, text)
    return text


def filter_choice(label: str, name: str, options: Sequence[str], default: str = "", width: int = 200) -> str:
    """A select box whose value lives in the address; without a default the first entry, ``any``, filters nothing."""
    choices = list(options) if default else ["", *options]
    current = parameter(name, default)
    key = _from_address(name, current if current in choices else choices[0])
    value: str = st.selectbox(
        label,
        choices,
        format_func=lambda option: f"{label}: {option or 'any'}",
        key=key,
        label_visibility="collapsed",
        width=width,
    )
    _to_address(name, value, default)
    return value


def _from_address(name: str, value: str) -> str:
    """The key of a field, whose value is set where the address changed since the field was last drawn: by a link, or
    the browser's back button."""
    key, drawn = f"filter-{name}", f"drawn-{name}"
    if key not in st.session_state or st.session_state.get(drawn) != value:
        st.session_state[key] = value
    return key


def _to_address(name: str, value: str, default: str = "") -> None:
    st.session_state[f"drawn-{name}"] = value
    remember(name, None if value == default else value)


def chips(label: str, entries: Sequence[tuple[str, str, bool]]) -> None:
    """A row of small links: text, address, whether it is the chosen one."""
    links = [
        element(
            "a", text, class_="w-chip w-on" if on else "w-chip", href=href, **({"aria_current": "true"} if on else {})
        )
        for text, href, on in entries
    ]
    show(element("div", *([element("span", label, class_="w-soft")] if label else []), *links, class_="w-chips"))


def show(markup: Markup) -> None:
    """Put markup on the page."""
    st.html(markup)


def zone() -> tzinfo:
    """The reader's time zone, as the browser told it; UTC where it did not."""
    name = getattr(st.context, "timezone", None)
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, ZoneInfoNotFoundError):
        return UTC


def moment(ns: int | None) -> str:
    """An absolute time in the reader's zone."""
    return fmt.moment(ns, zone())


def ago(ns: int | None) -> str:
    """A time relative to now within a day, else the date in the reader's zone."""
    return fmt.ago(ns, zone=zone())


def when(ns: int | None) -> Markup:
    """A time as :func:`ago` writes it, the absolute one behind it."""
    return element("span", ago(ns), title=moment(ns))


def identified(identifier: str) -> Markup:
    """An id that a click copies (the frame's script does it)."""
    return element("button", identifier, class_="w-id", type="button", title="Copy")


def named(title: str, *, headed: bool = False) -> None:
    """Name the browser's tab by the page and what it shows: ``Run baseline · Weft``; ``headed``: the page has a heading
    of its own making."""
    st.session_state["headed"] = headed
    page = str(st.session_state.get("page_title", ""))
    words = title if title.startswith(page) else f"{page} {title}"
    st.set_page_config(page_title=f"{words} · Weft")


def head(title: str, note: Markup | str = "", identifier: str = "") -> None:
    """The page's title with its id and a quiet note."""
    named(title)
    st.session_state["headed"] = True
    parts = [element("h1", title)]
    if identifier:
        parts.append(identified(identifier))
    if note:
        parts.append(element("span", note, class_="w-soft"))
    show(element("div", *parts, class_="w-head"))


def facts(pairs: Mapping[str, Markup | str | None]) -> None:
    """A line of small facts; those that are None are left out."""
    show(
        element(
            "div",
            *(element("span", element("b", k), v) for k, v in pairs.items() if v is not None),
            class_="w-facts",
        )
    )


def figures(rows: Sequence[tuple[str, str, str]], hrefs: Mapping[str, str] | None = None) -> None:
    """Key figures side by side: name, value, note; ``hrefs`` has the page that a figure of this name leads to."""
    cards = [
        element(
            "a" if name in (hrefs or {}) else "div",
            element("div", name, class_="w-name"),
            element("div", value, class_="w-value"),
            element("div", note or "\u00a0", class_="w-hint"),
            href=(hrefs or {}).get(name),
        )
        for name, value, note in rows
    ]
    show(element("div", *cards, class_="w-figures"))


def section(title: str) -> None:
    """A section's heading."""
    show(element("div", title, class_="w-section"))


def note(text: str, *, tone: str = "", bold: str = "") -> None:
    """A sentence with a line at its side; ``tone`` is good, warn, error or nothing."""
    children = [element("b", bold + " "), text] if bold else [text]
    show(element("div", *children, class_=f"w-note w-{tone}" if tone else "w-note"))


def tell(sentence: str) -> None:
    """Draw the page anew with what was done above it."""
    st.session_state["told"] = sentence
    st.rerun()


def told() -> None:
    """What was done by the click before, once."""
    sentence = st.session_state.pop("told", None)
    if sentence:
        note(sentence, tone="good")


def keys(pairs: Mapping[str, str], *, back: str = "", line: bool = True) -> None:
    """The keys of the page, in one ``line`` too; ``?`` lists them with those that work everywhere, ``esc`` opens
    ``back``."""
    st.session_state["keys"] = (dict(pairs), back)
    if not line:
        return
    parts: list[str] = []
    for key, meaning in {**pairs, "?": "all keys"}.items():
        parts += [element("span", element("kbd", key), f" {meaning}")]
    show(element("div", *parts, class_="w-keys"))


def quoted(text: str) -> str:
    """A name as a string of Python, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)


def python(code: str) -> None:
    """The lines that load what is on the page, folded away."""
    with st.expander("Load this in Python"):
        st.code("import weft\n" + code, language="python")


def content(label: str, value: Any, *, bad: bool = False) -> None:
    """An input or output: a chat as chat, a text as text, all else as JSON."""
    chat = fmt.messages(value)
    if chat is not None:
        show(join([element("div", label, class_="w-label"), chat_markup(chat)]))
        return
    if value is None:
        show(join([element("div", label, class_="w-label"), element("div", fmt.MISSING, class_="w-soft")]))
        return
    text = fmt.text(value)
    is_json = (not isinstance(value, str) and text.startswith(("{", "["))) or isinstance(value, int | float)
    classes = "w-text" + (" w-mono" if is_json else "") + (" w-bad" if bad else "")
    show(join([element("div", label, class_="w-label"), element("div", text, class_=classes)]))


def chat_markup(chat: Sequence[Mapping[str, str]]) -> Markup:
    """The messages of a chat."""
    rows = [
        element(
            "div",
            element("div", message["role"], class_="w-label"),
            element("div", message["text"], class_="w-said"),
            class_="w-assistant" if message["role"] == "assistant" else None,
        )
        for message in chat
    ]
    return element("div", *rows, class_="w-chat")


def pairs(values: Mapping[str, Any]) -> None:
    """Names and JSON values, one a line."""
    cells: list[str] = []
    for name, value in values.items():
        cells += [
            element("div", name, title=name),
            element("div", fmt.text(value) if value is not None else fmt.MISSING),
        ]
    show(element("div", *cells, class_="w-kv"))


def status(word: str) -> Markup:
    """A status with its mark: colour, shape and word."""
    tone = {"finished": "good", "ok": "good", "failed": "bad", "error": "bad", "crashed": "bad", "running": "accent"}
    marks = {"failed": "▲", "error": "▲", "crashed": "✕", "preempted": "◇", "running": "◐", "waiting": "○"}
    mark = marks.get(word, "●")
    return element("span", element("span", mark, class_=f"w-{tone.get(word, 'soft')}"), " " + word)


def link(label: str, href: str) -> None:
    """A link to another page that keeps the app loaded."""
    parts = urlsplit(href)
    st.page_link(_PAGES[parts.path], label=fmt.plain(label), query_params=dict(parse_qsl(parts.query)))


def links(targets: Mapping[str, str]) -> None:
    """Links side by side."""
    with st.container(horizontal=True):
        for label, href in targets.items():
            link(label, href)


def pager(cursor: str | None) -> None:
    """The ways to the first and to the next page of a list; the place lives in the address."""
    here = parameter("after")
    if not here and cursor is None:
        return
    with st.container(horizontal=True):
        if here and st.button("First page", key="pager-first"):
            remember("after", None)
            st.rerun()
        if cursor is not None and st.button("Next page", key="pager-next"):
            remember("after", cursor)
            st.rerun()


def empty(sentence: str, code: str) -> None:
    """An empty page: one sentence, and the lines of code that would fill it."""
    _headed()
    show(element("div", sentence, class_="w-soft"))
    code = code.replace('"my-project"', json.dumps(st.session_state.get("project") or "my-project", ensure_ascii=False))
    st.code(code, language="python")


def _headed() -> None:
    """A heading, where what went wrong was before the page's own."""
    if not st.session_state.get("headed"):
        head(str(st.session_state.get("page_title", "")))


def _way_back() -> None:
    """The list that the page's object is of, or would be."""
    title, path = st.session_state.get("page_list") or ("", "")
    if path:
        link(f"All {title.lower()}", path)


def guarded(page: Callable[[], None]) -> Callable[[], None]:
    """A page that shows what went wrong and what to do about it, never a traceback."""

    @functools.wraps(page)
    def run() -> None:
        try:
            page()
        except WeftError as error:
            late = "It may not be stored yet, or it was deleted: reload in a moment."
            remedy = error.remedy or (late if isinstance(error, NotFoundError) else "")
            _headed()
            note(remedy, tone="error", bold=error.message)
            show(element("div", error.code, class_="w-keys"))
            _way_back()
        except Exception:  # noqa: BLE001 - a page must say that it failed and where to look, whatever failed
            number = ids.new_id()
            _LOG.exception("page %s failed, error %s", page.__name__, number)
            _headed()
            note(
                "Reload it; if it stays, the server's log has the details under", tone="error", bold="This page failed."
            )
            st.code(number, language=None)

    return run
