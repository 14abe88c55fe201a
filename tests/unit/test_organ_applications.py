"""An administrator approves or rejects what agents apply for; an application never changes an organ that is there."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edxml_schemas.organ_list import Wish
from router.adapters.memory_store import MemoryStore
from router.core.applications import Application, ApplicationKind, ApplicationState
from router.core.registry import AgentRecord, OrganRecord, OrganState
from router.services.registration.applications import (
    AlreadySo,
    Decided,
    Impossible,
    Unknown,
    apply,
    approve,
    called,
    reject,
)
from router.services.registration.registrar import ImportPlan, apply_import, plan_import
from router.services.registration.registry_file import FileRow, read_registry_file, read_registry_row

NOW = datetime(2026, 11, 21, tzinfo=UTC)
WISH = Wish(
    reference="ref-00001",
    kind=ApplicationKind.REGISTER,
    code="h41.20",
    name="Sở Mới",
    parent="H41",
    email="a@b.vn",
    phone="0238",
    address="Vinh",
)
CARRIED = OrganRecord(code="H41.08", name="Sở Y tế", parent="H41", agent="so-y-te")


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.put_agents([AgentRecord(name="so-y-te", token_hash="ff")])
    made.put_organs([OrganRecord(code="H41", name="Tỉnh", old_code="000.00.00.H41"), CARRIED])
    return made


def applied(store: MemoryStore, wish: Wish = WISH) -> Application:
    kept = apply(store, agent="so-y-te", wish=wish, now=NOW)
    assert isinstance(kept, Application), kept
    return kept


def approved(store: MemoryStore, application: Application, *, agent: str | None = None) -> Decided | Impossible:
    return approve(store, application, agent=agent, note="đồng ý", by="admin:ha", now=NOW)


def test_an_approved_organ_is_registered_and_carried_for_by_who_applied(store: MemoryStore) -> None:
    outcome = approved(store, applied(store))
    assert isinstance(outcome, Decided)
    assert outcome.organ == store.registry().organs["H41.20"]
    assert outcome.organ == OrganRecord(
        code="H41.20", name="Sở Mới", parent="H41", agent="so-y-te", email="a@b.vn", phone="0238", address="Vinh"
    )
    (kept,) = store.applications()
    assert (kept.state, kept.decided_by, kept.note) == (ApplicationState.APPROVED, "admin:ha", "đồng ý")
    assert store.registry().agents["so-y-te"].token_hash == "ff"


@pytest.mark.parametrize("agent", ["khac", ""])
def test_another_agent_or_nobody_may_carry_for_it(store: MemoryStore, agent: str) -> None:
    approved(store, applied(store), agent=agent)
    assert store.registry().organs["H41.20"].agent == agent


def test_an_approved_end_locks_the_organ(store: MemoryStore) -> None:
    end = applied(store, Wish(reference="ref-00002", kind=ApplicationKind.END, code="H41.08"))
    approved(store, end)
    organ = store.registry().organs["H41.08"]
    assert (organ.state, organ.reason) == (OrganState.LOCKED, "đồng ý")
    again = apply(store, agent="so-y-te", wish=replace(WISH, kind=ApplicationKind.END, code="H41.08"), now=NOW)
    assert isinstance(again, AlreadySo)


def test_a_rejected_application_changes_nothing_but_itself(store: MemoryStore) -> None:
    before = store.registry()
    outcome = reject(store, applied(store), note="trùng", by="admin:ha", now=NOW)
    assert (outcome.application.state, outcome.before) == (ApplicationState.REJECTED, False)
    assert store.registry() is before


def test_what_was_decided_stays_decided(store: MemoryStore) -> None:
    application = applied(store)
    reject(store, application, note="trùng", by="admin:ha", now=NOW)
    for stale in (application, store.applications()[0]):
        assert reject(store, stale, note="khác", by="admin:tu", now=NOW).before
    outcome = approved(store, store.applications()[0])
    assert isinstance(outcome, Decided)
    assert (outcome.before, outcome.application.note) == (True, "trùng")
    assert "H41.20" not in store.registry().organs


def test_an_organ_that_was_registered_meanwhile_is_not_changed(store: MemoryStore) -> None:
    application = applied(store)
    there = OrganRecord(code="H41.20", name="Sở Mới", agent="khac")
    store.put_organs([there])
    assert isinstance(approved(store, application), Impossible)
    assert store.registry().organs["H41.20"] == there
    assert store.applications()[0].is_open


def test_a_code_that_became_anothers_former_code_meanwhile_is_refused(store: MemoryStore) -> None:
    application = applied(store)
    store.put_organs([OrganRecord(code="H41.99", name="Khác", old_code="H41.20")])
    assert isinstance(approved(store, application), Impossible)
    assert "H41.20" not in store.registry().organs


def test_an_approval_that_a_crash_cut_short_is_finished_by_approving_again(store: MemoryStore) -> None:
    application = applied(store)
    store.put_organs(
        [OrganRecord(code="H41.20", name="Sở Mới", parent="H41", agent="so-y-te", email="a@b.vn", phone="0238",
                     address="Vinh")]
    )  # fmt: skip
    outcome = approved(store, application)
    assert isinstance(outcome, Decided)
    assert (outcome.before, outcome.application.state) == (False, ApplicationState.APPROVED)


def test_an_end_of_what_is_gone_cannot_be_approved(store: MemoryStore) -> None:
    end = Application(id="a", agent="so-y-te", reference="r", kind=ApplicationKind.END, code="H99", applied_at=NOW)
    assert isinstance(approved(store, end), Impossible)


def test_a_person_calls_an_application_by_the_beginning_of_its_id(store: MemoryStore) -> None:
    application = applied(store)
    assert called(store, f" {application.id[:8].upper()} ") == application
    assert called(store, application.id) == application
    for name in ("", application.id[:5], "000000"):
        assert called(store, name) == Unknown(found=0)


# ── What the registry's file says of organs ─────────────────────────────────────────────────────────────────────────


def rows_of(text: str) -> list[FileRow]:
    rows, problems = read_registry_file(text.encode(), certificate_file=lambda _: b"")
    assert list(problems) == []
    return list(rows)


def test_a_file_may_have_phones_and_addresses_and_leaves_them_alone_when_it_has_not(store: MemoryStore) -> None:
    for text in (
        "organ_id,name,phone,address\nH41.08,Sở Y tế,0238 384 4528,18 Trường Thi\n",
        "organ_id,name\nH41.08,Sở Y tế mới\n",
    ):
        plan = plan_import(rows_of(text), store.registry())
        assert isinstance(plan, ImportPlan)
        apply_import(store, plan)
    organ = store.registry().organs["H41.08"]
    assert (organ.name, organ.phone, organ.address) == ("Sở Y tế mới", "0238 384 4528", "18 Trường Thi")


def test_a_difference_tells_phones_and_addresses_and_no_version(store: MemoryStore) -> None:
    plan = plan_import(rows_of("organ_id,name,phone,address\nH41.08,Sở Y tế,02,Vinh\n"), store.registry())
    assert isinstance(plan, ImportPlan)
    assert plan.differences[0].fields == (("phone", "", "02"), ("address", "", "Vinh"))


@pytest.mark.parametrize(("column", "chars"), [("phone", 101), ("address", 501)])
def test_a_phone_or_address_that_is_too_long_is_a_fault(column: str, chars: int) -> None:
    text = f"organ_id,name,{column}\nH41,Tỉnh,{'1' * chars}\n"
    _, problems = read_registry_file(text.encode(), certificate_file=lambda _: b"")
    assert [(each.line, each.column) for each in problems] == [(2, column)]


def test_a_row_that_comes_otherwise_is_held_to_the_rules_of_the_file() -> None:
    good = read_registry_row({"organ_id": "h41.08", "name": "Sở"})
    assert isinstance(good, FileRow)
    assert (good.code, good.parent, good.agent, good.certificates) == ("H41.08", "H41", None, None)
    for wrong in ({"organ_id": "", "name": ""}, {"organ_id": "H1", "name": ""}, {"organ_id": "H1", "colour": "đỏ"}):
        assert isinstance(read_registry_row(wrong), tuple)
        assert read_registry_row(wrong) != ()
