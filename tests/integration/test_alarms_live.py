"""Alarms of a hub at work: raised, told by mail, webhook, chat and syslog, quieted, and over again.

One hub, one broker and one database for the whole file, with short intervals. Each test leaves the hub well.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner, Result

from edxml_schemas.receipts import ReceiptKind
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.store import SqlStore
from router.cli import app
from router.core.registry import CertificateRecord, OrganRecord
from tests.integration.test_hub_process import has_receipt, ready
from tests.support.alarm_sinks import Sinks, alarm_sinks
from tests.support.broker import PrivateBroker
from tests.support.broker_fixture import empty
from tests.support.envelopes import RECIPIENTS, SENDER
from tests.support.hub_process import RECIPIENT_AGENTS, SENDER_AGENT, HubProcess, PlainAgent, agent, hub_process
from tests.support.pki import Credential
from tests.support.postgres import fresh_database, stopped_server
from tests.support.waiting import until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres, pytest.mark.slow]

ENDING = "H99"
"""An organ whose certificate ends in twenty days."""
SECOND = 1 / 60  # minutes
ONE = "id = (SELECT min(id) FROM messages WHERE state = 'accepted')"
TAMPERED = f"UPDATE messages SET subject = subject || %s WHERE {ONE}"  # noqa: S608  words of ours
MENDED = f"UPDATE messages SET subject = replace(subject, %s, '') WHERE {ONE}"  # noqa: S608  words of ours
SETTINGS = """
[alarms]
look_seconds = 0.5
calm_minutes = 0
backlog_messages = 4
waiting_hours = 0.0003
refusal_least = 3
window_minutes = 0.1
trouble_seconds = 1
log_check_hours = 0.0003
log_check_share = 1.0
forged_signatures = 3
mail_host = "127.0.0.1"
mail_port = {mail}
mail_tls = "none"
mail_sender = "truc@bo.gov.vn"
mail_to = ["ban@bo.gov.vn"]
webhook_urls = ["{hook}/webhook"]
telegram_url = "{hook}"
telegram_token_from = "file:chat.token"
telegram_chats = ["-100"]
digest_to = {{"{organ}" = ["vanthu@h41.vn"]}}
syslog = "udp://127.0.0.1:{syslog}"
"""


class Town:
    """The hub, where its alarms arrive, and its database."""

    def __init__(self, hub: HubProcess, sinks: Sinks, cluster: str) -> None:
        self.hub = hub
        self.sinks = sinks
        self.cluster = cluster

    async def sees(self, holds: Callable[[], bool], *, patience: float = 40.0) -> None:
        async def held() -> bool:
            return holds()

        try:
            await until(held, patience=patience)
        except TimeoutError:
            told = [
                (each["kind"], each["subject"], each["telling"])
                for notice in self.sinks.posted()
                for each in notice.get("alarms", ())
            ]
            log = [each for each in self.hub.log.read_text("utf-8").splitlines() if '"level":"info"' not in each]
            problems = "\n".join(each[:1500] for each in log[-5:])
            raise AssertionError(f"told so far: {told}\n{problems}") from None

    async def is_told(self, kind: str, subject: str, telling: str, *, times: int = 1) -> None:
        await self.sees(lambda: len(self.sinks.told(kind, subject, telling)) >= times)

    async def truc(self, *words: str) -> Result:
        """A command, run in this process: a new one costs a second."""
        return await asyncio.to_thread(CliRunner().invoke, app, [*words, "--config", str(self.hub.config)])

    async def standing(self) -> dict[tuple[str, str], str]:
        """Ids by kind and subject, as `truc alarms list` has them."""
        found = json.loads((await self.truc("alarms", "list", "--json")).stdout)
        return {(each["kind"], each["subject"]): each["id"] for each in found}

    def execute(self, statement: str, *values: object) -> int:
        url = self.hub.database.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).rowcount

    def bind(self, credential: Credential) -> None:
        store = SqlStore(self.hub.database)
        try:
            record = CertificateRecord(
                organ=ENDING,
                fingerprint=credential.fingerprint,
                subject=ENDING,
                pem=credential.cert_pem.decode("ascii"),
            )
            store.put_certificates([record])
        finally:
            store.close()


@pytest.fixture(scope="module")
def sinks() -> Iterator[Sinks]:
    with alarm_sinks() as opened:
        yield opened


@pytest.fixture(scope="module")
def town(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: PrivateBroker, postgres_cluster: str, sinks: Sinks
) -> Iterator[Town]:
    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, empty(rabbitmq)).result()
    folder = tmp_path_factory.mktemp("alarms") / "hub"
    with fresh_database(postgres_cluster) as database, hub_process(folder, rabbitmq, database=database) as hub:
        (folder / "chat.token").write_text("12:ab", "ascii")
        _set_up(hub, sinks)
        made = Town(hub, sinks, postgres_cluster)
        made.bind(hub.pki.issue(ENDING, not_after=datetime.now(UTC) + timedelta(days=20, hours=1)))
        hub.start(workers=1)
        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, ready(hub)).result()
        yield made
        assert hub.stop() == 0


def _set_up(hub: HubProcess, sinks: Sinks) -> None:
    settings = SETTINGS.format(mail=sinks.mail.port, hook=sinks.hook.url, organ=RECIPIENTS[0], syslog=sinks.syslog_port)
    text = hub.config.read_text("utf-8")
    text = text.replace("\n[console]\n", '\n[console]\npublic_url = "https://truc.bo.gov.vn"\n')
    text = text.replace("\n[deadlines]\n", f"\n[deadlines]\nacknowledged_minutes = {[SECOND] * 5}\n")
    hub.config.write_text(text.replace("\n[alarms]\n", settings), "utf-8")
    hub.variables["TRUC_SEALS__EVERY_SECONDS"] = "0.5"
    upgrade(hub.database)
    store = SqlStore(hub.database)
    try:
        store.put_organs([OrganRecord(code=ENDING, name="Cơ quan thử")])
    finally:
        store.close()


def _raised(notice: dict[str, Any]) -> set[str]:
    """What a notice says is new, by subject."""
    return {each["subject"] for each in notice.get("alarms", ()) if each["telling"] == "raised"}


async def all_taken(town: Town, recipients: list[PlainAgent], count: int) -> None:
    await town.sees(lambda: all(len(each.documents) >= count for each in recipients))


async def test_a_certificate_that_ends_in_twenty_days_is_told_until_its_successor_is_bound(town: Town) -> None:
    await town.is_told("certificate", ENDING, "raised")
    (told,) = town.sinks.told("certificate", ENDING, "raised")
    assert (told["severity"], told["command"]) == ("warning", f"truc registry show {ENDING}")
    assert told["page"] == f"https://truc.bo.gov.vn/console/registry/organs/{ENDING}"
    assert "20" in told["words"]["vi"]
    await town.sees(lambda: bool(town.sinks.chats()))
    chat = town.sinks.chats()[0]
    assert (chat["chat_id"], "parse_mode" in chat) == ("-100", False)
    assert told["page"] in chat["text"]
    await town.sees(lambda: any(told["page"] in text for _, _, text in town.sinks.letters()))
    town.bind(town.hub.pki.issue(ENDING))
    await town.is_told("certificate", ENDING, "recovered")


async def test_who_does_not_take_is_told_of_can_be_quieted_gets_a_digest_and_recovers(town: Town) -> None:
    hub, sinks = town.hub, town.sinks
    busy, other = RECIPIENT_AGENTS
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(agent(hub.broker, SENDER_AGENT))
        for number in range(5):
            await sender.submit(hub.document(number))
        await town.is_told("overdue", "not-acknowledged", "raised")
        await town.is_told("waiting", busy, "raised")
        await town.is_told("backlog", busy, "raised")
        (told,) = sinks.told("waiting", busy, "raised")
        assert (told["command"], told["path"]) == (f"truc work overdue --agent {busy}", f"/work/overdue?agent={busy}")
        page = await town.truc(*told["command"].split()[1:], "--json")
        assert len(json.loads(page.stdout)["rows"]) == 5, page.output

        standing = await town.standing()
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
        quiet = await town.truc(
            "alarms", "quiet", standing["waiting", other], "--until", tomorrow, "--reason", "bảo trì"
        )
        assert quiet.exit_code == 0, quiet.output
        digest = await town.truc("alarms", "digest", "--organ", RECIPIENTS[0])
        assert digest.exit_code == 0, digest.output
        await town.sees(lambda: any(to == ["vanthu@h41.vn"] for to, _, _ in sinks.letters()))
        (text,) = [text for to, _, text in sinks.letters() if to == ["vanthu@h41.vn"]]
        assert "Chưa lấy: 5" in text
        assert f"https://truc.bo.gov.vn/console/work/overdue?organ={RECIPIENTS[0]}" in text

        # What stands without a change is told once; the quieted one is told of only when it is over.
        assert len(sinks.told("waiting", busy, "raised")) == 1
        recipients = [await stack.enter_async_context(agent(hub.broker, name)) for name in RECIPIENT_AGENTS]
        await all_taken(town, recipients, 5)
        for subject in (busy, other):
            await town.is_told("backlog", subject, "recovered")
            await town.is_told("waiting", subject, "recovered")
        await town.is_told("overdue", "not-acknowledged", "recovered")
        assert not sinks.told("waiting", other, "still")


async def test_forgers_and_impostors_are_told_to_people_and_to_the_monitoring_centre(town: Town) -> None:
    hub, sinks = town.hub, town.sinks
    impostor = RECIPIENT_AGENTS[0]
    async with agent(hub.broker, SENDER_AGENT) as sender, agent(hub.broker, impostor) as foreign:
        forged = [hub.document(100 + number).replace(b"7816", b"7817") for number in range(3)]
        for submission in [await sender.submit(each) for each in forged]:
            await has_receipt(sender, submission, ReceiptKind.REFUSED)
        await foreign.submit(hub.document(200))
        await town.is_told("forged", SENDER_AGENT, "raised")
        await town.is_told("foreign", impostor, "raised")
        await town.is_told("refusals", "hub", "raised")
        assert sinks.told("foreign", impostor, "raised")[0]["severity"] == "critical"
        listed = await town.truc("work", "refused", "--agent", impostor, "--json")
        assert [each["sender"] for each in json.loads(listed.stdout)["rows"]] == [SENDER]
        await town.sees(lambda: sum("|message.refused|" in line for line in sinks.lines) >= 4)
        (line,) = [each for each in sinks.lines if f"suser={impostor}" in each or f"={impostor}" in each]
        assert line.startswith("<")
        assert "CEF:0|TrucLienThong|truc|" in line
        assert "|9|" in line
        for kind, subject in (("forged", SENDER_AGENT), ("foreign", impostor), ("refusals", "hub")):
            await town.is_told(kind, subject, "recovered")


async def test_a_broker_that_is_killed_is_told_and_its_return_too_and_the_hub_lives(town: Town) -> None:
    hub = town.hub
    assert hub.process is not None
    supervisor, workers = hub.process.pid, hub.worker_pids()
    await asyncio.to_thread(hub.broker.kill)
    await town.is_told("trouble", "broker", "raised")
    assert town.sinks.told("trouble", "broker", "raised")[0]["command"] == "truc doctor"
    await asyncio.to_thread(hub.broker.start)
    await town.is_told("trouble", "broker", "recovered")
    await ready(hub)
    (notice,) = [each for each in town.sinks.posted() if "broker" in _raised(each)]
    assert _raised(notice) == {"broker"}, "that workers do not reach it either is not told beside it"
    assert (hub.process.pid, hub.worker_pids(), hub.process.poll()) == (supervisor, workers, None)
    async with AsyncExitStack() as stack:
        names = (SENDER_AGENT, *RECIPIENT_AGENTS)
        sender, *recipients = [await stack.enter_async_context(agent(hub.broker, name)) for name in names]
        await sender.submit(hub.document(300))
        await all_taken(town, recipients, 1)


async def test_a_row_that_somebody_changed_behind_the_hub_is_told(town: Town) -> None:
    assert await asyncio.to_thread(town.execute, TAMPERED, " (đã sửa)") == 1
    await town.is_told("log", "log", "raised")
    (told,) = town.sinks.told("log", "log", "raised")
    assert (told["severity"], told["command"]) == ("critical", "truc log verify")
    assert "messages" in told["words"]["en"]
    assert await asyncio.to_thread(town.execute, MENDED, " (đã sửa)") == 1
    await town.is_told("log", "log", "recovered")


async def test_a_database_that_is_gone_is_told_once_by_every_channel_and_its_return_too(town: Town) -> None:
    sinks = town.sinks
    letters, chats = len(sinks.letters()), len(sinks.chats())
    with stopped_server(town.cluster):
        await town.is_told("trouble", "database", "raised")
        # Some more looks: nobody is told twice of one trouble.
        await asyncio.sleep(2)
    await town.is_told("trouble", "database", "recovered")
    await ready(town.hub)
    assert len(sinks.told("trouble", "database", "raised")) == 1
    assert len(sinks.told("trouble", "database", "recovered")) == 1

    def about(texts: list[str]) -> int:
        return sum("  database: không dùng được" in each for each in texts)

    await town.sees(lambda: about([text for _, _, text in sinks.letters()[letters:]]) == 2)
    await town.sees(lambda: about([each["text"] for each in sinks.chats()[chats:]]) == 2)
    past = json.loads((await town.truc("alarms", "list", "--past", "50", "--json")).stdout)
    assert [each["state"] for each in past if each["subject"] == "database"] == ["recovered"]


async def test_every_channel_can_be_tried_and_metrics_say_how_far_readers_are_behind(town: Town) -> None:
    for channel in ("mail", "webhook", "telegram"):
        tried = await town.truc("alarms", "test", channel, "--by", "An")
        assert tried.exit_code == 0, tried.output
    # Notices of what the tests before have done may still come between.
    assert any(subject.endswith("Tin thử / test") for _, subject, _ in town.sinks.letters())
    assert any(each.get("test") is True for each in town.sinks.posted())
    assert any("Tin thử" in each["text"] for each in town.sinks.chats())
    assert "fax" in str((await town.truc("alarms", "test", "fax")).exception)
    url = f"http://127.0.0.1:{town.hub.http_port}/-/metrics"
    text = (await asyncio.to_thread(httpx.get, url, timeout=10)).raise_for_status().text
    for reader in ("search", "figures"):
        assert f'truc_log_behind_seconds{{reader="{reader}"}}' in text
        assert f'truc_log_behind_events{{reader="{reader}"}}' in text
