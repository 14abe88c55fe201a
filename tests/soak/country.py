"""Who takes part: agents, the organs they carry for, keys, the registry, and the agents' settings."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import tomli_w
from cryptography.hazmat.primitives import serialization

from edxml_schemas.signatures import Signer
from tests.support.pki import Pki

AGENTS: Final = ("van-phong", "bo-y-te", "so-tu-phap", "tinh-bac", "tinh-nam")
ORGANS_PER_AGENT: Final = 5
LONELY: Final = "000.00.00.H99"
"""Registered, but nobody carries for it: what it is sent is held."""
UNKNOWN: Final = "000.00.77.Z77"
"""In no registry: a document to it is refused."""
CRL_LIFE: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Organ:
    """A body, and the agent that carries for it."""

    code: str
    name: str
    agent: str


ORGANS: Final = tuple(
    Organ(f"000.00.{number:02d}.H{50 + place}", f"Cơ quan {number} của {agent}", agent)
    for place, agent in enumerate(AGENTS)
    for number in range(1, ORGANS_PER_AGENT + 1)
)


@dataclass(frozen=True, slots=True)
class Country:
    """Everybody's papers below one folder. `crls` are the revocation lists by file name, in DER."""

    folder: Path
    signers: Mapping[str, Signer]
    crls: Mapping[str, bytes] = field(repr=False)

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def registry(self) -> Path:
        return self.folder / "registry.csv"

    def home(self, agent: str) -> Path:
        return self.folder / "agents" / agent

    def settings(self, agent: str) -> Path:
        return self.home(agent) / "agent.toml"


def found(folder: Path, *, now: datetime) -> Country:
    """Issue a P-256 certificate to every organ; write PKI and registry below `folder`."""
    pki = Pki(now, name="Quốc gia gian nan")
    credentials = {organ.code: pki.issue(organ.name) for organ in ORGANS}
    lists = dict(zip(("root.crl", "issuing.crl"), pki.crls(next_update=now + CRL_LIFE), strict=True))
    country = Country(
        folder,
        {code: Signer(each.key, each.cert) for code, each in credentials.items()},
        {name: each.public_bytes(serialization.Encoding.DER) for name, each in lists.items()},
    )
    pki.write(country.pki, credentials)
    with country.registry.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["organ_id", "name", "parent", "old_code", "agent", "email", "certificate"])
        for organ in ORGANS:
            writer.writerow([organ.code, organ.name, "", "", organ.agent, "", f"pki/{organ.code}.cert.pem"])
        writer.writerow([LONELY, "Cơ quan chưa kết nối", "", "", "", "", ""])
    return country


def write_agent(
    country: Country, agent: str, *, amqp_url: str, blob_url: str, blob_token: str, resend_after: float
) -> None:
    """Write the settings of one agent; its spool lies beside them. `resend_after` is in seconds."""
    path = country.settings(agent)
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {
        "name": agent,
        "amqp_url": amqp_url,
        "blob_url": blob_url,
        "blob_token": blob_token,
        "spool": "spool",
        "resend_after": resend_after,
        "organs": [
            {
                "organ_id": organ.code,
                "name": organ.name,
                "key": str((country.pki / f"{organ.code}.key.pem").absolute()),
                "cert": str((country.pki / f"{organ.code}.cert.pem").absolute()),
            }
            for organ in ORGANS
            if organ.agent == agent
        ],
    }
    path.touch(mode=0o600)
    path.write_text(tomli_w.dumps(settings), encoding="utf-8")
