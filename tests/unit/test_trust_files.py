"""Trust in folders: read, changed, broken, fetched."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from router.adapters.crl_fetcher import CrlFetcher
from router.adapters.trust_files import TrustFolders
from tests.support.pki import Pki

NOW = datetime(2026, 5, 4, tzinfo=UTC)
PKI = Pki(NOW)
CRL = PKI.crl(NOW, NOW + timedelta(days=1))
ROOT = PKI.root.cert


class Folders:
    def __init__(self, base: Path) -> None:
        self.anchors, self.intermediates, self.crls, self.fetched = (
            base / name for name in ("anchors", "intermediates", "crls", "fetched")
        )

    def open(self) -> TrustFolders:
        return TrustFolders(anchors=self.anchors, intermediates=self.intermediates, crls=(self.crls, self.fetched))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    found = Folders(tmp_path)
    for each in (found.anchors, found.intermediates, found.crls, found.fetched):
        each.mkdir()
    return found


def test_folders_that_are_missing_trust_nobody(tmp_path: Path) -> None:
    material = Folders(tmp_path / "nowhere").open().material()
    assert (material.anchors, material.intermediates, material.crls) == ((), (), ())
    assert material.require_revocation


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_pem_and_der_are_read(folders: Folders, encoding: Encoding) -> None:
    (folders.anchors / "root.crt").write_bytes(ROOT.public_bytes(encoding))
    (folders.crls / "issuing.crl").write_bytes(CRL.public_bytes(encoding))
    material = folders.open().material()
    assert material.anchors == (ROOT,)
    assert material.crls == (CRL,)


def test_several_in_one_pem_file_are_all_read(folders: Folders) -> None:
    certificates = (ROOT, PKI.issuing.cert)
    lists = (CRL, PKI.root.crl(NOW, NOW + timedelta(days=1)))
    (folders.anchors / "all.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in certificates))
    (folders.crls / "all.pem").write_bytes(b"note\n".join(each.public_bytes(Encoding.PEM) for each in lists))
    material = folders.open().material()
    assert material.anchors == certificates
    assert material.crls == lists


def test_material_is_the_same_value_until_something_changes(folders: Folders) -> None:
    (folders.anchors / "root.pem").write_bytes(ROOT.public_bytes(Encoding.PEM))
    trust = folders.open()
    before = trust.material()
    assert not trust.refresh()
    assert trust.material() is before
    (folders.crls / "new.crl").write_bytes(CRL.public_bytes(Encoding.DER))
    assert trust.refresh()
    assert trust.material().crls == (CRL,)


def test_what_is_taken_away_is_trusted_no_more(folders: Folders) -> None:
    path = folders.anchors / "root.pem"
    path.write_bytes(ROOT.public_bytes(Encoding.PEM))
    trust = folders.open()
    path.unlink()
    assert trust.refresh()
    assert trust.material().anchors == ()


def test_a_bad_file_spares_the_good_ones(folders: Folders) -> None:
    (folders.anchors / "a.pem").write_bytes(b"no certificate")
    (folders.anchors / "root.pem").write_bytes(ROOT.public_bytes(Encoding.PEM))
    (folders.anchors / "README.md").write_text("not read", "utf-8")
    assert folders.open().material().anchors == (ROOT,)


def test_a_list_that_went_bad_still_says_what_it_said(folders: Folders) -> None:
    path = folders.crls / "issuing.crl"
    path.write_bytes(CRL.public_bytes(Encoding.DER))
    trust = folders.open()
    path.write_bytes(b"half a downl")
    trust.refresh()
    assert trust.material().crls == (CRL,)
    trust.refresh()
    assert trust.material().crls == (CRL,)


def fetcher(folders: Folders, answer: Callable[[httpx.Request], httpx.Response]) -> CrlFetcher:
    (folders.anchors / "root.pem").write_bytes(ROOT.public_bytes(Encoding.PEM))
    (folders.intermediates / "issuing.pem").write_bytes(PKI.issuing.cert.public_bytes(Encoding.PEM))
    return CrlFetcher(
        ["http://ca.example/issuing.crl"],
        folders.fetched,
        authorities=(folders.anchors, folders.intermediates),
        transport=httpx.MockTransport(answer),
    )


def serving(crl: x509.CertificateRevocationList) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, content=crl.public_bytes(Encoding.DER))


async def test_a_fetched_list_is_trusted_after_the_next_look(folders: Folders) -> None:
    trust = folders.open()
    fetching = fetcher(folders, lambda _: httpx.Response(200, content=CRL.public_bytes(Encoding.DER)))
    assert await fetching.fetch_all() == 1
    assert trust.refresh()
    assert trust.material().crls == (CRL,)


def unreachable(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route")


@pytest.mark.parametrize(
    "answer",
    [
        unreachable,
        lambda _: httpx.Response(503, content=b"later"),
        lambda _: httpx.Response(200, content=b"<html>log in first</html>"),
        lambda _: httpx.Response(200, content=b""),
    ],
)
async def test_a_list_that_cannot_be_fetched_leaves_the_last_good_one(
    folders: Folders, answer: Callable[[httpx.Request], httpx.Response]
) -> None:
    good = fetcher(folders, lambda _: httpx.Response(200, content=CRL.public_bytes(Encoding.DER)))
    await good.fetch_all()
    assert await fetcher(folders, answer).fetch_all() == 0
    assert folders.open().material().crls == (CRL,)
    assert len(list(folders.fetched.iterdir())) == 1


def numbered(number: int, *, days: float = 0) -> x509.CertificateRevocationList:
    start = NOW + timedelta(days=days)
    return PKI.issuing.crl(start, start + timedelta(days=1), extensions=[(x509.CRLNumber(number), False)])


@pytest.mark.parametrize(
    ("held", "later"),
    [
        (CRL, PKI.crl(NOW - timedelta(seconds=1), NOW + timedelta(days=9))),
        (CRL, Pki(NOW).crl(NOW + timedelta(hours=1), NOW + timedelta(days=1))),
        (CRL, Pki(NOW, name="Người lạ").crl(NOW + timedelta(hours=1), NOW + timedelta(days=1))),
        (CRL, PKI.root.crl(NOW + timedelta(hours=1), NOW + timedelta(days=1))),
        (numbered(7), numbered(6, days=1)),
        (numbered(7), PKI.crl(NOW + timedelta(hours=1), NOW + timedelta(days=1))),
    ],
    ids=[
        "older",
        "forged under the same name",
        "a stranger's",
        "another known authority's",
        "lower number",
        "no number",
    ],
)
async def test_a_list_that_must_not_replace_the_one_held_is_ignored_and_named(
    folders: Folders,
    held: x509.CertificateRevocationList,
    later: x509.CertificateRevocationList,
) -> None:
    assert await fetcher(folders, serving(held)).fetch_all() == 1
    with capture_logs() as lines:
        assert await fetcher(folders, serving(later)).fetch_all() == 0
    assert [each["event"] for each in lines] == ["crl-ignored"]
    assert folders.open().material().crls == (held,)


@pytest.mark.parametrize(
    ("held", "later"),
    [(CRL, PKI.crl(NOW + timedelta(hours=1), NOW + timedelta(days=1))), (CRL, numbered(1)), (numbered(7), numbered(8))],
    ids=["newer", "the first with a number", "higher number"],
)
async def test_a_newer_list_of_the_same_authority_replaces_the_one_held(
    folders: Folders,
    held: x509.CertificateRevocationList,
    later: x509.CertificateRevocationList,
) -> None:
    await fetcher(folders, serving(held)).fetch_all()
    assert await fetcher(folders, serving(later)).fetch_all() == 1
    assert folders.open().material().crls == (later,)


async def test_a_strangers_list_is_not_kept_even_where_none_is_held(folders: Folders) -> None:
    stranger = Pki(NOW).crl(NOW, NOW + timedelta(days=1))
    assert await fetcher(folders, serving(stranger)).fetch_all() == 0
    assert list(folders.fetched.iterdir()) == []


async def test_a_held_list_that_cannot_be_read_any_more_is_replaced(folders: Folders) -> None:
    fetching = fetcher(folders, serving(CRL))
    await fetching.fetch_all()
    (path,) = folders.fetched.iterdir()
    path.write_bytes(b"half a downl")
    assert await fetching.fetch_all() == 1
    assert folders.open().material().crls == (CRL,)


async def test_without_addresses_nothing_is_fetched(folders: Folders) -> None:
    assert await CrlFetcher([], folders.fetched, authorities=()).fetch_all() == 0
