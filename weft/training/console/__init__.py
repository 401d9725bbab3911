"""What a run prints: Python's streams or the file descriptors below them, folded into lines as a screen shows them."""

from weft.training.console.redirect import ConsoleRedirect
from weft.training.console.tee import ConsoleTee

__all__ = ["ConsoleRedirect", "ConsoleTee"]
