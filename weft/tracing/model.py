"""``weft.Object`` and ``weft.Model``: configured things, published as versions; a model predicts."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from weft.tracing.op import op

ANSWERS = ("predict", "infer", "forward", "invoke")  # what the method of a model may be called


class Object(BaseModel):
    """Subclass it and declare fields; ``weft.publish`` stores an object as a version, ``weft.ref(...).get()`` gives it
    back. ``weft_ref`` names the version once there is one.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    name: str | None = None
    description: str | None = None
    weft_ref: str | None = Field(default=None, exclude=True)


class StoredObject(Object):
    """An object whose class this program does not have: the fields as they were stored, and the class's name."""

    model_config = ConfigDict(extra="allow")

    class_name: str


class Model(Object):
    """Subclass it, declare what configures the model as fields, and write ``predict``; it becomes an op.

    ``infer``, ``forward`` and ``invoke`` do as well. ``weft_ref`` names the artifact version that answers, such as
    ``answer:v3``: every span below carries it.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name in ANSWERS:
            answer = cls.__dict__.get(name)
            if callable(answer) and not hasattr(answer, "weft_op"):
                setattr(cls, name, op(answer))
