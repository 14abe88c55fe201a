"""The native interface attacked by its own description: whatever a client sends, it gets an answer that is described.

The gateway runs as it does in an agency, on a real socket. Examples are few and always the same.
"""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case

from agents.gateway.rest.app import bare_rest
from agents.gateway.rest.openapi import describe
from tests.support.access import make_cheap
from tests.support.envelopes import a_document
from tests.support.gateway import gateway_desk, serving
from tests.support.rest_house import API, metadata

RIGHT: Final = 12  # examples of the described form, for each operation
WRONG: Final = 5  # examples of another form; making one takes long
SAME: Final = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CONFIG: Final[dict[str, Any]] = {
    "seed": 20261121,
    "generation": {"mode": "all", "deterministic": True, "database": "none", "with-security-parameters": False},
    "phases": {"coverage": {"enabled": False}, "stateful": {"enabled": False}},
    # A draft that has the right form may be refused for what it says: that is what validation is for.
    "checks": {"positive_data_acceptance": {"enabled": False}},
    "request-timeout": 10,
}


class Running:
    """A gateway in a thread of its own, with an event loop of its own."""

    def __init__(self, folder: Any) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready: Future[dict[str, str]] = Future()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> dict[str, str]:
        self._thread.start()
        return self._ready.result(30)

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()

    async def _serve(self) -> None:
        try:
            with gateway_desk(self._folder, lgsp={"enabled": False}, vxp={"enabled": False}) as at:
                leg = at.deliver(a_document())
                async with serving(at) as gateway:
                    key = gateway.add_key(per_minute=6000)
                    headers = {"Authorization": f"Bearer {key.token}"}
                    sent = await gateway.client.post(f"{API}/documents", json={"metadata": metadata()}, headers=headers)
                    self._ready.set_result(
                        {
                            "url": gateway.url,
                            "token": key.token,
                            "leg_id": leg,
                            "submission_id": sent.json()["submission_id"],
                        }
                    )
                    await self._stop.wait()
        except BaseException as error:
            self._ready.set_exception(error)
            raise


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        make_cheap(patch)
        with Running(tmp_path_factory.mktemp("gateway")) as facts:
            yield facts


@pytest.fixture(scope="module")
def api(running: dict[str, str]) -> Any:
    known = ("leg_id", "submission_id")
    config = schemathesis.Config.from_dict(
        {
            **CONFIG,
            "headers": {"X-API-Key": running["token"]},
            "base-url": f"{running['url']}{API}",
            "dictionaries": {name: {"values": [running[name]]} for name in known},
            "parameters": {f"path.{name}": {"dictionary": name, "probability": 0.5} for name in known},
        }
    )
    return schemathesis.openapi.from_url(f"{running['url']}{API}/openapi.json", config=config)


def operations() -> list[tuple[str, str]]:
    """Method and path of every operation; the stream of events never ends, `test_rest_events` listens to it."""
    paths = describe(bare_rest())["paths"]
    return [(method.upper(), path) for path, item in paths.items() for method in item if path != "/events"]


@pytest.mark.parametrize(("method", "path"), operations())
def test_every_answer_is_one_that_is_described(api: Any, method: str, path: str) -> None:
    operation = api[path][method]

    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
    @settings(SAME, max_examples=RIGHT)
    def right(case: Case[Any]) -> None:
        case.call_and_validate()

    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    @settings(SAME, max_examples=WRONG)
    def wrong(case: Case[Any]) -> None:
        case.call_and_validate()

    right()
    if operation.body or operation.query or operation.headers or operation.path_parameters:
        wrong()
