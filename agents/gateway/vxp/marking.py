"""Which document a mark is about, when a service object carries two ids."""

from collections import OrderedDict
from threading import Lock
from typing import Final

from agents.gateway.callers import Caller
from agents.gateway.office import Office
from agents.gateway.outcomes import NotYours, Taking
from agents.gateway.vxp.arguments import ID_CHARS, doc_id_of
from agents.gateway.vxp.faults import Fault, two_ids
from agents.gateway.vxp.signing import STAMP, SignedCall

MARKED_ID: Final = ("docid", "docId")
"""In this order: a reused service object may still carry the `docId` of an earlier fetch beside the `docid` to mark."""
REMEMBERED: Final = 10_000
"""Service objects whose last mark left a document open."""
_OVER: Final = frozenset({Taking.TAKEN, Taking.FAILED})


class Marks:
    """What service objects have marked with `docid` and left open, which they carry on. Safe in threads.

    A service object is known by its key and its time stamp. What is forgotten, at a restart or for want of room, only
    costs the question whether a `docid` is new.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self._left: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()
        self._lock = Lock()

    def chosen(self, call: SignedCall) -> str | Fault:
        """The id of the document to mark. Reads the spool when both spellings are there. Raises SpoolUnavailable.

        Two ids that differ are the rule for a service object that fetches with `docId` and marks with `docid`, and then
        `docid` is meant. It is left over from an earlier mark, and `docId` is meant, when `docid` is done, failed or
        none of the caller's, while `docId` is in this caller's hand. A fault names both when nobody can tell: both are
        open, `docId` is in hand, and since this service object's last mark `docId` is another and `docid` the same.
        """
        arguments, caller = call.arguments, call.caller
        stated = doc_id_of(arguments, *MARKED_ID)
        if isinstance(stated, Fault):
            return stated
        other = arguments.values.get(MARKED_ID[1], "").strip()[:ID_CHARS]
        if not other or other == stated or not self._in_hand(other, caller):
            return stated
        known = self._office.find(caller, stated)
        if isinstance(known, NotYours) or known.state in _OVER:
            return other
        with self._lock:
            marked, beside = self._left.get(_service(call), ("", ""))
        return two_ids(docid=stated, doc_id=other) if marked == stated and beside != other else stated

    def left(self, call: SignedCall, doc_id: str, *, is_open: bool) -> None:
        """A mark of `doc_id` has succeeded, and the document is still open afterwards or not."""
        with self._lock:
            self._left.pop(_service(call), None)
            marked, beside = (call.arguments.values.get(each, "").strip() for each in MARKED_ID)
            if is_open and marked == doc_id:
                self._left[_service(call)] = (marked, beside)
                if len(self._left) > REMEMBERED:
                    self._left.popitem(last=False)

    def _in_hand(self, doc_id: str, caller: Caller) -> bool:
        known = self._office.find(caller, doc_id)
        return not isinstance(known, NotYours) and known.state is Taking.LEASED and known.item.lease_by == caller.key_id


def _service(call: SignedCall) -> tuple[str, str]:
    return call.caller.key_id, call.arguments.values.get(STAMP, "")
