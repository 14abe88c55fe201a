"""What the operations share: the gateway's rooms, the interface's own memory, and who listens."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from agents.gateway.callers import Caller
from agents.gateway.rest.listening import Listeners
from agents.gateway.rest.memory import RestMemory
from agents.gateway.rest.secrets import WebhookSecrets
from agents.gateway.rest.tide import Tide
from agents.gateway.rooms import Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRoom:
    """Built once with the gateway. `large` bounds how many large documents are packaged at once."""

    gateway: Gateway
    memory: RestMemory
    secrets: WebhookSecrets
    tide: Tide
    listeners: Listeners
    large: asyncio.Semaphore


def _room(request: Request) -> RestRoom:
    room = request.app.state.room
    assert isinstance(room, RestRoom)  # noqa: S101  set by `build_rest`, and by nobody else
    return room


def _caller(request: Request) -> Caller:
    caller = request.state.caller
    assert isinstance(caller, Caller)  # noqa: S101  set by `doors`, before anything else runs
    return caller


Room = Annotated[RestRoom, Depends(_room)]
Who = Annotated[Caller, Depends(_caller)]
