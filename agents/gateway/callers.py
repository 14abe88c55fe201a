"""Who speaks to the gateway, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    """What a key is for."""

    SEND = "send"
    RECEIVE = "receive"
    READ = "read"


_IMPLIES_READ: Final = frozenset({Right.SEND, Right.RECEIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A document system that has shown a good key.

    `key_id` is the public id of the key, safe in logs; `system_id` is what the dialects call the system. `organs` are
    the organ codes it may speak for, never empty. SEND and RECEIVE imply READ. `per_minute` is its rate of requests.
    """

    key_id: str
    system_id: str
    organs: frozenset[str]
    rights: frozenset[Right]
    per_minute: int = 600

    def may(self, right: Right) -> bool:
        return right in self.rights or (right is Right.READ and bool(self.rights & _IMPLIES_READ))

    def speaks_for(self, organ_id: str) -> bool:
        return organ_id in self.organs
