"""Every store keeps agents' applications, and when each organ changed last."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from router.core.applications import Application, ApplicationKind, ApplicationState
from router.core.registry import OrganRecord, OrganState
from router.ports import Store
from tests.support.records import MINUTE, NOON

MANY = 100


def application(number: int, **fields: object) -> Application:
    base = Application(
        id=f"a-{number}",
        agent="so-y-te",
        reference=f"ref-{number}",
        kind=ApplicationKind.REGISTER,
        code=f"H41.{number:02d}",
        name="Sở Mới",
        parent="H41",
        email="a@b.vn",
        phone="0238",
        address="Vinh",
        applied_at=NOON + number * MINUTE,
    )
    return replace(base, **fields)  # type: ignore[arg-type]  # the test names the fields


def test_an_application_is_kept_as_it_is(store: Store) -> None:
    kept = store.put_application(application(1), most_open=MANY)

    assert kept == application(1)
    assert store.applications() == (application(1),)


def test_the_same_application_is_kept_once_and_told_as_it_stands(store: Store) -> None:
    store.put_application(application(1), most_open=MANY)
    assert store.put_application(application(1, name="Khác"), most_open=MANY) == application(1)
    assert store.put_application(application(2, code="H41.01"), most_open=MANY) == application(1)
    store.decide_application("a-1", state=ApplicationState.REJECTED, at=NOON, by="admin:ha", note="trùng")
    decided = store.put_application(application(1), most_open=MANY)
    assert decided is not None
    assert (decided.state, decided.note) == (ApplicationState.REJECTED, "trùng")
    assert store.put_application(application(2, code="H41.01"), most_open=MANY) == application(2, code="H41.01")


def test_another_agents_application_and_another_kind_are_others(store: Store) -> None:
    all_three = (
        application(1),
        application(2, code="H41.01", agent="so-xay-dung"),
        application(3, code="H41.01", kind=ApplicationKind.END),
    )
    assert tuple(store.put_application(each, most_open=MANY) for each in all_three) == all_three
    assert store.applications() == all_three[::-1]
    assert store.applications(agent="so-y-te") == (all_three[2], all_three[0])
    assert store.applications(limit=1) == (all_three[2],)


def test_only_so_many_of_one_agent_are_open(store: Store) -> None:
    for number in range(3):
        store.put_application(application(number), most_open=3)
    assert store.put_application(application(4), most_open=3) is None
    assert store.put_application(application(1), most_open=3) == application(1)
    assert store.put_application(application(5, agent="so-xay-dung"), most_open=3) is not None
    store.decide_application("a-0", state=ApplicationState.APPROVED, at=NOON, by="admin:ha", note="")
    assert store.put_application(application(4), most_open=3) == application(4)


def test_an_application_is_decided_once(store: Store) -> None:
    store.put_application(application(1), most_open=MANY)
    later = NOON + timedelta(days=1, microseconds=7)

    assert store.decide_application("a-1", state=ApplicationState.APPROVED, at=later, by="admin:ha", note="đồng ý")
    assert not store.decide_application("a-1", state=ApplicationState.REJECTED, at=NOON, by="admin:tu", note="không")
    assert not store.decide_application("a-9", state=ApplicationState.REJECTED, at=NOON, by="admin:tu", note="không")

    (decided,) = store.applications(state=ApplicationState.APPROVED)
    assert (decided.decided_at, decided.decided_by, decided.note) == (later, "admin:ha", "đồng ý")
    assert store.applications(state=ApplicationState.OPEN) == ()


def test_applications_leave_the_registrys_version_alone(store: Store) -> None:
    before = store.registry()
    store.put_application(application(1), most_open=MANY)
    store.decide_application("a-1", state=ApplicationState.REJECTED, at=NOON, by="admin:ha", note="")

    assert store.registry().version == before.version


def test_two_that_apply_at_once_are_counted(open_database: Callable[[], Store]) -> None:
    stores = [open_database() for _ in range(4)]

    def put(number: int) -> Application | None:
        return stores[number % 4].put_application(application(number), most_open=5)

    with ThreadPoolExecutor(4) as threads:
        kept = [each for each in threads.map(put, range(20)) if each is not None]

    assert len(kept) == 5
    assert len(stores[0].applications()) == 5


# ── Organs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_organ_tells_the_version_in_which_it_changed_last(store: Store) -> None:
    store.put_organs([OrganRecord(code="H1", name="Một"), OrganRecord(code="H2", name="Hai")])
    first = store.registry()
    assert {each.changed_in for each in first.organs.values()} == {first.version}

    store.put_organs([OrganRecord(code="H2", name="Hai", state=OrganState.LOCKED, changed_in=99)])

    now = store.registry()
    assert (now.organs["H1"].changed_in, now.organs["H2"].changed_in) == (first.version, now.version)
    assert now.version > first.version


def test_phone_and_address_are_kept(store: Store) -> None:
    organ = OrganRecord(code="H1", name="Một", email="a@b.vn", phone="0238 384 4528", address="18 Trường Thi")
    store.put_organs([organ])
    assert store.registry().organs["H1"] == organ
