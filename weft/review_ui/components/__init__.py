"""What Streamlit cannot draw dense and fast: a table and a span tree, fed with data, never with markup."""

from weft.review_ui.components.frame import frame
from weft.review_ui.components.keylink import keylink
from weft.review_ui.components.table import Cell, Column, Row, table
from weft.review_ui.components.tree import TreeRow, packed, tree

__all__ = ["Cell", "Column", "Row", "TreeRow", "frame", "keylink", "packed", "table", "tree"]
