"""What Streamlit cannot draw dense and fast: a table and a trace, fed with data, never with markup."""

from weft.review_ui.components.bars import Bar, Chart, bars
from weft.review_ui.components.evaluation import Dot, Timeline, against, leaderboard, results, side_by_side, timelines
from weft.review_ui.components.frame import frame
from weft.review_ui.components.keylink import keylink
from weft.review_ui.components.logged import logged_of
from weft.review_ui.components.review import desk
from weft.review_ui.components.runs import charts_of, runs_page
from weft.review_ui.components.table import Cell, Column, Row, table
from weft.review_ui.components.trace import conversation, viewer

__all__ = [
    "Bar",
    "Cell",
    "Chart",
    "Column",
    "Dot",
    "Row",
    "Timeline",
    "against",
    "bars",
    "charts_of",
    "conversation",
    "desk",
    "frame",
    "keylink",
    "leaderboard",
    "logged_of",
    "results",
    "runs_page",
    "side_by_side",
    "table",
    "timelines",
    "viewer",
]
