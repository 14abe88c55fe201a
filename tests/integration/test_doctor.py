"""`truc doctor` on a real broker, as a person runs it."""

import json
from pathlib import Path

import aio_pika
import pytest

from edxml_schemas.contract import Urgency, inbox_queue
from tests.support.broker import PrivateBroker
from tests.support.broker_fixture import AGENTS
from tests.support.hub_process import HubProcess

INBOX = inbox_queue(AGENTS[0], Urgency.NORMAL)


def diagnoses(hub: HubProcess, *options: str) -> tuple[int, list[dict[str, str]]]:
    done = hub.truc("doctor", "--json", *options)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["diagnoses"]


async def delete(broker: PrivateBroker, queue: str) -> None:
    async with await aio_pika.connect(broker.hub_url) as connection:
        channel = await connection.channel()
        await channel.queue_delete(queue)


@pytest.fixture
def hub(broker: PrivateBroker, tmp_path: Path) -> HubProcess:
    return HubProcess(tmp_path / "hub", broker)


async def test_a_missing_inbox_is_named_and_made_on_request(hub: HubProcess, broker: PrivateBroker) -> None:
    hub.truc("doctor", "--repair")
    code, found = diagnoses(hub)
    assert (code, [each for each in found if each["health"] == "bad"]) == (0, [])

    await delete(broker, INBOX)
    code, found = diagnoses(hub)
    (missing,) = [each for each in found if each["health"] == "bad"]
    assert code == 1
    assert INBOX in missing["en"]
    assert missing["repairable"]

    code, found = diagnoses(hub, "--repair")
    assert code == 0
    assert any(each["health"] == "mended" and INBOX in each["en"] for each in found)
    assert diagnoses(hub)[0] == 0


def test_a_broker_that_is_not_there_is_named_without_its_password(hub: HubProcess) -> None:
    lines = hub.config.read_text(encoding="utf-8").splitlines()
    away = 'amqp_url = "amqp://hub:mat-khau-rieng@127.0.0.1:1/"'
    changed = [away if line.startswith("amqp_url") else line for line in lines]
    hub.config.write_text("\n".join(changed), encoding="utf-8")
    done = hub.truc("doctor")
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stdout
    assert "mat-khau-rieng" not in done.stdout + done.stderr
