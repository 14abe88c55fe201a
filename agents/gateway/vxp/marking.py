"""Which document a mark is about, when a service object carries two ids."""

from typing import Final

from agents.gateway.callers import Caller
from agents.gateway.office import Office
from agents.gateway.outcomes import NotYours, Taking
from agents.gateway.vxp.arguments import ID_CHARS, doc_id_of
from agents.gateway.vxp.faults import Fault
from agents.gateway.vxp.signing import Arguments

MARKED_ID: Final = ("docid", "docId")
"""In this order: a reused service object may still carry the `docId` of an earlier fetch beside the `docid` to mark."""
_OVER: Final = frozenset({Taking.TAKEN, Taking.FAILED})


def marked_id(arguments: Arguments, caller: Caller, office: Office) -> str | Fault:
    """The id of the document to mark. Reads the spool when both spellings are there. Raises SpoolUnavailable.

    `docid` is left over from an earlier mark, and `docId` is meant, when `docid` is done, failed or none of the
    caller's, while `docId` is in this caller's hand.
    """
    stated = doc_id_of(arguments, *MARKED_ID)
    if isinstance(stated, Fault):
        return stated
    other = arguments.values.get(MARKED_ID[1], "").strip()[:ID_CHARS]
    if not other or other == stated or not _in_hand(other, caller, office):
        return stated
    known = office.find(caller, stated)
    return other if isinstance(known, NotYours) or known.state in _OVER else stated


def _in_hand(doc_id: str, caller: Caller, office: Office) -> bool:
    known = office.find(caller, doc_id)
    return not isinstance(known, NotYours) and known.state is Taking.LEASED and known.item.lease_by == caller.key_id
