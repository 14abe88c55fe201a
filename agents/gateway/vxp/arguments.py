"""What arguments mean that several operations read."""

from typing import Final

from agents.gateway.vxp.faults import Fault, bad_value, missing
from agents.gateway.vxp.rows import MESSAGE_TYPES
from agents.gateway.vxp.signing import Arguments
from edxml_schemas.contract import MessageType

ID_CHARS: Final = 200
KIND: Final = "messagetype"


def kind_of(arguments: Arguments) -> MessageType | Fault | None:
    """What `messagetype` names; None when it is not there."""
    stated = arguments.read(KIND)
    if not stated:
        return None
    kind = MESSAGE_TYPES.get(stated.lower())
    return bad_value(KIND, stated, "edoc hoặc status") if kind is None else kind


def doc_id_of(arguments: Arguments, *names: str) -> str | Fault:
    """The id of a document, under the first of its spellings that is there; never longer than an id can be."""
    first, *others = names
    doc_id = arguments.read(first, *others)
    return doc_id[:ID_CHARS] if doc_id else missing(first)
