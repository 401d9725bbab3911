"""Numbers, times and texts as the pages write them; what is missing is an en dash, never a zero."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, tzinfo
from typing import Any

from weft import clock

MISSING = "–"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def number(value: float | None, digits: int = 3) -> str:
    """``value`` with ``digits`` significant digits, thousands grouped: ``1,234``, ``0.812``, ``1.2e-5``."""
    if value is None or not math.isfinite(value):
        return MISSING if value is None else {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 1e-4:
        mantissa, exponent = f"{value:.{digits - 2}e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:#.{digits}g}".rstrip(".")


def count(value: float | None) -> str:
    """A count: ``1,234`` below 100,000, then ``1.2 M``-like."""
    if value is None:
        return MISSING
    if abs(value) < 100_000:
        return f"{round(value):,}"
    for unit, size in (("G", 1e9), ("M", 1e6)):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.1f} {unit}"
    return f"{value / 1e3:.0f} k"


def duration(ns: float | None) -> str:
    """Nanoseconds as ``340 ms``, ``2.1 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    if ns is None:
        return MISSING
    seconds = ns / 1e9
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms" if seconds < 0.00995 else f"{seconds * 1e3:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def usd(value: float | None) -> str:
    """A price: ``$0.0042``, ``$12.40``; two significant digits below a dollar."""
    if value is None:
        return MISSING
    if value == 0:
        return "$0"
    if abs(value) >= 1:
        return f"${value:,.2f}"
    places = max(2, 1 - math.floor(math.log10(abs(value))))
    return f"${value:.{min(places, 10)}f}"


def percent(value: float | None) -> str:
    """A share of one with one decimal: ``81.0 %``."""
    return MISSING if value is None else f"{100 * value:.1f} %"


def interval(value: float | None, low: float | None = None, high: float | None = None, n: int | None = None) -> str:
    """A figure with its interval and n: ``0.81 [0.77, 0.85] n=200``."""
    if value is None:
        return MISSING if n is None else f"{MISSING} n={n:,}"
    text = f"{value:.2f}"
    if low is not None and high is not None:
        text += f" [{low:.2f}, {high:.2f}]"
    return text if n is None else f"{text} n={n:,}"


def size(value: float | None) -> str:
    """Bytes as ``912 B``, ``1.4 MB``."""
    if value is None:
        return MISSING
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.1f} {unit}"
    return f"{value:.0f} B"


def moment(ns: int | None, zone: tzinfo = UTC) -> str:
    """An absolute time, ISO to the second: ``2026-11-21 02:50:18Z``, in another zone ``2026-11-21 03:50:18+01:00``."""
    if ns is None:
        return MISSING
    written = datetime.fromtimestamp(ns // 10**9, zone).isoformat(" ")
    return written.removesuffix("+00:00") + "Z" if written.endswith("+00:00") else written


def ago(ns: int | None, now_ns: int | None = None, zone: tzinfo = UTC) -> str:
    """A time relative to now within a day (``4 min ago``), the date in ``zone`` behind it."""
    if ns is None:
        return MISSING
    seconds = ((clock.now_ns() if now_ns is None else now_ns) - ns) / 1e9
    if seconds < 0:
        return "now" if seconds > -5 else moment(ns, zone)
    if seconds < 5:
        return "now"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s ago"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min ago"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h ago"
    return datetime.fromtimestamp(ns // 10**9, zone).strftime("%Y-%m-%d %H:%M")


def text(value: Any) -> str:
    """A JSON value as readable text: strings as they are, one-key wrappers of one unwrapped, else indented JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        (only,) = value.values()
        if isinstance(only, str):
            return only
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def line(value: Any, limit: int = 160) -> str:
    """A JSON value on one line of at most ``limit`` characters."""
    if isinstance(value, dict | list) and messages(value) is not None:
        said = [part["text"] for part in messages(value) or [] if part["text"]]
        value = said[-1] if said else value
    raw = value if isinstance(value, str) else text(value) if value is None else _compact(value)
    flat = " ".join(raw[: 4 * limit].split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _compact(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        (only,) = value.values()
        if isinstance(only, str):
            return only
    return json.dumps(value, ensure_ascii=False, default=str)


def messages(value: Any) -> list[dict[str, str]] | None:
    """The messages of a chat as ``{"role", "text"}``, or None where ``value`` is not a chat.

    Takes a list of messages, ``{"messages": [...]}``, one message, and the parts of the OTel GenAI conventions.
    """
    if isinstance(value, dict):
        for key in ("messages", "choices"):
            if isinstance(value.get(key), list):
                return messages(value[key])
        if isinstance(value.get("message"), dict):
            return messages([value["message"]])
        value = [value]
    if not isinstance(value, list) or not value:
        return None
    rows = []
    for item in value:
        if isinstance(item, dict) and isinstance(item.get("message"), dict):
            item = item["message"]
        if not isinstance(item, dict) or not isinstance(item.get("role"), str):
            return None
        rows.append({"role": item["role"], "text": _said(item)})
    return rows


def _said(message: dict[str, Any]) -> str:
    content = message.get("content", message.get("parts"))
    parts = content if isinstance(content, list) else [content]
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif isinstance(part, dict):
            inner = part.get("text", part.get("content"))
            out.append(inner if isinstance(inner, str) else called(part))
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        out += [called(call) for call in calls]
    return "\n".join(out)


def called(call: Any) -> str:
    """A tool call of a message as ``name(arguments)``, whichever dialect it is in; all else as JSON."""
    inner = call.get("function") if isinstance(call, dict) else None
    spec = inner if isinstance(inner, dict) else call
    if not isinstance(spec, dict) or not isinstance(spec.get("name"), str) or "arguments" not in spec:
        return json.dumps(call, ensure_ascii=False, default=str)
    given = spec["arguments"]
    return f"{spec['name']}({given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)})"


def plain(label: str) -> str:
    """``label`` for widgets whose labels are Markdown, so that it is shown as it is.

    What Markdown reads is escaped; icon and emoji names (``:material/delete:``) are read after that, so a colon is
    followed by a word joiner, which has no width.
    """
    out = []
    for c in label:
        if c == ":":
            out.append("\\:\u2060")
        elif c in r"\`*_{}[]()#+-.!|~<>$^=&":
            out.append("\\" + c)
        else:
            out.append(" " if c in "\r\n\t" else c)
    return "".join(out)
