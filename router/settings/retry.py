"""The part of `truc.toml` that says when a failed publish is tried again."""

from datetime import timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from router.core.retry import DEFAULT_RETRY, RetryPolicy


class RetrySettings(BaseModel):
    """`[retry]`: the pauses after attempts to publish that failed (no inbox, a full one, no word from the broker)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_seconds: float = Field(default=DEFAULT_RETRY.first.total_seconds(), gt=0)
    factor: float = Field(default=DEFAULT_RETRY.factor, ge=1, le=100)
    """Every pause is so many times as long as the one before it."""
    longest_seconds: float = Field(default=DEFAULT_RETRY.longest.total_seconds(), gt=0)
    jitter: float = Field(default=DEFAULT_RETRY.jitter, ge=0, lt=1)
    """The share of a pause that may be taken off, so that what failed together does not come back together."""

    @model_validator(mode="after")
    def _is_a_policy(self) -> Self:
        self.as_policy()  # a ValueError names what does not fit together
        return self

    def as_policy(self) -> RetryPolicy:
        return RetryPolicy(
            first=timedelta(seconds=self.first_seconds),
            factor=self.factor,
            longest=timedelta(seconds=self.longest_seconds),
            jitter=self.jitter,
        )
