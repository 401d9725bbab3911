"""``weft.Model``: a configured thing that predicts, linked to the model artifact that it came from."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from weft.tracing.op import op


class Model(BaseModel):
    """Subclass it, declare what configures the model as fields, and write ``predict``; it becomes an op.

    ``weft_ref`` names the artifact version that answers, such as ``answerer:v3``: every span below ``predict``
    carries it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    weft_ref: str | None = Field(default=None, exclude=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        predict = cls.__dict__.get("predict")
        if predict is not None and not hasattr(predict, "weft_op"):
            cls.predict = op(predict)  # type: ignore[attr-defined]
