"""The README of the format says what the code does: every table is compared, every example is run."""

import dataclasses
import re
import shlex
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import edxml_schemas
from edxml_schemas import cli, documentation
from edxml_schemas.drafts import draft_keys
from edxml_schemas.evidence.data import Evidence, ProvenEvent
from edxml_schemas.evidence.merkle import leaf_hash
from edxml_schemas.evidence.package import Contents, make_package
from edxml_schemas.evidence.records import MESSAGE_FIELDS, digest_of
from edxml_schemas.evidence.seals import FIRST, SealProof, SealWords, sign_words
from edxml_schemas.judgement import SignatureState, Verdict, judge
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import Document, StatusMessage
from edxml_schemas.receipts import Receipt, ReceiptKind, encode_receipt
from edxml_schemas.signatures import Signer
from edxml_schemas.signed_receipts import sign_receipt
from tests.support.pki import Credential, Pki

PACKAGE = Path(edxml_schemas.__file__).parent
TEXT = documentation.README.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\$ edxml (.*?)(?:\s+# exit (\d))?$", TEXT, re.MULTILINE)


def section(title: str) -> str:
    match = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#+ |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert match, title
    return match[1]


def rows(text: str) -> list[list[str]]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return [row for row in cells if not set(row[0]) <= {"-"}]


def keys_of(table: str) -> set[str]:
    return {key.replace("[]", "") for row in rows(table)[1:] for key in re.findall(r"`([^`]+)`", row[0])}


def leaves(keys: tuple[str, ...]) -> set[str]:
    """Keys that hold a value; the tables around them are documented by their keys."""
    plain = {key.replace("[]", "") for key in keys}
    return {key for key in plain if not any(other.startswith(f"{key}.") for other in plain)}


def test_the_written_tables_are_those_of_the_code() -> None:
    assert documentation.render(TEXT) == TEXT, "run python -m edxml_schemas.documentation"


def test_a_page_without_marks_is_not_rendered() -> None:
    with pytest.raises(ValueError, match="codes"):
        documentation.render("# edxml_schemas")


def test_every_key_of_a_draft_is_documented_and_no_other() -> None:
    document, status = section("Drafts: the keys of metadata").split("| key of a status |")
    assert keys_of(document) == leaves(draft_keys(Document))
    assert keys_of("| key of a status |" + status) == leaves(draft_keys(StatusMessage))


def test_every_limit_is_documented_with_its_value() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(section("Limits"))[1:]}
    assert told == {each.name: str(getattr(DEFAULT_LIMITS, each.name)) for each in dataclasses.fields(DEFAULT_LIMITS)}


def test_every_module_is_in_the_map_and_every_name_in_the_map_is_there() -> None:
    told = {name for row in rows(section("What is in each module"))[1:] for name in re.findall(r"`([^`]+)`", row[0])}
    there = {each.name for each in PACKAGE.glob("*.py") if each.name != "__init__.py"}
    folders = {f"{each.name}/" for each in PACKAGE.iterdir() if each.is_dir() and not each.name.startswith("__")}
    assert {name for name in told if name.endswith(".py")} == there
    assert {name for name in told if name.endswith("/")} == folders - {"samples/"}


def test_every_verdict_and_state_is_documented() -> None:
    text = section("What `check` says")
    assert [row[0].strip("`") for row in rows(text)[1:]] == [each.value for each in Verdict]
    assert all(state.value in text for state in SignatureState)


def test_every_sample_has_the_verdict_that_is_told() -> None:
    told = {row[0].strip("`"): row[1:3] for row in rows(section("Samples"))[1:]}
    there = {each.name for each in (PACKAGE / "samples").glob("*.edxml")}
    assert set(told) == there
    for name, (verdict, state) in told.items():
        judgement = judge((PACKAGE / "samples" / name).read_bytes())
        assert (judgement.verdict.value, judgement.signature_state.value) == (verdict, state), name


def test_every_command_is_shown_by_an_example() -> None:
    shown = {shlex.split(line)[0] for line, _ in EXAMPLES}
    assert shown == {each.name or getattr(each.callback, "__name__", "") for each in cli.app.registered_commands}


def test_the_examples_work_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "samples"
    shutil.copytree(PACKAGE / "samples", folder)
    pki = Pki(datetime.now(UTC))
    pki.write(tmp_path, {"a": pki.issue("Cơ quan mẫu")})
    for source, name in {
        "a.key.pem": "khoa.pem",
        "a.cert.pem": "chung-thu.pem",
        "anchors/root.pem": "goc.pem",
        "intermediates/issuing.pem": "cap.pem",
        "crls/root.crl": "goc.crl",
        "crls/issuing.crl": "cap.crl",
    }.items():
        shutil.copy(tmp_path / source, folder / name)
    hub = pki.self_signed("Trục mẫu")
    receipt = Receipt(
        receipt_id="r-1", kind=ReceiptKind.ACCEPTED, digest="0" * 64, size=0, received_at=pki.now, decided_at=pki.now
    )
    (folder / "bien-nhan.xml").write_bytes(sign_receipt(encode_receipt(receipt), Signer(hub.key, hub.cert)))
    (folder / "truc.pem").write_bytes(hub.cert_pem)
    (folder / "chung-cu.zip").write_bytes(_evidence(hub, folder / "goc.pem"))
    monkeypatch.chdir(folder)
    for line, expected in EXAMPLES:
        monkeypatch.setattr(sys, "argv", ["edxml", *shlex.split(line)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == int(expected or 0), f"edxml {line}\n{capsys.readouterr().err}"


def _evidence(hub: Credential, root: Path) -> bytes:
    """The smallest evidence: a message that was refused before it could be read, under one seal."""
    record: dict[str, object] = dict.fromkeys(MESSAGE_FIELDS, "")
    record |= dict.fromkeys(("promulgation_date", "arrived_on", "due_date", "retry_at"))
    record |= {"id": "m-1", "state": "refused", "received_at": "2026-01-01T00:00:00+00:00", "size": 0, "findings": []}
    facts = orjson.dumps({"record": digest_of(record, MESSAGE_FIELDS)}).decode()
    event = (1, "message.refused", 0, "m-1", "", "agent", facts)
    words = SealWords(
        number=1,
        first_seq=1,
        last_seq=1,
        count=1,
        root=leaf_hash(event).hex(),
        previous=FIRST,
        sealed_at=0,
        certificate=hub.fingerprint,
    )
    signer = Signer(hub.key, hub.cert)
    contents = Contents(
        evidence=Evidence(
            document="m-1",
            hub="Trục mẫu",
            made_at="2026-01-01T00:00:00+00:00",
            require_revocation=True,
            messages=(record,),
            legs=(),
            statuses=(),
            organs={},
            receipts=(),
        ),
        events=(ProvenEvent(words=event, seal=1, index=0, path=()),),
        seals=(SealProof(words=words, signature=sign_words(words.encoded(), signer)),),
        certificates={hub.fingerprint: hub.cert.public_bytes(Encoding.DER)},
        anchors=[x509.load_pem_x509_certificate(root.read_bytes()).public_bytes(Encoding.DER)],
    )
    return make_package(contents, signer=signer, hub_pem=hub.cert_pem)
