"""What changed between two versions of a dataset, example by example."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from weft import digests
from weft.records import Example

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Change:
    """An example that both versions have, with other data or in another split. ``columns`` are those that differ."""

    before: Example
    after: Example
    columns: list[str]


@dataclass(frozen=True, slots=True)
class DatasetDiff:
    """The examples that came, went and changed, by id, in the order of their dataset; ``same`` counts the others."""

    added: list[Example] = field(default_factory=list)
    removed: list[Example] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    same: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        return (
            f"{len(self.added)} added, {len(self.removed)} removed, {len(self.changed)} changed, {self.same} the same"
        )

    def __rich__(self) -> Table:
        table = Table(title=str(self), title_justify="left")
        table.add_column("")
        table.add_column("example")
        table.add_column("what")
        lines = [("+", example.example_id, "") for example in self.added]
        lines += [("-", example.example_id, "") for example in self.removed]
        lines += [("~", change.after.example_id, ", ".join(change.columns)) for change in self.changed]
        for sign, example_id, what in lines[:_SHOWN]:
            table.add_row(sign, Text(example_id), Text(what))
        if len(lines) > _SHOWN:
            table.add_row("", f"and {len(lines) - _SHOWN:,} more", "")
        return table

    def show(self) -> str:
        """The changes as a table of text."""
        console = Console(width=120, no_color=True)
        with console.capture() as capture:
            console.print(self)
        return capture.get()


def diff(before: Iterable[Example], after: Iterable[Example]) -> DatasetDiff:
    """What leads from ``before`` to ``after``."""
    added, changed, same = [], [], 0
    old = {example.example_id: example for example in before}
    for example in after:
        earlier = old.pop(example.example_id, None)
        if earlier is None:
            added.append(example)
        elif columns := _differing(earlier, example):
            changed.append(Change(earlier, example, columns))
        else:
            same += 1
    return DatasetDiff(added, list(old.values()), changed, same)


def _differing(before: Example, after: Example) -> list[str]:
    keys = dict.fromkeys([*before.data, *after.data])
    columns = [key for key in keys if (key in before.data) != (key in after.data) or _differ(before, after, key)]
    return columns if before.split == after.split else [*columns, "split"]


def _differ(before: Example, after: Example, key: str) -> bool:
    one, other = before.data[key], after.data[key]
    # 1, 1.0 and True are equal in Python and not in JSON.
    return one != other or digests.of_json(one) != digests.of_json(other)
