"""What every contract model has in common."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# The separators of our own keys ("|", "/", ":") can never occur in an id that a stranger chooses.
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
# The same in two constraints: three times as quick to check as a counted repetition.
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Quantity = Annotated[int, Field(gt=0, le=1_000_000)]
Minor = Annotated[int, Field(ge=0, le=10**12)]  # money in minor units of the order's currency
T = TypeVar("T")
Told = Annotated[T | None, Field(exclude_if=lambda value: value is None)]  # not written where there is none
EpochMs = Annotated[int, Field(ge=0)]  # milliseconds since 1970, domain time unless a name says `wall`


def is_unsaid(value: object) -> bool:
    """For fields that only some events need: nought or empty is left out of what is written."""
    return not value


class Model(BaseModel):
    """A closed, immutable value: unknown fields and lax types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Event(Model):
    """A fact or a request on a topic. `type` is the CloudEvents type; a released class is never edited."""

    EVENT_TYPE: ClassVar[str]
    _NAMES_ORDER: ClassVar[bool] = False  # has `order_id`; known by class, since to ask an instance in vain is dear
    _CARRIES_ORDER: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        field = cls.model_fields.get("type")
        if field is not None:
            cls.EVENT_TYPE = str(field.default)
        cls._NAMES_ORDER = "order_id" in cls.model_fields or hasattr(cls, "order_id")
        cls._CARRIES_ORDER = "order" in cls.model_fields

    @property
    def subject(self) -> str | None:
        """The order this event concerns (`ce_subject`), or None."""
        order_id: str | None = None
        if self._NAMES_ORDER:
            order_id = self.order_id  # type: ignore[attr-defined]  # of the subclass
        elif self._CARRIES_ORDER:
            order_id = self.order.order_id  # type: ignore[attr-defined]
        return order_id
