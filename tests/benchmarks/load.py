"""What the benchmark sends: distinct, signed documents of a given size, and the small world that exchanges them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from edxml_schemas.dsig.signing import Signer, sign
from edxml_schemas.model import Code, Organ
from tests.support.envelopes import a_lean_document, of_size
from tests.support.pki import Pki

SENDING_AGENT: Final = "ben-gui"
RECEIVING_AGENT: Final = "ben-nhan"
SENDER: Final = "000.00.00.G80"
RECIPIENT: Final = "000.00.00.H80"
NOTATION: Final = "BM-VP"


@dataclass(frozen=True, slots=True)
class World:
    """One sender, one recipient, their certificates and the registry that knows them."""

    folder: Path
    signer: Signer

    @property
    def trust(self) -> Path:
        return self.folder / "pki"

    @property
    def registry(self) -> Path:
        return self.folder / "registry.csv"


def found(folder: Path, *, now: datetime) -> World:
    """RSA-2048 for the sender, as most agencies have; the recipient's certificate is never used."""
    pki = Pki(now, name="Đo tốc độ")
    credentials = {"sender": pki.issue("Bên gửi", kind="rsa"), "recipient": pki.issue("Bên nhận")}
    world = World(folder, Signer(key=credentials["sender"].key, certificate=credentials["sender"].cert))
    pki.write(world.trust, credentials)
    with world.registry.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["organ_id", "name", "parent", "old_code", "agent", "email", "certificate"])
        writer.writerow([SENDER, "Bên gửi", "", "", SENDING_AGENT, "", "pki/sender.cert.pem"])
        writer.writerow([RECIPIENT, "Bên nhận", "", "", RECEIVING_AGENT, "", "pki/recipient.cert.pem"])
    return world


def documents(world: World, *, size: int, count: int) -> Iterator[bytes]:
    """`count` signed envelopes of about `size` bytes, signature included, each with a DocumentId of its own."""
    unsigned = of_size(size, a_lean_document())
    signature_bytes = len(sign(unsigned, world.signer)) - len(unsigned)
    for number in range(1, count + 1):
        code = Code(code_number=str(number), code_notation=NOTATION)
        document = a_lean_document(
            sender=Organ(organ_id=SENDER),
            recipients=(Organ(organ_id=RECIPIENT),),
            code=code,
            document_id=f"{SENDER},2026/01/05,{code}",
            subject="Đo tốc độ",
            content="Đo tốc độ",
        )
        yield sign(of_size(size - signature_bytes, document, seed=number), world.signer)
