"""The server as a part of the agent: it begins and ends in good order, and changes its certificate while it runs."""

import asyncio
import hashlib
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.errors import UsageFault
from agents.gateway.app import HEALTH
from agents.gateway.connections import GatewayConfig
from agents.gateway.server import GatewayServer, opened
from agents.gateway.settings import Arrived, GatewaySettings
from agents.settings import load_settings
from tests.support.gateway import GatewayDesk, Serving, gateway_desk, serving
from tests.support.pki import Credential, Pki
from tests.support.waiting import until


@pytest.fixture
def at(tmp_path: Path) -> Iterator[GatewayDesk]:
    with gateway_desk(tmp_path) as made:
        yield made


# ── Beginning and end ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_answers_on_a_port_of_its_own_and_keeps_connections(at: GatewayDesk) -> None:
    async with serving(at) as gateway:
        for _ in range(3):
            assert (await gateway.client.get(HEALTH)).json() == {"status": "ok"}
        assert gateway.server.port > 0


async def test_a_port_that_is_in_use_is_told_of_before_anything_runs(at: GatewayDesk, tmp_path: Path) -> None:
    async with serving(at) as gateway:
        with (
            gateway_desk(tmp_path / "2", port=gateway.server.port) as other,
            opened(other.desk) as rooms,
            pytest.raises(UsageFault, match=str(gateway.server.port)),
        ):
            GatewayServer(rooms)


def test_without_a_gateway_table_there_is_none(at: GatewayDesk) -> None:
    at.desk.settings = at.desk.settings.model_copy(update={"gateway": None})
    with pytest.raises(UsageFault, match="gateway"), opened(at.desk):
        pass


@pytest.mark.parametrize("table", [True, False])
def test_a_robot_agency_has_none_and_is_told_what_to_do(at: GatewayDesk, table: bool) -> None:
    settings = at.desk.settings
    at.desk.settings = settings.model_copy(
        update={"robot": True, "gateway": settings.gateway if table else None},
    )
    with pytest.raises(UsageFault, match="truc-agent robot") as told, opened(at.desk):
        pass
    assert "robot = true" in told.value.vi


async def test_what_a_dead_process_left_of_bodies_is_cleared_away(at: GatewayDesk) -> None:
    incoming = at.spool.folder / "incoming"
    incoming.mkdir()
    half = incoming / "1.body"
    half.write_bytes(b"half a letter")
    async with serving(at):
        assert not half.exists()
        assert stat.S_IMODE(incoming.stat().st_mode) & 0o077 == 0


async def test_a_request_in_flight_is_finished_when_the_agent_is_told_to_stop(at: GatewayDesk) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> object:
        yield b"{"
        arrived.set()
        await go_on.wait()
        yield b"}"

    stop = asyncio.Event()
    with opened(at.desk) as rooms:
        server = GatewayServer(rooms)
        running = asyncio.create_task(server.run(stop))
        await server.serving()
        async with httpx.AsyncClient(base_url=server.url) as client:
            asking = asyncio.create_task(client.post("/v1/updateStatus", content=body()))  # type: ignore[arg-type]
            await arrived.wait()
            stop.set()
            await rooms.stopping.wait()
            go_on.set()
            answer = await asking
        await running
    assert "json" in answer.headers["content-type"]


async def test_nobody_gets_in_after_the_end(at: GatewayDesk) -> None:
    async with serving(at) as gateway:
        url = gateway.url
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}{HEALTH}")


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Tls:
    """Files of a server's certificate, and clients that look at it."""

    def __init__(self, folder: Path) -> None:
        self.pki = Pki(datetime.now(UTC))
        self.certificate, self.key = folder / "tls.cert.pem", folder / "tls.key.pem"
        self.authority = folder / "clients.pem"
        self.authority.write_bytes(self.pki.root.credential.cert_pem + self.pki.issuing.credential.cert_pem)
        self.first = self.write()

    def write(self) -> Credential:
        """A new certificate in the files, renamed into place; the key first, as careless tools do."""
        made = self.pki.issue("gateway")
        for path, content in ((self.key, made.key_pem), (self.certificate, made.cert_pem)):
            beside = path.with_suffix(".new")
            beside.write_bytes(content)
            beside.replace(path)
        return made

    def settings(self, **more: object) -> dict[str, Any]:
        return {"tls_certificate": self.certificate, "tls_key": self.key, **more}

    def client(self, folder: Path, own: Credential | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if own is not None:
            self.pki.write(folder / "client", {"own": own})
            context.load_cert_chain(folder / "client" / "own.cert.pem", folder / "client" / "own.key.pem")
        return context


async def shown_by(gateway: Serving, context: ssl.SSLContext) -> str:
    """The fingerprint of the certificate that a new connection sees."""
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return hashlib.sha256(shown).hexdigest()


async def test_a_new_certificate_is_shown_without_a_restart_and_open_connections_stay(tmp_path: Path) -> None:
    tls = Tls(tmp_path)
    context = tls.client(tmp_path)
    with gateway_desk(tmp_path, **tls.settings()) as at:
        async with serving(at, verify=context) as gateway:
            assert (await gateway.client.get(HEALTH)).status_code == 200
            assert await shown_by(gateway, context) == tls.first.fingerprint
            second = tls.write()

            async def renewed() -> bool:
                return await shown_by(gateway, context) == second.fingerprint

            await until(renewed)
            assert (await gateway.client.get(HEALTH)).status_code == 200


@pytest.mark.parametrize("damage", ["certificate", "pair", "missing"])
async def test_a_faulty_certificate_never_replaces_a_good_one(tmp_path: Path, damage: str) -> None:
    tls = Tls(tmp_path)
    context = tls.client(tmp_path)
    with gateway_desk(tmp_path, **tls.settings()) as at:
        async with serving(at, verify=context) as gateway:
            if damage == "certificate":
                tls.certificate.write_bytes(b"-----BEGIN CERTIFICATE-----\nhalf")
            elif damage == "pair":
                tls.certificate.write_bytes(tls.pki.issue("other").cert_pem)
            else:
                tls.key.unlink()
            for _ in range(3):
                assert await shown_by(gateway, context) == tls.first.fingerprint
            second = tls.write()

            async def renewed() -> bool:
                return await shown_by(gateway, context) == second.fingerprint

            await until(renewed)


def test_an_unusable_certificate_is_told_of_at_the_start(tmp_path: Path) -> None:
    tls = Tls(tmp_path)
    tls.key.write_bytes(tls.pki.issue("other").key_pem)
    with (
        gateway_desk(tmp_path, **tls.settings()) as at,
        opened(at.desk) as rooms,
        pytest.raises(UsageFault, match="TLS"),
    ):
        GatewayServer(rooms)


async def test_a_client_certificate_of_the_named_authority_is_seen_and_one_of_another_is_turned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, seen = Tls(tmp_path), []
    own = tls.pki.issue("Phần mềm")
    stranger = Pki(datetime.now(UTC), name="Lạ").issue("Kẻ lạ")
    connect = GatewayConfig.__init__

    def watching(self: GatewayConfig, app: object, **values: object) -> None:
        async def noting(scope: dict[str, dict[str, str]], receive: object, send: object) -> None:
            seen.append(scope["state"]["client_certificate"])
            await app(scope, receive, send)  # type: ignore[operator]  # an ASGI application

        connect(self, noting, **values)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(GatewayConfig, "__init__", watching)
    with gateway_desk(tmp_path, **tls.settings(client_ca=tls.authority)) as at:
        async with serving(at, verify=tls.client(tmp_path, own)) as gateway:
            await gateway.client.get(HEALTH)
            async with httpx.AsyncClient(base_url=gateway.url, verify=tls.client(tmp_path)) as bare:
                await bare.get(HEALTH)
            async with httpx.AsyncClient(base_url=gateway.url, verify=tls.client(tmp_path, stranger)) as other:
                with pytest.raises(httpx.TransportError):
                    await other.get(HEALTH)
    assert seen == [own.fingerprint, ""]


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_is_read_with_paths_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(
        'name = "so-y-te"\n[gateway]\nport = 8443\narrived = "kept"\ntls_certificate = "tls.pem"\n'
        'tls_key = "tls.key"\nlease = 60\ntrusted_proxies = ["10.0.0.1/24"]\n[[organs]]\norgan_id = "H41"\n',
        encoding="utf-8",
    )
    table = load_settings(tmp_path).gateway
    assert table is not None
    assert (table.port, table.arrived, table.lease.total_seconds()) == (8443, Arrived.KEPT, 60)
    assert table.tls_certificate == tmp_path / "tls.pem"
    assert table.trusted_proxies == ("10.0.0.0/24",)


@pytest.mark.parametrize(
    "table",
    [
        {"tls_certificate": "x"},
        {"client_ca": "x"},
        {"require_client_certificate": True},
        {"client_certificate_header": "X-Cert"},
        {"trusted_proxies": ["proxy.example"]},
        {"idle_timeout": 0},
        {"prot": 80},
    ],
)
def test_settings_that_cannot_work_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        GatewaySettings(**table)


def test_the_files_of_the_spool_stay_closed_to_others(at: GatewayDesk) -> None:
    with opened(at.desk):
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in at.spool.folder.iterdir()}
    assert {name for name, mode in modes.items() if name.startswith("access") and mode & 0o077} <= {"access.lock"}
    assert not at.spool.folder.stat().st_mode & 0o077
