"""Every exception that Weft raises on purpose.

    WeftError                   what a user can fix; the command line prints it without a traceback
    ├── SettingError       W100  a setting or variable is unknown or has a bad value
    ├── InputError         W200  an argument, a file or a request body is wrong       (also ValueError)
    ├── NotFoundError      W300  no such run, trace, artifact, queue, ...             (also LookupError)
    ├── ConflictError      W400  a decision lost: lease gone, version exists, ...
    ├── MissingExtraError  W500  an optional dependency is not installed              (also ImportError)
    ├── StoreError         W600  the database or the directory cannot be used
    ├── ServerError        W700  the Weft server refused or cannot be reached
    └── GuardrailError     W800  a guardrail stopped an answer

Each message says what is wrong and what to do; each code has a section in docs/errors.md.
"""

from __future__ import annotations

from typing import ClassVar


class WeftError(Exception):
    """What a user can fix. ``field`` names the culprit, ``remedy`` says what to do about it."""

    code: ClassVar[str] = "W000"

    def __init__(self, message: str, *, remedy: str = "", field: str | None = None) -> None:
        self.message = message
        self.remedy = remedy
        self.field = field
        super().__init__(message)

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, self.remedy, f"[{self.code}]") if part)


class SettingError(WeftError):
    """A setting or ``WEFT_`` variable is unknown or has a bad value."""

    code = "W100"


class InputError(WeftError, ValueError):
    """An argument, a file or a request body is wrong. ``column`` is where, from 1, in an expression."""

    code = "W200"

    def __init__(self, message: str, *, remedy: str = "", field: str | None = None, column: int | None = None) -> None:
        super().__init__(message, remedy=remedy, field=field)
        self.column = column


class NotFoundError(WeftError, LookupError):
    """No such run, trace, artifact, queue or item."""

    code = "W300"


class ConflictError(WeftError):
    """A decision that somebody else has made first, or that no longer applies."""

    code = "W400"


class MissingExtraError(WeftError, ImportError):
    """An optional dependency is not installed."""

    code = "W500"

    def __init__(self, package: str, extra: str = "", *, install: str | None = None) -> None:
        super().__init__(
            f"This needs the package '{package}', which is not installed.",
            remedy=f"Install it with: pip install {install or repr(f'weft[{extra}]')}.",
            field=package,
        )


class StoreError(WeftError):
    """The database or the directory cannot be used."""

    code = "W600"


class ServerError(WeftError):
    """The Weft server refused the request or cannot be reached."""

    code = "W700"

    def __init__(self, message: str, *, remedy: str = "", field: str | None = None, status: int | None = None) -> None:
        super().__init__(message, remedy=remedy, field=field)
        self.status = status


class GuardrailError(WeftError):
    """A guardrail stopped an answer; ``field`` is the name of its scorer."""

    code = "W800"


# As W&B's users write them: whatever Weft raises on purpose is caught by any of these.
Error = CommError = UsageError = AuthenticationError = UnsupportedError = WeftError
