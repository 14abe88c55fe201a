"""Do the arguments of a send say the same as the envelope? The envelope alone decides whose it is and where it goes.

A service object keeps the arguments of earlier calls, so that a `from` or `to` may be left over from another letter.
"""

import json
from collections.abc import Callable, Iterable
from typing import Final

from structlog.typing import FilteringBoundLogger

from agents.gateway.access.naming import loggable
from agents.gateway.callers import Caller
from agents.gateway.vxp.faults import SHOWN, TOLD
from agents.gateway.vxp.signing import PREFIX, Arguments
from agents.packaging import Refusal
from edxml_schemas.drafts import DraftProblem
from edxml_schemas.model import Document, Envelope
from edxml_schemas.organs import parse
from edxml_schemas.visible import visible

FROM: Final = "from"
TO: Final = "to"


def same_organs(one: Iterable[str], other: Iterable[str]) -> bool:
    return {_key(each) for each in one} == {_key(each) for each in other}


def checker(arguments: Arguments) -> Callable[[Envelope], Refusal]:
    """What is wrong with an envelope in view of `from` and `to`; empty when nothing is.

    `to` of a status is not looked at: its addressee stands in ResponseFor, and a `to` was left from an earlier send.
    """
    stated_from, stated_to = arguments.read(FROM), arguments.read(TO)

    def check(envelope: Envelope) -> Refusal:
        found = envelope.sender.organ_id
        if stated_from and not same_organs([stated_from], [found]):
            return (_other_sender(stated_from, found),)
        if stated_to and isinstance(envelope, Document):
            return _recipients(stated_to, [each.organ_id for each in envelope.recipients])
        return ()

    return check


def indifferent(arguments: Arguments, caller: Caller, log: FilteringBoundLogger) -> Callable[[Envelope], Refusal]:
    """As `checker`, but what does not agree is only told of in the log, by organ codes."""
    strict = checker(arguments)

    def check(envelope: Envelope) -> Refusal:
        if strict(envelope):
            to = _codes(arguments.read(TO)) if isinstance(envelope, Document) else None
            found = [each.organ_id for each in envelope.recipients] if isinstance(envelope, Document) else []
            log.warning(
                "vxp.addressing-ignored",
                key=caller.key_id,
                stated_from=loggable(arguments.read(FROM)),
                found_from=loggable(envelope.sender.organ_id),
                stated_to=list(map(loggable, (to or [])[:TOLD])),
                found_to=list(map(loggable, found[:TOLD])),
            )
        return ()

    return check


def _recipients(stated: str, found: list[str]) -> Refusal:
    codes = _codes(stated)
    if codes is None:
        return (_not_a_list(stated),)
    here, there = {_key(each) for each in codes}, {_key(each) for each in found}
    only_stated = [each for each in codes if _key(each) not in there]
    only_found = [each for each in found if _key(each) not in here]
    return (_other_recipients(only_stated, only_found),) if only_stated or only_found else ()


def _codes(stated: str) -> list[str] | None:
    """The codes in a JSON array of strings, or the one in a JSON string; None for anything else."""
    try:
        value = json.loads(stated)
    except (ValueError, RecursionError):
        return None
    codes = [value] if isinstance(value, str) else value
    if not isinstance(codes, list) or not all(isinstance(each, str) for each in codes):
        return None
    return codes


def _key(code: str) -> str:
    """A top body has one code in each form: `000.00.00.H41` is `H41`."""
    organ = parse(code)
    return organ.top if len(organ.groups) == 1 else organ.text


def _other_sender(stated: str, found: str) -> DraftProblem:
    return DraftProblem(
        source=PREFIX + FROM,
        where="From/OrganId",
        vi=f"XroadVnpt-from là “{_shown(stated)}”, nhưng From/OrganId trong tệp là “{_shown(found)}”.",
        en=f"XroadVnpt-from is “{_shown(stated)}”, but From/OrganId in the file is “{_shown(found)}”.",
        remedy_vi="Đề nghị sửa cho khớp: văn bản do cơ quan nào phát hành thì gửi với mã cơ quan đó.",
        remedy_en="Make them agree: a letter is sent under the code of the organ that issues it.",
    )


def _other_recipients(only_stated: list[str], only_found: list[str]) -> DraftProblem:
    vi, en = [], []
    if only_stated:
        vi.append(f"chỉ có trong XroadVnpt-to: {_listed(only_stated)}")
        en.append(f"only in XroadVnpt-to: {_listed(only_stated)}")
    if only_found:
        vi.append(f"chỉ có trong tệp: {_listed(only_found)}")
        en.append(f"only in the file: {_listed(only_found)}")
    return DraftProblem(
        source=PREFIX + TO,
        where="To/OrganId",
        vi=f"Nơi nhận không khớp ({'; '.join(vi)}).",
        en=f"The recipients do not agree ({'; '.join(en)}).",
        remedy_vi="Đề nghị sửa To trong tệp cho đúng nơi nhận, hoặc bỏ tham số to: văn bản gửi đến mọi To trong tệp.",
        remedy_en="Set To in the file to whom it is for, or leave out `to`: the letter goes to every To in the file.",
    )


def _not_a_list(stated: str) -> DraftProblem:
    return DraftProblem(
        source=PREFIX + TO,
        where="",
        vi=f"XroadVnpt-to “{_shown(stated)}” không phải mảng JSON các mã cơ quan.",
        en=f"XroadVnpt-to “{_shown(stated)}” is no JSON array of organ codes.",
        remedy_vi='Đề nghị truyền dạng ["000.00.00.H41","000.00.00.H14"], hoặc bỏ tham số to.',
        remedy_en='Write it as ["000.00.00.H41","000.00.00.H14"], or leave it out.',
    )


def _listed(codes: list[str]) -> str:
    shown = ", ".join(map(_shown, codes[:TOLD]))
    return shown if len(codes) <= TOLD else f"{shown}, … ({len(codes)})"


def _shown(text: str) -> str:
    return visible(text[:SHOWN])
