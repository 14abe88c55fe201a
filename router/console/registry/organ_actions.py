"""Locks, unlocks and merges organs of somebody's scope."""

import re
from typing import Final

from router.console.registry.words import MOVED_ON, ORGAN_STATE, REGISTRY
from router.console.shell.answers import ActionAnswer, Ask, Done, NotThere, Plan, Refused
from router.console.shell.asking import AskedWrong
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.console.work.asked import moment_in
from router.console.work.hold_actions import seen_organ
from router.core.registry import OrganRecord, OrganState
from router.services.carriage import holds

MOST_MERGED: Final = 50
SEPARATORS: Final = re.compile(r"[\s,;]+")
ORGAN_COLUMNS: Final = (
    ("code", Words("Mã", "Code")),
    ("name", Words("Tên", "Name")),
    ("state", Words("Đang", "Now")),
    ("becomes", Words("Sẽ là", "Becomes")),
)
MERGE_COLUMNS: Final = (
    ("code", Words("Mã", "Code")),
    ("name", Words("Tên", "Name")),
    ("to", Words("Nơi nhận thay", "Receives instead")),
    ("since", Words("Từ", "From")),
    ("held", Words("Đang giữ", "Held now")),
)


class OrganActions:
    """Actions on organs."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def lock(self, ask: Ask) -> ActionAnswer:
        return self._set_state(ask, OrganState.LOCKED)

    def unlock(self, ask: Ask) -> ActionAnswer:
        return self._set_state(ask, OrganState.ACTIVE)

    def merge(self, ask: Ask) -> ActionAnswer:
        """From a date on, what is sent to some organs goes to the one that they are merged into."""
        codes = list(dict.fromkeys(each for given in ask.every("organ") for each in SEPARATORS.split(given) if each))
        since = moment_in(ask, "since")
        if not codes or len(codes) > MOST_MERGED or since is None:
            raise AskedWrong(
                Words(
                    f"Cần 1 đến {MOST_MERGED} mã cơ quan, nơi nhận thay và ngày.",
                    f"Give 1 to {MOST_MERGED} organ codes, the organ that receives instead, and a date.",
                )
            )
        target = seen_organ(self._rooms, ask.one("to"), ask.scope)
        organs = [seen_organ(self._rooms, each, ask.scope) for each in codes]
        found = list({each.code: each for each in organs if each is not None}.values())
        if target is None or any(each is None for each in organs):
            return NotThere()
        back = f"{REGISTRY}/merge"
        store, planned = self._rooms.store, []
        for organ in found:
            plan = holds.plan_forward(
                store, organ.code, to=target.code, since=since, until=None, reason=ask.reason, by=ask.actor, now=ask.now
            )
            if isinstance(plan, holds.Refused):
                return Refused(says=Words(plan.vi, plan.en), back=back)
            planned.append(plan)
        if ask.dry:
            return Plan(
                title=Words("Sáp nhập cơ quan", "Merge organs"),
                says=Words(
                    f"Từ thời điểm này, văn bản gửi đến các cơ quan sau được chuyển đến {target.name} ({target.code}).",
                    f"From this moment on, what is sent to these organs goes to {target.name} ({target.code}).",
                ),
                columns=MERGE_COLUMNS,
                rows=[
                    {"code": one.code, "name": one.name, "to": target.code, "since": since, "held": len(plan.held)}
                    for one, plan in zip(found, planned, strict=True)
                ],
                carry={
                    "organ": [each.code for each in found],
                    "to": [target.code],
                    "since": [since.isoformat()],
                    "version": [str(store.registry().version)],
                },
                back=back,
            )
        if ask.one("version") != str(store.registry().version):
            return Refused(says=MOVED_ON, back=back)
        for plan in planned:
            holds.arrange(store, plan, now=ask.now)
        says = Words(f"Đã sáp nhập {len(found)} cơ quan.", f"{len(found)} organs were merged.")
        return Done(says=says, to=f"{REGISTRY}/organs/{target.code}")

    def _set_state(self, ask: Ask, state: OrganState) -> ActionAnswer:
        organ = seen_organ(self._rooms, ask.one("organ"), ask.scope)
        if organ is None:
            return NotThere()
        back = f"{REGISTRY}/organs/{organ.code}"
        if organ.state is state:
            says = Words(
                f"{organ.code}: đã {ORGAN_STATE[state].vi}.", f"{organ.code} is {ORGAN_STATE[state].en} already."
            )
            return Refused(says=says, back=back)
        version = self._rooms.store.registry().version
        if ask.dry:
            return _state_plan(organ, state, version=version, back=back)
        seen = ask.one("version")
        if seen != str(version) or not self._rooms.bureau.set_state(
            organ, state, seen=version, actor=ask.actor, reason=ask.reason, now=ask.now
        ):
            return Refused(says=MOVED_ON, back=back)
        says = Words(f"{organ.code}: {ORGAN_STATE[state].vi}.", f"{organ.code}: {ORGAN_STATE[state].en}.")
        return Done(says=says, to=back)


def _state_plan(organ: OrganRecord, state: OrganState, *, version: int, back: str) -> Plan:
    locks = state is OrganState.LOCKED
    return Plan(
        title=Words(f"Khóa {organ.code}", f"Lock {organ.code}")
        if locks
        else Words(f"Mở khóa {organ.code}", f"Unlock {organ.code}"),
        says=Words(
            "Cơ quan không gửi, không nhận; bên gửi được báo lý do.",
            "The organ neither sends nor receives; senders are told why.",
        )
        if locks
        else Words("Cơ quan gửi và nhận trở lại.", "The organ sends and receives again."),
        columns=ORGAN_COLUMNS,
        rows=[
            {"code": organ.code, "name": organ.name, "state": ORGAN_STATE[organ.state], "becomes": ORGAN_STATE[state]}
        ],
        carry={"organ": [organ.code], "version": [str(version)]},
        back=back,
        danger=locks,
    )
