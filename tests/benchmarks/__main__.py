"""Routed documents per second with all checks and durability on, and the raw relay of the same payload beside it.

Every round starts from empty queues and an empty hub; the contestants are shuffled inside each round, so that a slow
minute of the machine hits all of them. Printed are medians over the rounds; the ratio is the median of the rounds' own
ratios. Exits 1 when two workers reach less than `--floor` of the raw relay at any payload.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.benchmarks.load import RECEIVING_AGENT, SENDING_AGENT, documents, found
from tests.benchmarks.rounds import ONE, RAW, TWO, run_round
from tests.support.broker import PrivateBroker, available

PAYLOADS: Final = {"4 KB": (4 * 1024, 6_000), "100 KB": (100 * 1024, 2_400), "1 MB": (2**20 - 1024, 400)}
"""Bytes of an envelope, and documents a round. 1 MB stays below the size at which a claim check replaces the body."""

Rates = dict[str, list[float]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds per payload (default 3)")
    parser.add_argument("--payload", choices=PAYLOADS, action="append", help="only this payload; may be repeated")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the documents a round (default 1)")
    parser.add_argument("--floor", type=float, default=0.45, help="least ratio with two workers (default 0.45)")
    parser.add_argument("--seed", type=int, default=None, help="seed of the order of contestants")
    parser.add_argument("--json", action="store_true", help="print every round's figures as JSON instead")
    return parser.parse_args()


async def measure(payload: str, *, rounds: int, scale: float, order: random.Random, folder: Path) -> Rates:
    """Rates per contestant, one per round. Progress goes to stderr."""
    size, count = PAYLOADS[payload]
    world = found(folder, now=datetime.now(UTC))
    load = list(documents(world, size=size, count=max(int(count * scale), 100)))
    rates: Rates = {each.name: [] for each in (RAW, ONE, TWO)}
    with PrivateBroker(agents=(SENDING_AGENT, RECEIVING_AGENT)) as broker:
        for number in range(1, rounds + 1):
            contestants = [RAW, ONE, TWO]
            order.shuffle(contestants)
            for contestant in contestants:
                rate = await run_round(contestant, broker, world, load, folder)
                rates[contestant.name].append(rate)
                sys.stderr.write(f"{payload:>7}  round {number}/{rounds}  {contestant.name:<15} {rate:8.0f}/s\n")
    return rates


def ratio(rates: Rates, name: str) -> float:
    """Median over the rounds of one contestant's rate over the raw relay's."""
    return statistics.median(hub / raw for hub, raw in zip(rates[name], rates[RAW.name], strict=True))


def line(payload: str, rates: Rates) -> str:
    raw, one, two = (statistics.median(rates[each.name]) for each in (RAW, ONE, TWO))
    return (
        f"{payload:>7}   {one:7.0f} docs/s   {two:7.0f} docs/s   {raw:7.0f} msgs/s"
        f"   {ratio(rates, ONE.name):.2f}   {ratio(rates, TWO.name):.2f}"
    )


def main() -> int:
    options = arguments()
    if not available():
        sys.stderr.write("rabbitmq-server is missing: apt-get install rabbitmq-server\n")
        return 3
    order = random.Random(options.seed)  # noqa: S311  an order of play, no secret
    results: dict[str, Rates] = {}
    for payload in options.payload or PAYLOADS:
        with tempfile.TemporaryDirectory(prefix="truc-bench-") as folder:
            results[payload] = asyncio.run(
                measure(payload, rounds=options.rounds, scale=options.scale, order=order, folder=Path(folder))
            )
    if options.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        sys.stdout.write("payload   hub, 1 worker    hub, 2 workers   raw relay        1w/raw  2w/raw\n")
        for payload, rates in results.items():
            sys.stdout.write(line(payload, rates) + "\n")
    slow = [payload for payload, rates in results.items() if ratio(rates, TWO.name) < options.floor]
    if slow:
        sys.stderr.write(f"below {options.floor:.2f} of the raw relay with two workers: {', '.join(slow)}\n")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
