"""The outcome of ``weft eval`` for machines and people: JSON, JUnit and Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from weft.evals.baselines import FORMAT, to_data
from weft.evals.checks import Check, ExitCode, Flips
from weft.evals.gates import Outcome, worst
from weft.evals.measured import MEASURES, Measured, MeasuredExample
from weft.records import dumps
from weft.statistics import Aggregate

MARKER = "<!-- weft eval: {title} -->"
_SIGNS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.INCONCLUSIVE: "⚠️", Outcome.ERROR: "🛑"}
_FLIPS = 20
_WIDTH = 160
_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = re.compile(r"([\\`*_{}\[\]#+!|~])")


def as_json(checks: Sequence[Check], code: ExitCode, *, level: float) -> dict[str, Any]:
    """All that was found; with the scores of every example, so that it serves as a baseline and as a shard."""
    return {
        "weft": "evaluation",
        "format": FORMAT,
        "outcome": str(worst(check.outcome for check in checks)),
        "exit_code": int(code),
        "evaluations": [_check_data(check, level) for check in checks],
    }


def _check_data(check: Check, level: float) -> dict[str, Any]:
    return {
        **to_data(check.measured),
        "outcome": str(check.outcome),
        "passed": check.outcome in (Outcome.PASS, Outcome.INCONCLUSIVE),
        "summary": {name: figure.as_dict() for name, figure in figures(check, level).items()},
        "verdicts": [verdict.as_data() for verdict in check.verdicts],
        "baseline": None if check.baseline is None else check.baseline.name,
        "flips": [{"metric": f.metric, "gained": f.gained, "lost": f.lost} for f in check.flips],
        "warnings": check.warnings,
    }


def figures(check: Check, level: float) -> dict[str, Aggregate]:
    """The aggregates of all metrics and of the measures that were taken."""
    found = {name: check.measured.figure(name, level=level) for name in check.measured.known}
    return {name: figure for name, figure in found.items() if figure.n or name not in MEASURES}


def as_junit(checks: Sequence[Check], *, fail_inconclusive: bool = False) -> str:
    """A suite an evaluation, a case a gate: FAIL is a failure, ERROR an error; an undecided gate is skipped, or a
    failure where that is asked."""
    suites = ElementTree.Element("testsuites", name="weft eval")
    for check in checks:
        suite = ElementTree.SubElement(suites, "testsuite", name=_xml(check.measured.name))
        counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        cases = [(v.gate, v.outcome, v.sentence) for v in check.verdicts]
        if not cases:
            told = "" if check.outcome is Outcome.PASS else "No sample got an answer."
            cases = [("the evaluation ran", check.outcome, told)]
        for name, outcome, sentence in cases:
            counts["tests"] += 1
            case = ElementTree.SubElement(suite, "testcase", classname=_xml(check.measured.name), name=_xml(name))
            kind = {Outcome.FAIL: "failure", Outcome.ERROR: "error"}.get(outcome, "")
            if outcome is Outcome.INCONCLUSIVE:
                kind = "failure" if fail_inconclusive else "skipped"
            if kind:
                counts[{"failure": "failures", "error": "errors"}.get(kind, kind)] += 1
                ElementTree.SubElement(case, kind, message=_xml(f"{outcome}: {sentence}"))
            else:
                ElementTree.SubElement(case, "system-out").text = _xml(sentence)
        suite.attrib.update({key: str(count) for key, count in counts.items()})
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def as_markdown(checks: Sequence[Check], *, level: float, title: str = "Evaluations") -> str:
    """A summary for a pull request: the verdicts, the figures, the flips. What users named is escaped."""
    outcome = worst(check.outcome for check in checks)
    lines = [MARKER.format(title=_comment(title)), f"## {_SIGNS[outcome]} {_text(title)}: {outcome}", ""]
    for check in checks:
        lines += _section(check, level)
    return "\n".join(lines).rstrip() + "\n"


def _section(check: Check, level: float) -> list[str]:
    measured = check.measured
    name = f"[{_text(measured.name)}]({_url(measured.url)})" if _url(measured.url) else _text(measured.name)
    against = f", against {_text(check.baseline.name)}" if check.baseline and check.baseline.measured else ""
    lines = [f"### {name}", "", f"Target {_text(measured.target)}, {len(measured.examples):,} examples{against}.", ""]
    lines += [f"> ⚠️ {_text(warning)}\n" for warning in check.warnings]
    if check.verdicts:
        lines += ["| | gate | why |", "|---|---|---|"]
        lines += [
            f"| {_SIGNS[v.outcome]} {v.outcome} | {_text(v.gate)} | {_text(v.sentence)} |" for v in check.verdicts
        ]
        lines.append("")
    found = figures(check, level)
    if found:
        lines += [f"| metric | value | {level:.0%} interval | n | missing |", "|---|--:|--:|--:|--:|"]
        lines += [
            f"| {_text(metric)} | {' | '.join(figure_cells(figure))} | {figure.n} | {figure.missing} |"
            for metric, figure in found.items()
        ]
        lines.append("")
    for flip in check.flips:
        lines += _flips(flip, measured)
    return lines


def figure_cells(figure: Aggregate) -> tuple[str, str]:
    """The value and the interval of a figure, as they are shown."""
    value = "–" if figure.value is None else f"{figure.value:.4g}"
    if figure.low is None and figure.high is None:
        return value, "–"
    return value, " to ".join("?" if end is None else f"{end:.4g}" for end in (figure.low, figure.high))


def _flips(flip: Flips, measured: Measured) -> list[str]:
    """The examples by id; with what was asked and answered where texts were asked for."""
    metric = _text(flip.metric)
    if not flip.gained and not flip.lost:
        return [f"{metric}: no example flipped.", ""]
    lines = [f"<details><summary>{metric}: {len(flip.lost)} lost, {len(flip.gained)} gained</summary>", ""]
    for what, ids in (("lost", flip.lost), ("gained", flip.gained)):
        more = f" and {len(ids) - _FLIPS:,} more" if len(ids) > _FLIPS else ""
        if any(measured.examples[example].texts for example in ids[:_FLIPS]):
            lines += [f"- {what}: {_code(example)} {_exchange(measured.examples[example])}" for example in ids[:_FLIPS]]
            lines += [f"- {what}:{more}"] if more else []
        elif ids:
            lines.append(f"- {what}: " + ", ".join(_code(example) for example in ids[:_FLIPS]) + more)
    return [*lines, "", "</details>", ""]


def _exchange(example: MeasuredExample) -> str:
    texts = example.texts or {}
    outputs = texts.get("outputs") or [None]
    return f"{_brief(texts.get('input'))} → {_brief(outputs[0])}"


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else dumps(value).decode()
    line = " ".join(text.split())
    return _code(line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…")


def _text(text: str) -> str:
    """A text of users in Markdown, on one line: no markup, no HTML, no mention of a person, no link."""
    line = " ".join(text.split())
    safe = _SPECIAL.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;"))
    return safe.replace("@", "@\u200b").replace("://", ":\u200b//").replace("www.", "www\u200b.")


def _code(text: str) -> str:
    return f"<code>{_text(text[:_WIDTH])}</code>"


def _comment(text: str) -> str:
    return re.sub(r"[^\w .]", "", text)


def _url(url: str) -> str:
    return url if re.fullmatch(r"https?://[\w.:/?&=%#-]+", url) else ""


def _xml(text: str) -> str:
    return _XML.sub("�", text)
