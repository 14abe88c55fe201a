"""With `trace_header` the old dialects hand out the hub's hop; what the spool keeps is the signed original."""

import base64
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from agents.gateway.settings import GatewaySettings
from agents.gateway.vouching import with_trace
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity
from tests.support import lgsp_client, vxp_house
from tests.support.access import make_cheap
from tests.support.envelopes import RECIPIENTS, SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import H14, H41, NOW

HUB = "000.00.00.G99"
SETTINGS = {"trace_header": True, "trace_organ": HUB}


def hopped(content: bytes, at: datetime = NOW) -> bytes:
    copy = with_trace(content, hub_organ=HUB, at=at)
    assert copy != content
    return copy


def is_signed(content: bytes) -> bool:
    parsed = parse(content)
    assert isinstance(parsed, Parsed)
    return isinstance(check_integrity(parsed), Signed)


def test_vxp_hands_out_the_hop_and_the_signed_original_stays(tmp_path: Path) -> None:
    with vxp_house.a_house(tmp_path, **SETTINGS) as house:
        original = house.deliver(a_document(), leg="l-1")
        client = house.client()

        fetched = base64.b64decode(client.fetch("l-1").members["data"])
        house.clock.at += timedelta(hours=1)
        downloaded = client.download("l-1").body

        assert fetched == downloaded == hopped(original)
        assert house.desk.look("l-1").envelope == original
        assert is_signed(original)


def test_vxp_leaves_statuses_and_without_the_setting_documents_as_they_are(tmp_path: Path) -> None:
    with vxp_house.a_house(tmp_path / "with", **SETTINGS) as house:
        status = house.deliver(a_status(sender=an_organ(H14)), leg="l-1")
        assert house.client().download("l-1").body == status
    with vxp_house.a_house(tmp_path / "without") as house:
        document = house.deliver(a_document(), leg="l-1")
        assert house.client().download("l-1").body == document


async def test_lgsp_hands_out_the_hop_and_the_signed_original_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cheap(monkeypatch)
    async with lgsp_client.a_house(tmp_path, **SETTINGS) as house:
        original = house.hub.signed(a_document())
        leg = house.deliver(original)
        client = await house.client("nghean", H41)

        fetched = await client.fetch(leg)

        assert fetched.data.edxml is not None
        assert fetched.data.edxml.encode() == hopped(original)
        assert house.at.desk.look(leg).envelope == original


def test_the_setting_wants_the_hubs_organ_code() -> None:
    with pytest.raises(ValidationError, match="trace_organ"):
        GatewaySettings(trace_header=True)
    assert not GatewaySettings().trace_header
    assert {SENDER, *RECIPIENTS}.isdisjoint({HUB})
