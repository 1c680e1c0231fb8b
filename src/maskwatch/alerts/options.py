"""What all channels have in common: their options, and a wish to wait."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from maskwatch.durations import seconds_of
from maskwatch.errors import DeliveryError
from maskwatch.events import Phase


def _checked_host(text: str) -> str:
    try:
        encoded = text.encode("idna")
    except UnicodeError as error:
        raise ValueError("expected the name or number of a host") from error
    if not encoded or any(letter <= 32 for letter in encoded) or b"/" in encoded:
        raise ValueError("expected the name or number of a host, without a scheme or path")
    return text


Seconds = Annotated[float, BeforeValidator(seconds_of), Field(gt=0, le=300)]
Host = Annotated[str, AfterValidator(_checked_host)]
Port = Annotated[int, Field(ge=1, le=65535)]


class ChannelOptions(BaseModel):
    """The options of every channel; what went wrong with one never shows its value."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )

    name: str = Field(min_length=1, description="What rules and the outbox call this channel.")
    type: str = Field(description="Which kind of channel it is.")
    phases: tuple[Phase, ...] = Field(
        default=(Phase.NEW,), min_length=1, description="Which phases of an alert it tells."
    )
    timeout_s: Seconds = Field(
        default=10.0,
        alias="timeout",
        description="How long telling may take in all: seconds, or a text such as 10s.",
    )


class RetryLater(DeliveryError):
    """The other side asked to be left alone for `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
