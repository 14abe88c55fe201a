"""Random words from anybody, in any order, repeated and skipped: every leg ends where an independent reckoning says.

`SEQUENCES=1000000 make test ARGS=tests/unit/test_lifecycle_sequences.py` walks a million; the ordinary run fewer.
"""

import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from edxml_schemas.contract import Urgency
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.statuses import StatusCode
from router.core.lifecycle import fold, leg_faults, message_faults, standing_of
from router.core.records import Leg, LegState, RecallState

SEQUENCES = int(os.environ.get("SEQUENCES", "20000"))
CHUNKS = 10
START = datetime(2026, 1, 1, tzinfo=UTC)
SENDER, RECIPIENT, STRANGER = "000.00.00.G22", "000.00.00.H41", "000.00.00.H14"
CODES = (*(each.value for each in StatusCode), "", "00", "07", "14")
LEG = Leg(
    id="leg",
    message_id="message",
    ordinal=0,
    recipient=RECIPIENT,
    agent="nghean",
    state=LegState.DELIVERED,
    urgency=Urgency.NORMAL,
    created_at=START,
)
REFUSALS = {
    FindingCode.STATUS_ILLEGAL,
    FindingCode.STATUS_NOT_SENDER,
    FindingCode.STATUS_NOT_RECIPIENT,
    FindingCode.STATUS_REASON,
}
RECALLS = {"13": RecallState.REQUESTED, "16": RecallState.REFUSED, "15": RecallState.ACCEPTED}

Word = tuple[str, str, str]
"""Code, speaker, reason."""


def said(leg: Leg, word: Word, *, asked: bool) -> tuple[Leg, tuple[FindingCode, ...]]:
    """The leg after a word, or as it was with the reasons why not."""
    code, speaker, reason = word
    faults = message_faults(code, reason) or leg_faults(
        leg, code, speaker=speaker, sender=SENDER, document_id="d", asked=asked
    )
    return (leg, codes(faults)) if faults else (fold(leg, code, at=START, reason=reason), ())


def reckoned(words: Sequence[Word], *, asked: bool) -> tuple[str, RecallState, list[Word]]:
    """Where a leg must end, told without the table: what the norm says in plain words. Also the words that count."""
    handled, refused, recall = 0, False, ""
    counted = []
    for word in words:
        code, speaker, reason = word
        if code in {"02", "13"} and not reason.strip():
            continue
        if code == "13":
            if speaker == SENDER:
                recall = max(recall, "1")
                counted.append(word)
        elif speaker != RECIPIENT:
            continue
        elif code in {"15", "16"}:
            if asked or recall:
                recall = max(recall, "3" if code == "15" else "2")
                counted.append(word)
        elif code == "01":
            handled = max(handled, 1)
            counted.append(word)
        elif code == "02":
            if handled < 3:
                refused = True
                counted.append(word)
        elif code in {"03", "04", "05", "06"} and not refused:
            handled = max(handled, int(code))
            counted.append(word)
    status = "02" if refused else f"{handled:02}" if handled else ""
    states = {"": RecallState.NONE, "1": RecallState.REQUESTED, "2": RecallState.REFUSED, "3": RecallState.ACCEPTED}
    return status, states[recall], counted


def some_words(dice: random.Random) -> list[Word]:
    speakers = (SENDER, RECIPIENT, RECIPIENT, RECIPIENT, STRANGER)
    length = dice.randint(1, 9)
    words = [(dice.choice(CODES), dice.choice(speakers), dice.choice(("", "lý do", "lý do"))) for _ in range(length)]
    return words + dice.choices(words, k=dice.randint(0, 3))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_is_said_in_whatever_order_the_leg_ends_where_the_norm_says(chunk: int) -> None:
    dice = random.Random(20260900 + chunk)  # noqa: S311  a seed that can be repeated is wanted
    for _ in range(SEQUENCES // CHUNKS):
        words, asked = some_words(dice), dice.random() < 0.3
        leg = LEG
        for word in words:
            leg, faults = said(leg, word, asked=asked)
            assert set(faults) <= REFUSALS, (words, word)
        status, recall, counted = reckoned(words, asked=asked)
        assert standing_of(leg) == (status, recall), words

        # The words that counted, in another order and some of them twice: what is too early is said again later, as
        # a document system does that was refused. The leg ends in the same state.
        again = [*counted, *dice.choices(counted, k=2)] if counted else []
        dice.shuffle(again)
        other = LEG
        for word in (*again, *again):
            other, _faults = said(other, word, asked=asked)
        assert standing_of(other) == standing_of(leg), (words, again)


def test_a_word_never_touches_what_only_the_hub_knows_of_a_leg() -> None:
    dice = random.Random(7)  # noqa: S311  as above
    for _ in range(2000):
        leg = LEG
        for word in some_words(dice):
            leg, _faults = said(leg, word, asked=True)
        untouched = (leg.id, leg.message_id, leg.recipient, leg.agent, leg.state, leg.created_at, leg.version)
        assert untouched == ("leg", "message", RECIPIENT, "nghean", LegState.DELIVERED, START, 0)
        assert leg.status_at in (None, START, START + timedelta())
