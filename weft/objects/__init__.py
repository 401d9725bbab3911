"""Things of one's own with versions: prompts, published objects, the code of ops."""

from weft.objects.diffs import text_of, unified
from weft.objects.prompts import MessagesPrompt, Prompt, StringPrompt
from weft.objects.refs import Ref, publish, ref

__all__ = ["MessagesPrompt", "Prompt", "Ref", "StringPrompt", "publish", "ref", "text_of", "unified"]
