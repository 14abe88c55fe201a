"""A registry file is applied as a whole or not at all, and only what it says is changed."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from router.adapters.memory_registry_desk import MemoryRegistryDesk
from router.adapters.memory_store import MemoryStore
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, OrganState, Registry
from router.services.registration import registrar
from router.services.registration.agents import add_agent
from router.services.registration.registrar import ImportPlan, apply_import, plan_import
from router.services.registration.registry_file import CertificateUnreadable, FileRow, Problem, read_registry_file
from tests.support.pki import Pki

NOW = datetime(2026, 3, 2, tzinfo=UTC)
HEADING = "organ_id,name,parent,old_code,agent,email,certificate\n"


@pytest.fixture(scope="module")
def certificates() -> dict[str, bytes]:
    pki = Pki(NOW)
    return {name: pki.issue(name).cert_pem for name in ("a.pem", "b.pem")}


def fingerprint(pem: bytes) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)).hexdigest()


def read(text: str | bytes, files: dict[str, bytes] | None = None) -> tuple[list[FileRow], list[Problem]]:
    known = files or {}

    def certificate_file(name: str) -> bytes:
        if name not in known:
            raise CertificateUnreadable("No such file or directory")
        return known[name]

    data = text if isinstance(text, bytes) else text.encode()
    rows, problems = read_registry_file(data, certificate_file=certificate_file)
    return list(rows), list(problems)


def good(text: str, files: dict[str, bytes] | None = None) -> list[FileRow]:
    rows, problems = read(text, files)
    assert problems == []
    return rows


def planned(rows: list[FileRow], registry: Registry) -> ImportPlan:
    plan = plan_import(rows, registry)
    assert isinstance(plan, ImportPlan)
    return plan


def test_a_row_is_read_with_all_its_columns(certificates: dict[str, bytes]) -> None:
    text = HEADING + 'H41.08,"Sở Y tế, tỉnh",H41,000.00.08.H41,so-y-te,vt@soyte.gov.vn,a.pem;b.pem\n'

    (row,) = good(text, certificates)

    assert (row.line, row.code, row.name, row.parent) == (2, "H41.08", "Sở Y tế, tỉnh", "H41")
    assert (row.old_code, row.agent, row.email) == ("000.00.08.H41", "so-y-te", "vt@soyte.gov.vn")
    assert row.certificates is not None
    assert [each.fingerprint for each in row.certificates] == [fingerprint(each) for each in certificates.values()]
    assert row.certificates[0].organ == "H41.08"
    assert "CN=a.pem" in row.certificates[0].subject


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_files_as_spreadsheets_save_them_are_read(prefix: bytes, newline: str, separator: str) -> None:
    lines = [["ORGAN_ID", "Name", "agent"], ["h41.08 ", " Sở Y tế", "so-y-te"], ["", "", ""], ["H41", "Tỉnh"]]
    data = prefix + newline.join(separator.join(cells) for cells in lines).encode()

    rows, problems = read(data)

    assert problems == []
    assert [(row.line, row.code, row.name, row.agent) for row in rows] == [
        (2, "H41.08", "Sở Y tế", "so-y-te"),
        (4, "H41", "Tỉnh", None),
    ]


@pytest.mark.parametrize(
    ("code", "parent"),
    [("H41.08.13", "H41.08"), ("001.00.20.H13", "000.00.20.H13"), ("H41", ""), ("vxp.saas.03", "")],
)
def test_a_parent_that_is_left_out_follows_from_the_code(code: str, parent: str) -> None:
    (row,) = good(f"organ_id,name\n{code},Cơ quan\n")

    assert (row.code, row.parent) == (code, parent)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 0, ""),
        ("\n\n", 0, ""),
        ("organ_id,name,colour\nH41,Tỉnh,đỏ\n", 1, "colour"),
        ("organ_id,name,name\nH41,Tỉnh,x\n", 1, "name"),
        ("name\nTỉnh\n", 1, "organ_id"),
        ("organ_id\nH41\n", 1, "name"),
        ("organ_id,name\n,Tỉnh\n", 2, "organ_id"),
        ("organ_id,name\nH41,\n", 2, "name"),
        ("organ_id,name\n" + "H" * 101 + ",x\n", 2, "organ_id"),
        ("organ_id,name\nH41,Tỉnh\n\nH41,Tỉnh\n", 4, "organ_id"),
        ("organ_id,name\nH41,Tỉnh,thừa\n", 2, ""),
        ("organ_id,name,agent\nH41,Tỉnh,Sở Y Tế\n", 2, "agent"),
        ("organ_id,name,agent\nH41,Tỉnh,a.b\n", 2, "agent"),
        ("organ_id,name,email\nH41,Tỉnh,khong-phai\n", 2, "email"),
        ("organ_id,name,parent\nH41,Tỉnh,h41\n", 2, "parent"),
        ("organ_id,name,old_code\nH41,Một,X1\nH42,Hai,X1\n", 3, "old_code"),
        ("organ_id,name,old_code\nH41,Một,H42\nH42,Hai,\n", 2, "old_code"),
        ("organ_id,name\nH41,Một\x00\n", 2, ""),
        ("organ_id,name\nH41,Một\x1b[31m\n", 2, ""),
        ('organ_id,name\nH41,"Một" hai\n', 2, ""),
        ('organ_id,name\nH41,"không đóng\n', 2, ""),
        ("organ_id,name,certificate\nH41,Một,nowhere.pem\n", 2, "certificate"),
        ("organ_id,name,certificate\nH41,Một,bad.pem\n", 2, "certificate"),
    ],
)
def test_a_fault_is_named_with_its_line_and_column(text: str, line: int, column: str) -> None:
    _, problems = read(text, {"bad.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})

    assert [(each.line, each.column) for each in problems] == [(line, column)]
    assert problems[0].vi
    assert problems[0].en


def test_all_faults_are_named_at_once() -> None:
    _, problems = read("organ_id,name,agent\n,Một,\nH2,,\nH3,Ba,BA\n")

    assert [(each.line, each.column) for each in problems] == [(2, "organ_id"), (3, "name"), (4, "agent")]


def test_a_file_in_another_encoding_is_told_so_with_the_line() -> None:
    _, problems = read("organ_id,name\nH1,Một\n".encode() + "H2,Há".encode("latin-1"))

    assert [(each.line, each.column) for each in problems] == [(3, "")]
    assert "UTF-8" in problems[0].vi


def test_a_file_beyond_the_limit_is_not_read() -> None:
    _, problems = read(b" " * (64 * 2**20 + 1))

    assert [each.line for each in problems] == [0]


# ── What a file changes ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_organ_and_its_agent_are_created(certificates: dict[str, bytes]) -> None:
    store = MemoryStore()
    plan = planned(good(HEADING + "H41,Tỉnh,,,tinh,,a.pem\n", certificates), store.registry())

    apply_import(store, plan)

    registry = store.registry()
    assert registry.organs["H41"].agent == "tinh"
    assert registry.agents == {"tinh": AgentRecord(name="tinh")}
    assert registry.may_sign("H41", fingerprint(certificates["a.pem"]))
    assert [(each.code, each.new) for each in plan.differences] == [("H41", True)]


def test_importing_the_same_file_again_changes_nothing(certificates: dict[str, bytes]) -> None:
    store = MemoryStore()
    rows = good(HEADING + "H41,Tỉnh,,X1,tinh,a@b.vn,a.pem\nH41.01,Sở,,,tinh,,\n", certificates)
    apply_import(store, planned(rows, store.registry()))

    again = planned(rows, store.registry())

    assert again == ImportPlan(unchanged=2)


def test_planning_alone_writes_nothing() -> None:
    store = MemoryStore()
    planned(good("organ_id,name\nH41,Tỉnh\n"), store.registry())

    assert store.registry() == Registry()


def test_organs_that_the_file_leaves_out_stay_as_they_are() -> None:
    store = MemoryStore()
    store.put_organs([OrganRecord(code="H1", name="Một"), OrganRecord(code="H2", name="Hai")])

    apply_import(store, planned(good("organ_id,name\nH2,Hai mới\n"), store.registry()))

    assert {each.name for each in store.registry().organs.values()} == {"Một", "Hai mới"}


def test_a_difference_tells_before_and_after() -> None:
    registry = Registry.of(version=1, organs=[OrganRecord(code="H1", name="Một")], agents=[], bindings=[])

    plan = planned(good("organ_id,name,email\nH1,Hai,a@b.vn\n"), registry)

    assert plan.differences[0].fields == (("name", "Một", "Hai"), ("email", "", "a@b.vn"))
    assert not plan.differences[0].new


def test_columns_that_the_file_does_not_have_keep_their_values_and_empty_cells_empty_them() -> None:
    store = MemoryStore()
    there = OrganRecord(code="H1", name="Một", old_code="X1", agent="a", email="a@b.vn")
    store.put_organs([there])

    apply_import(store, planned(good("organ_id,name,email\nH1,Một,\n"), store.registry()))

    assert store.registry().organs["H1"] == replace(there, email="")


def test_an_import_never_lifts_a_lock() -> None:
    store = MemoryStore()
    store.put_organs([OrganRecord(code="H1", name="Một", state=OrganState.LOCKED, reason="giải thể")])

    apply_import(store, planned(good("organ_id,name\nH1,Một mới\n"), store.registry()))

    organ = store.registry().organs["H1"]
    assert (organ.name, organ.state, organ.reason) == ("Một mới", OrganState.LOCKED, "giải thể")


def test_named_certificates_replace_what_was_bound_and_an_empty_cell_keeps_it(certificates: dict[str, bytes]) -> None:
    store = MemoryStore()
    a, b = (fingerprint(each) for each in certificates.values())
    apply_import(store, planned(good(HEADING + "H1,Một,,,,,a.pem\n", certificates), store.registry()))

    apply_import(store, planned(good(HEADING + "H1,Một mới,,,,,\n"), store.registry()))
    assert store.registry().certificates["H1"] == {a}

    plan = planned(good(HEADING + "H1,Một mới,,,,,b.pem\n", certificates), store.registry())
    apply_import(store, plan)
    assert store.registry().certificates["H1"] == {b}
    assert plan.differences[0].certificates_added == (b,)
    assert plan.differences[0].certificates_removed == (a,)


def test_an_agent_that_is_there_keeps_its_token() -> None:
    store = MemoryStore()
    store.put_agents([AgentRecord(name="a", title="A", token_hash="ff")])

    apply_import(store, planned(good("organ_id,name,agent\nH1,Một,a\n"), store.registry()))

    assert store.registry().agents["a"].token_hash == "ff"


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("organ_id,name,old_code\nH3,Ba,H1\n", "old_code"),
        ("organ_id,name,old_code\nH3,Ba,X1\n", "old_code"),
        ("organ_id,name\nX1,Ba\n", "organ_id"),
    ],
)
def test_one_code_never_names_two_organs(text: str, column: str) -> None:
    registry = Registry.of(
        version=1, organs=[OrganRecord(code="H1", name="Một", old_code="X1")], agents=[], bindings=[]
    )

    problems = plan_import(good(text), registry)

    assert not isinstance(problems, ImportPlan)
    assert [(each.line, each.column) for each in problems] == [(2, column)]


def test_a_former_code_may_move_within_one_file() -> None:
    registry = Registry.of(
        version=1, organs=[OrganRecord(code="H1", name="Một", old_code="X1")], agents=[], bindings=[]
    )

    plan = planned(good("organ_id,name,old_code\nH1,Một,\nH2,Hai,X1\n"), registry)

    assert {each.code: each.old_code for each in plan.organs} == {"H1": "", "H2": "X1"}


# ── Locks and tokens ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_organ_is_locked_with_a_reason_and_unlocked_without() -> None:
    store = MemoryStore()
    store.put_organs([OrganRecord(code="H1", name="Một", old_code="X1")])

    locked = registrar.lock(store, "X1", reason="giải thể")
    assert locked == store.registry().organs["H1"]
    assert locked is not None
    assert (locked.state, locked.reason) == (OrganState.LOCKED, "giải thể")

    registrar.unlock(store, "h1")
    assert store.registry().organs["H1"] == OrganRecord(code="H1", name="Một", old_code="X1")


def test_an_unknown_organ_cannot_be_locked() -> None:
    assert registrar.lock(MemoryStore(), "H1", reason="x") is None
    assert registrar.unlock(MemoryStore(), "H1") is None


def token_for(store: MemoryStore, name: str, *, title: str = "") -> str:
    desk = MemoryRegistryDesk(store)
    token = add_agent(desk, store.registry(), name, title=title, actor="admin:lan", reason="cần", now=NOW)
    assert token is not None
    return token


def test_nobody_gets_a_token_while_the_registry_is_changed() -> None:
    store = MemoryStore()
    seen = store.registry()
    store.put_organs([OrganRecord(code="H1", name="Một")])
    assert add_agent(MemoryRegistryDesk(store), seen, "a", actor="admin:lan", reason="", now=NOW) is None
    assert store.registry().agents == {}


def test_a_token_is_kept_as_its_digest_only_and_a_new_one_replaces_it() -> None:
    store = MemoryStore()
    first, second = token_for(store, "a", title="Sở A"), token_for(store, "a")

    kept = store.registry().agents["a"]
    assert first != second
    assert len(second) >= 43
    assert kept == AgentRecord(name="a", title="Sở A", token_hash=hashlib.sha256(second.encode()).hexdigest())


def test_a_new_token_leaves_the_certificates_alone() -> None:
    store = MemoryStore()
    store.put_certificates([CertificateRecord(organ="H1", fingerprint="ab", subject="CN=x", pem="PEM")])
    token_for(store, "a")

    assert store.registry().certificates == {"H1": frozenset({"ab"})}
