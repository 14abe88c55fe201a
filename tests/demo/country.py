"""The bodies of a small country, who carries for them, and their certificates."""

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import tomli_w

from tests.support.pki import Credential, Pki


@dataclass(frozen=True, slots=True)
class Body:
    """A body that sends and receives; `agent` carries for it."""

    alias: str
    organ_id: str
    name: str
    agent: str
    old_code: str = ""


BODIES: Final = (
    Body("vpcp", "000.00.00.G90", "Văn phòng Chính phủ", "van-phong"),
    Body("bo", "000.00.00.G91", "Bộ Giao thông vận tải", "bo-giao-thong"),
    Body("duongbo", "000.00.01.G91", "Cục Đường bộ", "bo-giao-thong"),
    Body("hanghai", "000.00.02.G91", "Cục Hàng hải", "bo-giao-thong"),
    Body("tinh", "H90", "UBND tỉnh Bình Minh", "tinh-binh-minh", "000.00.00.H90"),
    Body("huyen", "H90.01", "UBND huyện Đông Giang", "tinh-binh-minh", "000.00.01.H90"),
    Body("xa", "H90.01.02", "UBND xã Tân Lập", "tinh-binh-minh", "002.00.01.H90"),
)
"""A government office, a ministry with two departments, a province with a district and a commune."""

BEHIND_GATEWAY: Final = (
    Body("songhan", "H91", "UBND thành phố Sông Hàn", "song-han"),
    Body("yte", "H91.02", "Sở Y tế thành phố Sông Hàn", "song-han"),
)
"""A city and its health department: their document system calls the gateway of their agent, and knows no folder."""
GATEWAY: Final = "song-han"

ROBOT: Final = Body("robot", "000.00.00.G99", "Trạm kiểm tra của trục", "robot")
"""Nobody reads there: it answers self-tests of the link."""

EVERYBODY: Final = (*BODIES, *BEHIND_GATEWAY, ROBOT)
AGENTS: Final = tuple(dict.fromkeys(body.agent for body in EVERYBODY))
REVOKED: Final = "revoked"
"""Name of the credential of the government office whose certificate was revoked an hour ago."""


@dataclass(frozen=True, slots=True)
class Papers:
    """Where the country's papers lie."""

    folder: Path

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def registry(self) -> Path:
        return self.folder / "registry.csv"

    def agent(self, name: str) -> Path:
        return self.folder / "agents" / name

    def log(self, name: str) -> Path:
        """Where a process of the demo logs; its folder is there."""
        path = self.folder / "logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def agent_settings(self, name: str) -> Path:
        return self.agent(name) / "agent.toml"


def found(folder: Path, *, now: datetime) -> Papers:
    """Issues a certificate to every body, revokes one, and writes PKI and registry below `folder`."""
    papers = Papers(folder)
    pki = Pki(now, name="Quốc gia mẫu")
    credentials: dict[str, Credential] = {
        body.alias: pki.issue(body.name, kind="rsa" if body.alias == "vpcp" else "ec") for body in EVERYBODY
    }
    credentials[REVOKED] = pki.issue("Văn phòng Chính phủ (con dấu cũ)")
    pki.revoke(credentials[REVOKED], now - timedelta(hours=1))
    pki.write(papers.pki, credentials, next_update=now + timedelta(days=7))
    with papers.registry.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["organ_id", "name", "parent", "old_code", "agent", "email", "certificate"])
        for body in EVERYBODY:
            own = [f"pki/{body.alias}.cert.pem"]
            if body.alias == "vpcp":
                own.append(f"pki/{REVOKED}.cert.pem")
            writer.writerow([body.organ_id, body.name, "", body.old_code, body.agent, "", ";".join(own)])
    return papers


def write_agent(
    papers: Papers,
    name: str,
    *,
    amqp_url: str,
    blob_url: str,
    blob_token: str,
    set_user_id: bool,
    hub_certificate: Path,
    gateway_port: int,
) -> None:
    """Writes one agent's settings; its spool lies beside them, and its folder unless it has a gateway or is the robot.
    Receipts that the hub did not sign count for nothing."""
    home = papers.agent(name)
    home.mkdir(parents=True, exist_ok=True)
    settings: dict[str, object] = {
        "name": name,
        "amqp_url": amqp_url,
        "set_user_id": set_user_id,
        "blob_url": blob_url,
        "blob_token": blob_token,
        "hub_certificate": str(hub_certificate.resolve()),
        "spool": "spool",
        "selftest_organ": ROBOT.organ_id,
        "organs": [
            {
                "organ_id": body.organ_id,
                "name": body.name,
                "key": str((papers.pki / f"{body.alias}.key.pem").resolve()),
                "cert": str((papers.pki / f"{body.alias}.cert.pem").resolve()),
            }
            for body in EVERYBODY
            if body.agent == name
        ],
    }
    if name == ROBOT.agent:
        settings["robot"] = True
    elif name == GATEWAY:
        settings["gateway"] = {"host": "127.0.0.1", "port": gateway_port}
    else:
        settings["folder"] = "folder"
    path = papers.agent_settings(name)
    path.touch(mode=0o600)
    path.write_text(tomli_w.dumps(settings), encoding="utf-8")
