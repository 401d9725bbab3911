"""Writes down what all migrations come to on SQLite: run it after adding one."""

from __future__ import annotations

from weft.store import migrations
from weft.store.database import connect_memory
from weft.store.migrations import fresh


def main() -> None:
    """Run every migration in memory and write the schema beside them."""
    database = connect_memory()
    with database.write() as connection:
        migrations.run(connection, "upgrade", "head")
        fresh.SCHEMA.write_text(fresh.schema_of(connection), encoding="utf-8")
    database.close()
    print(f"{fresh.SCHEMA} is written.")


if __name__ == "__main__":
    main()
