"""Notices: what goes out to people about alarms, and when a failed one is tried again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from router.core.retry import RetryPolicy

PROBLEM_CHARS: Final = 300
NOTICE_RETRY: Final = RetryPolicy(first=timedelta(seconds=30), factor=2.0, longest=timedelta(minutes=30))


class NoticeKind(StrEnum):
    ALARMS = "alarms"
    DIGEST = "digest"
    TEST = "test"


class NoticeState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given-up"  # it is older than people want to be told


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to one channel. `to` are addresses beside those of the channel's settings; empty means those.

    `text` is plain, Vietnamese first. `data` is the same for programs: what a generic webhook sends.
    """

    id: str
    channel: str
    kind: NoticeKind
    title: str
    text: str
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    to: tuple[str, ...] = ()
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    state: NoticeState = NoticeState.WAITING
    problem: str = ""


def delivered(notice: Notice) -> Notice:
    return replace(notice, state=NoticeState.SENT, attempts=notice.attempts + 1, problem="")


def failed(
    notice: Notice, problem: str, *, now: datetime, give_up_after: timedelta, wait: timedelta | None = None
) -> Notice:
    """The notice after a failure: due again after a pause (the channel's own word `wait`, if it gave one), or given
    up when it is too old to be news."""
    attempts = notice.attempts + 1
    told = replace(notice, attempts=attempts, problem=problem[:PROBLEM_CHARS])
    if now - notice.created_at >= give_up_after:
        return replace(told, state=NoticeState.GIVEN_UP)
    pause = NOTICE_RETRY.pause_after(attempts, of=notice.id)
    return replace(told, due_at=now + max(pause, wait or timedelta(0)))
