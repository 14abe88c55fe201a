"""The corpus of hostile bytes: each is named by its code, none raises, none takes memory out of proportion."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edxml_schemas.catalogue import errors
from edxml_schemas.codec import Decoded, decode
from edxml_schemas.names import XINCLUDE_NS
from edxml_schemas.safe_xml import Parsed, parse
from tests.attacks import xml_corpus
from tests.attacks.xml_corpus import CANARY_TEXT, PASSED_ON, REFUSED, an_envelope

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_bytes_are_refused_by_name(name: str) -> None:
    make, code = REFUSED[name]
    outcome = decode(make())
    assert isinstance(outcome, tuple)
    assert outcome[0].code is code, outcome[0]
    assert errors(outcome)
    assert all(len(each.value) <= 201 for each in outcome)


@pytest.mark.parametrize("name", PASSED_ON)
def test_what_only_looks_dangerous_reaches_the_schema(name: str) -> None:
    data = PASSED_ON[name]()
    assert isinstance(parse(data), Parsed)
    outcome = decode(data)
    assert isinstance(outcome, Decoded) or errors(outcome)


def test_an_envelope_cut_off_anywhere_is_refused_and_never_raises() -> None:
    data = an_envelope()
    end = len(data.rstrip())
    for cut in [*range(200), *range(200, end - 100, 23), *range(end - 100, end)]:
        outcome = decode(data[:cut])
        assert isinstance(outcome, tuple), cut
        assert errors(outcome), cut
    assert isinstance(decode(data), Decoded)


@pytest.mark.parametrize("make", [xml_corpus.external_entity, xml_corpus.parameter_entity])
def test_no_entity_brings_a_file_in(tmp_path: Path, make: Callable[[str], bytes]) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(CANARY_TEXT)
    outcome = decode(make(canary.as_uri()))
    assert isinstance(outcome, tuple)
    assert CANARY_TEXT not in repr(outcome)


def test_an_xinclude_brings_no_file_in(tmp_path: Path) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(CANARY_TEXT)
    include = f'<xi:include xmlns:xi="{XINCLUDE_NS}" href="{canary.as_uri()}" parse="text"/>'
    outcome = decode(xml_corpus.with_subject(include))
    assert isinstance(outcome, tuple)
    assert CANARY_TEXT not in repr(outcome)


def test_xml_base_and_xml_space_change_nothing_that_is_read() -> None:
    plain = decode(an_envelope())
    odd = decode(an_envelope().replace(b"<edXML ", b'<edXML xml:base="http://127.0.0.1:9/" xml:space="preserve" ', 1))
    assert isinstance(plain, Decoded)
    assert isinstance(odd, Decoded)
    assert odd.envelope == plain.envelope


_MEASURE = """
import resource, sys
sys.path.insert(0, {repository!r})
from edxml_schemas.codec import decode
from tests.attacks.xml_corpus import REFUSED
decode(b"<a/>")
data = REFUSED[{name!r}][0]()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert isinstance(decode(data), tuple)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024, len(data))
"""


@pytest.mark.parametrize(
    "name",
    [
        "100,000 levels",
        "a million elements",
        "a million attributes",
        "a million attributes in an open tag",
        "a 10 MB attribute",
        "a 20 MB element name",
        "billion laughs",
        "quadratic blow-up",
    ],
)
def test_hostile_bytes_take_memory_in_proportion_to_their_size(name: str) -> None:
    script = _MEASURE.format(repository=str(REPOSITORY), name=name)
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    peak, size = map(int, told.stdout.split())
    assert peak <= 4 * size + 32 * 2**20
