"""What an administrator arranges for an organ's deliveries: keep them, send them elsewhere, let them go again.

The arrangement itself is one row, and workers heed it at their next transaction. What was held before is moved or let
go by the workers, too: they look again at once, and each leg is written with its event like everything else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from edxml_schemas.contract import Urgency
from router.core.events import EventName
from router.core.holds import Hold, HoldKind
from router.core.records import Event, Leg, MessageRecord, PutEvent
from router.core.registry import OrganRecord, OrganState, Registry
from router.core.routing import carrier_of, hold_of, present_code
from router.ports import Store
from router.services.registration.registrar import organ_called

MOST_HELD: Final = 10_000
"""More held legs of one organ than this are not counted."""

Held = Sequence[tuple[MessageRecord, Leg]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why something cannot be arranged. `unknown` says that the registry has no such organ."""

    vi: str
    en: str
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """What is arranged from now on. `held` are the legs that wait for the organ now, the oldest first.

    Of them, `moved` go to the organ that receives instead, and `parked` do not, because that one has the document
    already; both are 0 unless a forward is in force now.
    """

    hold: Hold
    before: Hold | None
    held: Held
    moved: int = 0
    parked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for one organ. `hold` is None while only an agent is missing; `oldest` is when the oldest leg set out.

    `capped` says that there are more than were counted.
    """

    organ: str
    name: str
    hold: Hold | None
    held: int
    urgent: int
    oldest: datetime | None
    capped: bool


def plan_hold(
    store: Store, code: str, *, since: datetime, until: datetime | None, reason: str, by: str
) -> Arranged | Refused:
    """What keeping an organ's deliveries would mean. Writes nothing."""
    registry = store.registry()
    organ = organ_called(registry, code)
    if organ is None:
        return _unknown(code)
    hold = Hold(organ=organ.code, kind=HoldKind.HOLD, since=since, until=until, reason=reason, by=by)
    return Arranged(hold=hold, before=hold_of(registry, organ), held=_held(store, organ))


def plan_forward(
    store: Store, code: str, *, to: str, since: datetime, until: datetime | None, reason: str, by: str, now: datetime
) -> Arranged | Refused:
    """What forwarding an organ's deliveries would mean. Writes nothing.

    A forward is followed once. One that leads to an organ whose own deliveries are forwarded, and one from an organ to
    which another's are forwarded, would be a chain or a circle and is refused, unless their times are over.
    """
    registry = store.registry()
    organ, target = organ_called(registry, code), organ_called(registry, to)
    if organ is None or target is None:
        return _unknown(code if organ is None else to)
    refused = _no_way(registry, organ, target, now=now)
    if refused is not None:
        return refused
    hold = Hold(organ=organ.code, kind=HoldKind.FORWARD, since=since, until=until, to=target.code, reason=reason, by=by)
    arranged = Arranged(hold=hold, before=hold_of(registry, organ), held=_held(store, organ))
    if not hold.counts(now):
        return arranged
    parked = sum(_has_a_leg(store, registry, message, target.code) for message, _ in arranged.held)
    return replace(arranged, moved=len(arranged.held) - parked, parked=parked)


def arrange(store: Store, arranged: Arranged, *, now: datetime) -> None:
    """Write a plan. The event comes first, so that nothing is arranged of which the log does not know.

    Held legs that are forwarded are moved by the workers, at their next look.
    """
    hold, before = arranged.hold, arranged.before
    facts = {
        "organ": hold.organ,
        "kind": hold.kind.value,
        "to": hold.to,
        "since": hold.since.isoformat(),
        "until": hold.until.isoformat() if hold.until is not None else "",
        "reason": hold.reason,
    }
    _log(store, EventName.HOLD_SET, facts, by=hold.by, now=now)
    if before is not None and before.organ != hold.organ:
        store.drop_hold(before.organ)
    store.put_hold(hold)
    if hold.kind is HoldKind.FORWARD and hold.counts(now):
        _hasten(store, arranged.held, hold.organ, now=now)


def plan_release(store: Store, code: str) -> Arranged | Refused:
    """What taking an arrangement away would let go. Writes nothing."""
    registry = store.registry()
    organ = organ_called(registry, code)
    if organ is None:
        return _unknown(code)
    hold = hold_of(registry, organ)
    if hold is None:
        return Refused(
            vi=f"Cơ quan {organ.code} không bị tạm giữ, không được chuyển tiếp.",
            en=f"Nothing is arranged for the deliveries of {organ.code}.",
        )
    return Arranged(hold=hold, before=hold, held=_held(store, organ))


def release(store: Store, arranged: Arranged, *, reason: str, by: str, now: datetime) -> None:
    """Take an arrangement away. What waits goes at the workers' next look, urgent first, then in order of age."""
    organ = arranged.hold.organ
    facts = {"organ": organ, "released": str(len(arranged.held)), "reason": reason}
    _log(store, EventName.HOLD_RELEASED, facts, by=by, now=now)
    store.drop_hold(organ)
    _hasten(store, arranged.held, organ, now=now)


def waiting(store: Store) -> Sequence[Waiting]:
    """All arrangements, and all organs for which something waits without one; by code."""
    registry = store.registry()
    found = store.held_legs(limit=MOST_HELD + 1)
    capped = len(found) > MOST_HELD
    by_organ: dict[str, list[Leg]] = {present_code(registry, each): [] for each in registry.holds}
    for _, leg in found[:MOST_HELD]:
        by_organ.setdefault(present_code(registry, leg.recipient), []).append(leg)
    return [_waiting(registry, code, legs, capped=capped) for code, legs in sorted(by_organ.items())]


def carried(store: Store, code: str) -> bool:
    """Whether somebody carries for an organ (present code)."""
    registry = store.registry()
    organ = registry.organ(code)
    return organ is not None and bool(carrier_of(registry, organ))


def _waiting(registry: Registry, code: str, legs: Sequence[Leg], *, capped: bool) -> Waiting:
    organ = registry.organ(code)
    return Waiting(
        organ=code,
        name=organ.name if organ is not None else "",
        hold=hold_of(registry, organ) if organ is not None else registry.holds.get(code),
        held=len(legs),
        urgent=sum(each.urgency is Urgency.URGENT for each in legs),
        oldest=min((each.created_at for each in legs), default=None),
        capped=capped,
    )


def _no_way(registry: Registry, organ: OrganRecord, target: OrganRecord, *, now: datetime) -> Refused | None:
    """Why an organ's deliveries cannot go to another; None when they can."""
    if organ.code == target.code:
        return Refused(
            vi=f"Không thể chuyển tiếp {organ.code} đến chính nó.", en=f"{organ.code} cannot be forwarded to itself."
        )
    if target.state is OrganState.LOCKED:
        return Refused(vi=f"Cơ quan nhận thay {target.code} đang bị khóa.", en=f"{target.code} is locked.")
    onward = hold_of(registry, target)
    if onward is not None and onward.kind is HoldKind.FORWARD and not onward.over(now):
        return Refused(
            vi=f"Văn bản của {target.code} lại được chuyển tiếp đến {onward.to}: không chuyển tiếp qua nhiều chặng.",
            en=f"What is sent to {target.code} is forwarded to {onward.to} itself: a forward is followed once only.",
        )
    for each in registry.holds.values():
        if (
            each.kind is HoldKind.FORWARD
            and not each.over(now)
            and present_code(registry, each.to) == organ.code
            and present_code(registry, each.organ) != organ.code
        ):
            return Refused(
                vi=f"{organ.code} đang nhận thay cho {each.organ}: trước hết chuyển {each.organ} đến {target.code}.",
                en=f"{organ.code} receives for {each.organ}: first forward {each.organ} to {target.code}.",
            )
    return None


def _held(store: Store, organ: OrganRecord) -> Held:
    codes = (organ.code, organ.old_code) if organ.old_code else (organ.code,)
    return [pair for code in codes for pair in store.held_legs(code, limit=MOST_HELD)]


def _has_a_leg(store: Store, registry: Registry, message: MessageRecord, organ: str) -> bool:
    return any(present_code(registry, each.recipient) == organ for each in store.legs_of(message.id))


def _hasten(store: Store, held: Held, organ: str, *, now: datetime) -> None:
    codes: Iterable[str] = {organ, *(leg.recipient for _, leg in held)}
    with store.begin() as tx:
        for code in sorted(codes):
            tx.hasten(code, now=now)


def _log(store: Store, name: EventName, facts: dict[str, str], *, by: str, now: datetime) -> None:
    with store.begin() as tx:
        tx.apply([PutEvent(Event(name=name.value, at=now, actor=by, facts=facts))])


def _unknown(code: str) -> Refused:
    return Refused(
        vi=f"Không có cơ quan “{code}” trong sổ đăng ký.",
        en=f"There is no organ “{code}” in the registry.",
        unknown=True,
    )
