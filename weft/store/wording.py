"""The words of a text, as the word index (:mod:`weft.store.words`) has them; nothing here asks a database."""

from __future__ import annotations

import re
import unicodedata

MOST = 250_000
_ASCII = "".join(chr(n).lower() if chr(n).isalnum() else " " for n in range(128))
_MARKS = re.compile("[\u0300-\u036f]+")
_SINGLE = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])")
_NO_WORD = re.compile(r"[\W_]+")
_ESCAPES = (r"\\", r"\"", r"\n", r"\t", r"\r", r"\/", r"\b", r"\f")
_CODE = re.compile(r"\\u([0-9a-fA-F]{4})")


def plain(text_: str) -> str:
    """The words of a text, with spaces between."""
    if text_.isascii():
        return text_.translate(_ASCII)
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text_)).casefold()
    # Hangul falls apart into its letters; they are put together again before each syllable becomes a word.
    return _NO_WORD.sub(" ", _SINGLE.sub(r" \1 ", unicodedata.normalize("NFC", bare)))


def of_span(name: str, input_json: str | None, output_json: str | None) -> tuple[str, str | None]:
    """What is indexed of a span's input and of its output (None where there is none): words, spaces between."""
    head = plain(name[:MOST])
    found = [None if one is None else f"{head}\n{plain(_unescaped(one[:MOST]))}" for one in (input_json, output_json)]
    return found[0] or head, found[1]


def _unescaped(json_text: str) -> str:
    if "\\" not in json_text:
        return json_text
    for escape in _ESCAPES:  # an escaped backslash first, so that what follows it is no escape
        json_text = json_text.replace(escape, " ")
    return _CODE.sub(lambda match: chr(int(match[1], 16)), json_text) if "\\u" in json_text else json_text
