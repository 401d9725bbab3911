"""What W&B's users make of tables and labels: two tables joined, a table in parts, a set of classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from weft.errors import InputError
from weft.tracing.media import Reference, Value
from weft.training.media.table import Table


class Classes(list[dict[str, Any]]):
    """Names of classes by number, ``Classes([{"id": 0, "name": "cat"}])``, as :class:`weft.Image` takes them."""

    def __init__(self, class_set: Iterable[Mapping[str, Any]]) -> None:
        super().__init__(dict(one) for one in class_set)
        if any("id" not in one or "name" not in one for one in self):
            raise InputError("A class has an id and a name.", remedy='Write {"id": 0, "name": "cat"}.', field="classes")

    def get_type(self) -> type[int]:
        """The type of a column of class ids: integers."""
        return int


class JoinedTable(Table):
    """The rows of two tables side by side where ``join_key`` is equal, a column of both or a pair of names.

    Columns of one name are told apart as ``name_1`` and ``name_2``. Raises InputError where a column is not there.
    """

    def __init__(self, table1: Table, table2: Table, join_key: str | tuple[str, str] | list[str]) -> None:
        first_key, second_key = (join_key, join_key) if isinstance(join_key, str) else join_key
        for table, key in ((table1, first_key), (table2, second_key)):
            if not isinstance(table, Table) or key not in table.columns:
                raise InputError(
                    f"{table!r} has no column {key!r}.", remedy="Join on columns that are there.", field="join_key"
                )
        rest = [name for name in table2.columns if name != second_key]
        both = set(table1.columns) & set(rest)
        left = [f"{name}_1" if name in both else name for name in table1.columns]
        super().__init__(columns=[*left, *(f"{name}_2" if name in both else name for name in rest)])
        at = [table2.columns.index(name) for name in rest]
        found: dict[Any, list[list[Any]]] = {}
        for key, (_, row) in zip(table2.get_column(second_key), table2.iterrows(), strict=True):
            found.setdefault(key, []).append([row[number] for number in at])
        for key, (_, row) in zip(table1.get_column(first_key), table1.iterrows(), strict=True):
            for more in found.get(key, ()):
                self.add_data(*row, *more)


class PartitionedTable(Value):
    """A table whose rows are those of all tables below ``parts_path`` in the artifact that it is added to."""

    kind = "parts"

    def __init__(self, parts_path: str) -> None:
        self.parts_path = parts_path

    def reference(self) -> Reference:
        """What stands for it: the path."""
        return Reference({"parts_path": self.parts_path})


def gathered(parts: Iterable[Table]) -> Table:
    """One table of the rows of several with the same columns. Raises InputError where they differ."""
    whole: Table | None = None
    for part in parts:
        whole = whole or Table(columns=part.columns)
        if part.columns != whole.columns:
            raise InputError(
                f"A part has the columns {part.columns}, another {whole.columns}.",
                remedy="Give parts the same columns.",
                field="parts_path",
            )
        for _, row in part.iterrows():
            whole.add_data(*row)
    return whole or Table(columns=[])
