"""`truc log`, `truc evidence` and `edxml verify-evidence`, as a person uses them; and authorities that stamp."""

import json
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from edxml_schemas.cli import app as edxml_app
from edxml_schemas.evidence.timestamps import request_of, token_of
from router.adapters.payloads import FilePayloads
from router.adapters.sql.store import SqlStore
from router.adapters.stamp_authority import CommandAuthority, HttpAuthority
from router.cli import app as truc_app
from router.errors import HubProblem
from router.ports.signing import StampUnavailable
from tests.support.hub_desk import NOW
from tests.support.hub_tables import make_tables
from tests.support.pki import Pki
from tests.support.provable import ProvableHub
from tests.support.stamps import LocalAuthority

DIGEST = "ab" * 32


class Hub:
    """A hub in a folder, with a past that another key sealed before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "hub"
        self.config = self.folder / "truc.toml"
        self.run("init", str(self.folder))
        self.database = self.folder / "data" / "truc.db"
        make_tables(f"sqlite:///{self.database}")
        payloads = FilePayloads(self.folder / "data" / "payloads", "w")
        with closing(SqlStore(f"sqlite:///{self.database}")) as store:
            self.past = ProvableHub(store, payloads)
        payloads.close()
        pki = self.past.desk.pki
        self.root = self.folder / "trust" / "anchors" / "root.pem"
        self.root.write_bytes(pki.root.cert.public_bytes(Encoding.PEM))
        (self.folder / "trust" / "intermediates" / "issuing.pem").write_bytes(
            pki.issuing.cert.public_bytes(Encoding.PEM)
        )
        for number, crl in enumerate(pki.crls()):
            (self.folder / "trust" / "crls" / f"{number}.crl").write_bytes(crl.public_bytes(Encoding.DER))
        self.certificate = self.folder / "hub" / "hub.cert.pem"

    def knows_its_former_key(self) -> None:
        former = self.folder / "hub" / "former"
        former.mkdir()
        (former / "2025.pem").write_bytes(self.past.desk.hub_key.cert_pem)

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """What a command of `truc` says on stdout."""
        given = arguments if arguments[0] == "init" else (*arguments, "--config", str(self.config))
        done = CliRunner().invoke(truc_app, [*given])
        code = done.exception.exit_code if isinstance(done.exception, HubProblem) else done.exit_code
        assert code == exit_code, (done.output, done.stderr, done.exception)
        return done.stdout

    def said(self, *arguments: str, exit_code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", exit_code=exit_code))

    def execute(self, statement: str) -> int:
        with closing(sqlite3.connect(self.database)) as connection:
            touched = connection.execute(statement).rowcount
            connection.commit()
        return touched


def edxml(*arguments: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(edxml_app, [*arguments])
    assert done.exit_code == exit_code, (done.output, done.exception)
    return done.stdout


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    made = Hub(tmp_path)
    made.knows_its_former_key()
    return made


def test_a_log_that_holds_is_said_to(hub: Hub) -> None:
    sealed = hub.said("log", "seal")
    report = hub.said("log", "verify")
    assert report["good"]
    assert report["faults"] == []
    assert report["newest"] == sealed["newest"]
    assert "liền mạch" not in hub.run("log", "verify")  # chatter is on stderr
    assert f"{report['seals']} dấu" in hub.run("log", "verify")


def test_a_seal_by_a_key_that_the_hub_does_not_know_does_not_count(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    report = hub.said("log", "verify", exit_code=1)
    assert [each["table"] for each in report["faults"]] == ["seals"]
    old = tmp_path / "old.pem"
    old.write_bytes(hub.past.desk.hub_key.cert_pem)
    assert hub.said("log", "verify", "--hub-cert", str(old))["good"]
    hub.run("log", "verify", "--hub-cert", str(hub.config), exit_code=2)


def test_a_leg_that_somebody_delivered_by_hand_is_named(hub: Hub) -> None:
    assert hub.execute("UPDATE legs SET state = 'delivered' WHERE state = 'parked'") > 0
    report = hub.said("log", "verify", exit_code=1)
    assert {each["table"] for each in report["faults"]} == {"legs"}
    assert hub.past.document.id in {each["message_id"] for each in report["faults"]}
    assert "parked" in hub.run("log", "verify", exit_code=1)


def test_an_end_that_was_cut_off_is_missed_by_who_checked_before(hub: Hub) -> None:
    """The newest seals and everything under them: the database alone would not tell."""
    newest = hub.said("log", "verify")["newest"]
    hub.execute(f"DELETE FROM seals WHERE number = {newest['seal']}")  # noqa: S608  a number
    hub.execute(f"DELETE FROM events WHERE seq > {newest['last_seq']}")  # noqa: S608
    report = hub.said("log", "verify", exit_code=1)
    assert report["faults"] == []
    assert len(report["lost_checkpoints"]) == 1


def test_a_documents_events_are_shown_as_they_are_sealed(hub: Hub) -> None:
    rows = hub.said("log", "show", hub.past.document.id)
    assert rows[0]["event"][1] == "message.accepted"
    assert rows[0]["seal"] == 1
    assert "message.accepted" in hub.run("log", "show", hub.past.document.id)
    hub.run("log", "show", "không có", exit_code=1)


def test_exported_evidence_is_good_and_a_flipped_byte_is_not(hub: Hub, tmp_path: Path) -> None:
    out = tmp_path / "chung-cu.zip"
    exported = hub.said("evidence", "export", hub.past.document.id, "-o", str(out), "--by", "lan")
    assert exported["good"]
    told = [row["event"] for row in hub.said("log", "show", hub.past.document.id)]
    assert [each for each in told if "evidence.exported" in each and "admin:lan" in each]
    trusted = ("--hub-cert", str(hub.certificate), "--ca", str(hub.root))
    verdict = json.loads(edxml("verify-evidence", str(out), *trusted, "--json"))
    assert verdict["good"]
    assert verdict["document"] == hub.past.document.id
    assert "SHA-256" in edxml("verify-evidence", str(out))  # of the enclosed certificate, to be compared
    hub.run("evidence", "export", hub.past.document.id, "-o", str(out), exit_code=2)  # is there already
    content = bytearray(out.read_bytes())
    content[len(content) // 2] ^= 1
    out.write_bytes(content)
    assert "✗" in edxml("verify-evidence", str(out), *trusted, exit_code=1)
    edxml("verify-evidence", str(tmp_path / "none.zip"), exit_code=2)


def test_evidence_of_what_was_changed_by_hand_is_not_exported(hub: Hub, tmp_path: Path) -> None:
    hub.execute("UPDATE legs SET state = 'delivered' WHERE state = 'parked'")
    out = tmp_path / "chung-cu.zip"
    hub.run("evidence", "export", hub.past.document.id, "-o", str(out), exit_code=1)
    assert not out.exists()


def test_nothing_and_several_are_told_apart_before_anything_is_exported(hub: Hub, tmp_path: Path) -> None:
    hub.run("evidence", "export", "không có", "-o", str(tmp_path / "x.zip"), exit_code=1)
    assert not (tmp_path / "x.zip").exists()


# ── Authorities ─────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def served(answer: bytes, status: int = 200) -> Iterator[str]:
    """The address of a server that answers every question with these bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base's
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_authority_is_asked_by_http() -> None:
    request = request_of(DIGEST, nonce=5)
    answer = LocalAuthority(Pki(NOW), now=NOW).ask(request)
    with served(answer) as url:
        assert token_of(HttpAuthority(url, patience=5.0).ask(request), DIGEST, nonce=5)


@pytest.mark.parametrize(("answer", "status"), [(b"", 500), (b"\0" * 100_000, 200)])
def test_an_authority_that_fails_or_says_too_much_is_unavailable(answer: bytes, status: int) -> None:
    with served(answer, status) as url, pytest.raises(StampUnavailable):
        HttpAuthority(url, patience=5.0).ask(b"?")


def test_an_authority_behind_a_program_gets_the_question_on_its_standard_input() -> None:
    echo = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"]
    assert CommandAuthority(echo, patience=20.0).ask(b"abc") == b"cba"
    for broken in ([sys.executable, "-c", "raise SystemExit(3)"], ["/no/such/program"]):
        with pytest.raises(StampUnavailable):
            CommandAuthority(broken, patience=20.0).ask(b"abc")
