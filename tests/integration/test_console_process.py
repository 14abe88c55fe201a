"""The console as people reach it: served alone by `truc console`, and by `truc run` on the hub's port."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from router.console.shell.addresses import BASE
from tests.support.broker import PrivateBroker, free_port
from tests.support.console import token_in
from tests.support.hub_process import hub_process
from tests.support.waiting import until

PATIENCE: Final = 60.0  # seconds
PASSWORD: Final = "Nước chảy đá mòn 7"


def truc(*arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "router.cli", *arguments]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=PATIENCE, check=False)


def add_person(config: Path) -> None:
    done = truc(
        *("user", "add", "mai", "--role", "administrator", "--reason", "lập trục", "--keep-password"),
        *("--password-stdin", "--config", str(config)),
        typed=f"{PASSWORD}\n",
    )
    assert done.returncode == 0, done.stderr


async def answers(client: httpx.AsyncClient) -> None:
    async def is_there() -> bool:
        try:
            return (await client.get("/-/health")).status_code == 200
        except httpx.TransportError:
            return False

    await until(is_there, patience=PATIENCE)


async def signs_in_and_looks_around(client: httpx.AsyncClient) -> None:
    front = await client.get("/", follow_redirects=True)
    assert front.url.path == f"{BASE}/login"
    form = {"form": token_in(front.text), "name": "mai", "password": PASSWORD}
    inside = await client.post(f"{BASE}/login", data=form, follow_redirects=True)
    assert inside.status_code == 200
    assert 'aria-current="page"' in inside.text
    users = (await client.get(f"{BASE}/users.json")).json()["users"]
    assert [each["name"] for each in users] == ["mai"]
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    assert "strict-transport-security" not in (await client.get(f"{BASE}/login", headers=forwarded)).headers
    assert (await client.get(f"{BASE}/login", headers={"Host": "evil.test"})).status_code == 400


@asynccontextmanager
async def console_alone(config: Path, port: int) -> AsyncIterator["asyncio.subprocess.Process"]:
    command = [sys.executable, "-m", "router.cli", "console", "--port", str(port), "--config", str(config)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_console_runs_alone_beside_a_hub(tmp_path: Path) -> None:
    assert truc("init", str(tmp_path / "hub")).returncode == 0
    config, port = tmp_path / "hub" / "truc.toml", free_port()
    add_person(config)
    async with console_alone(config, port) as process, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await answers(client)
        await signs_in_and_looks_around(client)
        seen = (await client.get(f"{BASE}/overview.json")).json()
        assert {each["part"]: each["works"] for each in seen["parts"]} == {"broker": False, "database": True}
        assert (seen["workers"], seen["sees_processes"]) == (None, False)
        assert "truc run" in (await client.get(f"{BASE}/overview")).text

        taken = truc("console", "--port", str(port), "--config", str(config))
        assert (taken.returncode, str(port) in taken.stderr) == (3, True)

        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


@pytest.mark.rabbitmq
async def test_the_hub_serves_its_console_and_the_front_door_leads_there(tmp_path: Path, broker: PrivateBroker) -> None:
    with hub_process(tmp_path / "hub", broker) as hub:
        add_person(hub.config)
        hub.start(workers=1)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hub.http_port}") as client:
            await answers(client)
            await signs_in_and_looks_around(client)
