"""What a document system handed in can be shown again, beside the hub's signed word on what was sent for it."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from agents import cli
from agents.packaging import submission
from agents.spool.records import StoredReceipt
from edxml_schemas import cli as edxml
from edxml_schemas.receipts import Receipt, ReceiptKind, encode_receipt
from edxml_schemas.vouched import Vouched
from tests.support.envelopes import SENDER, a_document, envelope_bytes
from tests.support.hub_desk import NOW, Desk
from tests.support.vouching import SYSTEM, counter

DIRTY = b"1212" + envelope_bytes(a_document())


class Terminal:
    """A person at the agency's command line, after the hub has accepted one vouched envelope, `lan-gui-1`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        hub = Desk()
        office = counter(folder, [SENDER])
        told = office.vouched(DIRTY)
        new = submission(told.package, submission_id="lan-gui-1", now=NOW)
        office.desk.spool.add_submission(replace(new, original=told.original, vouched=told.vouched))
        kept = office.desk.spool.submission("lan-gui-1")
        assert kept is not None
        self.note = told.vouched
        self.receipt = hub.pen.sign(words("lan-gui-1", kept.digest, kept.size, told.vouched))
        office.desk.spool.add_receipt(
            StoredReceipt(
                receipt_id="r-1",
                submission_id="lan-gui-1",
                kind="accepted",
                duplicate=False,
                body=self.receipt,
                received_at=NOW,
            )
        )
        office.desk.spool.close()
        self.certificate = folder / "hub.pem"
        self.certificate.write_bytes(hub.hub_key.cert_pem)
        self._config = folder / "agent.toml"
        organs = [{"organ_id": SENDER, "key": "key.pem", "cert": "cert.pem"}]
        self._config.write_text(tomli_w.dumps({"name": "vpcp", "organs": organs}), encoding="utf-8")
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def run(self, tool: Any, *arguments: object) -> str:
        named = ("--config", str(self._config)) if tool is cli else ()
        self._monkeypatch.setattr(sys, "argv", ["x", *map(str, arguments), *named])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            tool.main()
        assert not ended.value.code
        return self._capsys.readouterr().out


def words(name: str, digest: str, size: int, note: Vouched) -> bytes:
    return encode_receipt(
        Receipt(
            receipt_id="r-1",
            kind=ReceiptKind.ACCEPTED,
            message_id="m-1",
            submission_id=name,
            message_type="edoc",
            digest=digest,
            size=size,
            received_at=NOW,
            decided_at=NOW,
            vouched=note,
        )
    )


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, monkeypatch, capsys)


def test_the_original_is_written_beside_the_receipts_byte_for_byte(terminal: Terminal, tmp_path: Path) -> None:
    told = json.loads(terminal.run(cli, "status", "lan-gui-1", "--receipts", tmp_path / "bien-nhan", "--json"))
    home = tmp_path / "bien-nhan" / "lan-gui-1"
    assert (home / "original.edxml").read_bytes() == DIRTY
    assert [each.read_bytes() for each in home.glob("*.xml")] == [terminal.receipt]
    assert told[0]["vouched"] == terminal.note.as_dict()


def test_a_receipt_is_verified_and_told_with_who_vouched(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "bien-nhan.xml"
    file.write_bytes(terminal.receipt)
    shown = terminal.run(edxml, "verify-receipt", file, "--hub-cert", terminal.certificate)
    for text in (SYSTEM, terminal.note.digest, "bỏ byte thừa trước XML", "stray bytes before the XML removed"):
        assert text in shown
    told = json.loads(terminal.run(edxml, "verify-receipt", file, "--hub-cert", terminal.certificate, "--json"))
    assert told["receipt"]["vouched"] == terminal.note.as_dict()
