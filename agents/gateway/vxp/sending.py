"""`POST /sendEdoc`: an envelope, document or status, from a raw body into the spool.

The client library adds CR LF behind the file; the signed `hash-file` says where the file ends. The answer is given when
the envelope is durable here; the hub's verdict comes later, as receipts and statuses.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from agents.gateway.bodies import Kept, TooLarge, TooSlow, receive_body
from agents.gateway.outcomes import Accepted, LeasedByOther
from agents.gateway.rooms import Gateway
from agents.gateway.vxp import faults
from agents.gateway.vxp.addressing import FROM, checker, indifferent, same_organs
from agents.gateway.vxp.arguments import kind_of
from agents.gateway.vxp.doors import Body
from agents.gateway.vxp.faults import ErrorCode, Fault
from agents.gateway.vxp.signing import SignedCall
from agents.gateway.vxp.wire import answer
from edxml_schemas.contract import MessageType
from edxml_schemas.limits import DEFAULT_LIMITS

LINE_END: Final = b"\r\n"
HASH: Final = "hash-file"
_TOO_LARGE: Final = (
    "Tệp EDXML lớn hơn {limit} MB. Đề nghị giảm dung lượng tệp đính kèm (nén, giảm độ phân giải bản quét) rồi gửi lại."
)
_TOO_SLOW: Final = "Đường truyền ngừng giữa chừng, chưa nhận đủ tệp. Đề nghị gửi lại."


def file_hash(digest: str) -> str:
    """A SHA-256 as the client library prints it: each byte in hexadecimal without its leading zero."""
    return "".join(f"{byte:x}" for byte in bytes.fromhex(digest))


class SendDesk:
    """Memory holds one piece of what comes; the envelope itself is read where the office reads it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._limit = min(DEFAULT_LIMITS.envelope_bytes + len(LINE_END), gateway.settings.body_limit)
        self._hash_required = gateway.settings.vxp.hash_file_required
        self._strict = gateway.settings.vxp.strict_addressing

    async def send(self, call: SignedCall, body: Body) -> Response | Fault:
        """Raises SpoolUnavailable, and UsageFault for an unusable key of an organ."""
        asked = self._asked(call)
        if isinstance(asked, Fault):
            return asked
        gateway = self._gateway
        receiving = receive_body(
            aiter(body), room=gateway.uploads, limit=self._limit, idle=gateway.idle, without_tail=LINE_END
        )
        try:
            async with receiving as kept, gateway.turn(kept.size):
                return await asyncio.to_thread(self._submitted, call, asked, kept)
        except TooLarge:
            return Fault(ErrorCode.FILE, _TOO_LARGE.format(limit=self._limit // 2**20))
        except (TooSlow, ClientDisconnect):
            return Fault(ErrorCode.SYSTEM, _TOO_SLOW)

    def _asked(self, call: SignedCall) -> "_Asked | Fault":
        """What can be said before the file is there."""
        sender = call.arguments.read(FROM)
        if self._strict and sender and not any(same_organs([sender], [organ]) for organ in call.caller.organs):
            return faults.NOT_YOUR_SENDER
        kind = kind_of(call.arguments)
        if isinstance(kind, Fault):
            return kind
        stated = call.arguments.read(HASH)
        return faults.NO_HASH if not stated and self._hash_required else _Asked(kind, stated)

    def _submitted(self, call: SignedCall, asked: "_Asked", kept: Kept) -> Response | Fault:
        fault = file_fault(kept, asked.file_hash)
        if fault is not None:
            return fault
        arguments, caller = call.arguments, call.caller
        check = checker(arguments) if self._strict else indifferent(arguments, caller, self._gateway.log)
        outcome = self._gateway.office.submit(caller, kept.path, kind=asked.kind, check=check)
        if isinstance(outcome, Accepted):
            return answer(members={"DocId": outcome.submission_id})
        return faults.in_other_hands(outcome.until) if isinstance(outcome, LeasedByOther) else faults.refused(outcome)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the arguments say of the file: its kind, None when they do not, and its hash, empty likewise."""

    kind: MessageType | None
    file_hash: str


def file_fault(kept: Kept, stated: str) -> Fault | None:
    """What is wrong with a body that was kept without its last CR LF; `stated` is what was signed about the file.

    The file may itself end in CR LF, sent by a client that adds none: then the hash says so, and they are put back.
    """
    if not kept.size:
        return faults.EMPTY
    if not stated or _is(stated, kept.digest):
        return None
    with kept.path.open("r+b") as file:
        whole = hashlib.file_digest(file, "sha256")
        whole.update(LINE_END)
        if not _is(stated, whole.hexdigest()):
            return faults.WRONG_HASH
        file.seek(0, 2)
        file.write(LINE_END)
    return None


def _is(stated: str, digest: str) -> bool:
    """In the library's form, or written out in full."""
    return stated.lower() in {file_hash(digest), digest}
