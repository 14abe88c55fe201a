"""libxml2 (hot path) and xmlschema (explanations) read one XSD: they must say the same, whatever comes."""

from lxml import etree

from edxml_schemas import schemas
from edxml_schemas.checks.engines import compiled
from edxml_schemas.checks.second_engine import xmlschema_faults
from edxml_schemas.findings import FindingCode, Findings
from tests.support.mutations import mutated, safe_parser, starts

GENERATED = 3_600
SEED = 20_261_121


def places(findings: Findings) -> frozenset[tuple[FindingCode, str]]:
    return frozenset((each.code, each.xpath) for each in findings)


def test_both_engines_accept_every_valid_start() -> None:
    for data in starts():
        assert schemas.check(etree.fromstring(data, safe_parser())) == ()
        assert schemas.explain(data) == ()


def test_both_engines_give_the_same_verdict_and_places_on_thousands_of_mutated_envelopes() -> None:
    valid = refused = 0
    seen: set[FindingCode] = set()
    for data in mutated(GENERATED, seed=SEED):
        fast, slow = schemas.check(etree.fromstring(data, safe_parser())), schemas.explain(data)
        assert places(fast) == places(slow), data.decode()
        valid += not fast
        refused += bool(fast)
        seen |= {each.code for each in fast}
    # Neither verdict may be the answer to nearly everything, and every kind of fault must have been met.
    assert valid > GENERATED / 10
    assert refused > GENERATED / 2
    assert seen >= {
        FindingCode.SCHEMA_KIND,
        FindingCode.SCHEMA_UNKNOWN_ELEMENT,
        FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE,
        FindingCode.SCHEMA_BAD_VALUE,
        FindingCode.SCHEMA_TOO_LONG,
        FindingCode.SCHEMA_MISSING,
        FindingCode.SCHEMA_REPEATED,
        FindingCode.SCHEMA_TEXT,
    }


def test_the_engines_agree_on_the_xsd_alone_without_the_rules_beside_it() -> None:
    for data in mutated(600, seed=SEED + 1):
        root = etree.fromstring(data, safe_parser())
        if root.tag != starts_root() or b"XMLSchema-instance" in data:
            continue  # judged before either engine is asked
        assert compiled().valid(root) == (next(xmlschema_faults(root), None) is None), data.decode()


def starts_root() -> str:
    return etree.fromstring(starts()[0], safe_parser()).tag
