"""Message sets: what a good one means, what is wrong with a bad one, and what counts as a difference."""

from pathlib import Path

import pytest

from agents.errors import UsageFault
from agents.replay.message_set import Expect, Kind, LegOutcome, Step, read_set
from agents.replay.outcome import Outcome, differences
from agents.replay.tampering import Tamper, tampered
from edxml_schemas import signatures
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.statuses import StatusCode
from tests.support.envelopes import a_document
from tests.support.hub_desk import Desk

HEAD = """
title = "x"
[who.a]
organ_id = "H41"
agent = "so-y-te"
[who.b]
organ_id = "H14"
"""
GOOD = '[[step]]\nid = "mot"\nas = "a"\ndraft = "mot"\n'


def written(folder: Path, steps: str) -> Path:
    (folder / "set.toml").write_text(HEAD + steps, encoding="utf-8")
    return folder


def test_a_set_is_read_with_its_defaults(tmp_path: Path) -> None:
    (step,) = read_set(written(tmp_path, GOOD)).step
    assert (step.kind, step.expect.verdict.value, step.through_raw) == (Kind.SEND, "accepted", False)


@pytest.mark.parametrize(
    "steps",
    [
        GOOD + GOOD,
        GOOD.replace('"a"', '"b"'),
        GOOD.replace('"a"', '"c"'),
        GOOD + 'after = ["khong-co"]\n',
        GOOD + 'after = ["mot"]\n',
        GOOD + "unknown = 1\n",
        GOOD + 'envelope = "hai.edxml"\n',
        '[[step]]\nid = "x"\nas = "a"\nkind = "status"\n',
        GOOD + 'tamper = "other"\n',
        "not toml",
    ],
)
def test_a_faulty_set_is_refused_with_its_reason(tmp_path: Path, steps: str) -> None:
    with pytest.raises(UsageFault):
        read_set(written(tmp_path, steps))


@pytest.mark.parametrize("how", list(Tamper))
def test_every_tampering_breaks_a_signed_envelope(how: Tamper) -> None:
    parsed = parse(tampered(Desk().signed(a_document(subject="Subject")), how))
    broken = not isinstance(parsed, Parsed) or not isinstance(signatures.check_integrity(parsed), signatures.Signed)
    assert broken


def test_a_tampering_that_changes_nothing_says_so() -> None:
    with pytest.raises(UsageFault):
        tampered(b"<edXML/>", Tamper.FLIP_SIGNATURE)


def _step(expect: Expect) -> Step:
    return Step.model_validate({"id": "x", "as": "a", "draft": "d", "expect": expect})


def test_an_outcome_as_expected_has_no_differences() -> None:
    expect = Expect(legs={"b": LegOutcome.DELIVERED}, statuses={"b": (StatusCode.RECEIVED, StatusCode.ARRIVED)})
    outcome = Outcome(verdict="accepted", legs={"b": LegOutcome.DELIVERED}, statuses={"b": ("01", "03")})
    assert differences(_step(expect), outcome) == ()


@pytest.mark.parametrize(
    ("expect", "outcome", "what"),
    [
        (Expect(), Outcome(), "verdict"),
        (Expect(codes=()), Outcome(verdict="accepted", codes=("xml.dtd",)), "codes"),
        (Expect(legs=LegOutcome.DELIVERED), Outcome(verdict="accepted", legs={"b": LegOutcome.TWICE}), "leg b"),
        (
            Expect(statuses=(StatusCode.ARRIVED,)),
            Outcome(verdict="accepted", statuses={"b": ("01", "01")}),
            "statuses b",
        ),
        (Expect(), Outcome(verdict="accepted", strays=("b",)), "leg b"),
    ],
)
def test_every_difference_is_named(expect: Expect, outcome: Outcome, what: str) -> None:
    assert [each.what for each in differences(_step(expect), outcome)] == [what]


def test_the_readme_names_every_key_and_every_tampering() -> None:
    import agents.replay

    text = (Path(agents.replay.__file__).parent / "README.md").read_text(encoding="utf-8")
    keys = {field.alias or name for name, field in Step.model_fields.items()} - {"who", "staff"}
    words = keys | set(Expect.model_fields) | {each.value for each in (*Tamper, *Kind, *LegOutcome)}
    assert [word for word in sorted(words) if f"`{word}`" not in text and word not in text] == []
