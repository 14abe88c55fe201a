"""How fast the directory answers, and a plain scan of the same database beside it.

    python -m tests.benchmarks.directory [--organs N] [--rounds N] [--floor RATIO] [--json]

Every round asks each question of both, in a shuffled order, so that a slow minute of the machine hits both. Printed are
medians over the rounds. A scan may be lucky: what is common is found early. So what counts is the slowest question of a
round, of either; exits 1 when the median of their ratios (scan over directory) is below `--floor`, or when the two do
not find the same.
"""

import argparse
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from agents.gateway.directory import Directory
from agents.gateway.directory.database import DATABASE
from agents.gateway.directory.wording import query_keys
from edxml_schemas.organ_list import ListedOrgan
from tests.support.organ_lists import refill

ORGANS: Final = 110_000
PAGE: Final = 20
PROVINCES: Final = 63
SYLLABLES: Final = (
    "An Bình Cao Bằng Đức Giang Hà Hải Hòa Hưng Khánh Lâm Lạng Long Minh Mỹ Nam Nghệ Ninh Phú Phước Quảng Sơn Tân Tây"
    " Thái Thanh Thạnh Tiên Trà Trung Tuyên Vĩnh Xuân Yên Đông Bắc Đắk Kon Châu Lộc Thọ Phong Điền Thủy Ngọc Kim Liên"
)
KINDS: Final = (
    *("Ủy ban nhân dân xã", "UBND phường", "Ủy ban nhân dân huyện", "Trường Tiểu học", "Trường Trung học cơ sở"),
    *("Trạm Y tế xã", "Phòng Giáo dục và Đào tạo", "Phòng Nội vụ", "Sở Y tế", "Chi cục Thuế", "Trung tâm Văn hóa"),
)
QUESTIONS: Final = (
    *("sở y tế", "uy ban nhan dan xa", "ubnd xa thanh binh", "truong tieu hoc an", "phong giao duc ha nam", "tram y"),
    *("h17", "000.00.17", "20.h41", "u b n d x", "a", "khong co o dau"),
)
SCAN: Final = "SELECT code FROM organs WHERE deleted = 0 AND {} ORDER BY words, code LIMIT ?"

EXACT: Final = "SELECT code FROM organs WHERE deleted = 0 AND own_key = ?"


def country(count: int, chance: random.Random) -> Sequence[ListedOrgan]:
    """Provinces, and bodies on three levels below them, with names as they are usual."""

    syllables = SYLLABLES.split()

    def place() -> str:
        return " ".join(chance.sample(syllables, 2))

    provinces = [place() for _ in range(PROVINCES)]
    organs = []
    for number in range(count):
        province, unit, office = number % PROVINCES, number // PROVINCES % 90, number // PROVINCES // 90
        top = f"H{province + 1:02d}"
        above = f"{top}.{unit:02d}" if office else top
        organs.append(
            ListedOrgan(
                code=f"{above}.{office:03d}" if office else f"{top}.{unit:02d}" if unit else top,
                name=f"{chance.choice(KINDS)} {place()}, {place()}, tỉnh {provinces[province]}",
                parent=above if office else top if unit else "",
                old_code=f"{office:03d}.{unit:02d}.{unit:02d}.{top}" if number % 2 else "",
                email=f"vanthu{number}@tinh{province}.gov.vn",
                connected=number % 3 == 0,
                version=number,
            )
        )
    return organs


def scanner(path: Path) -> Callable[[str], list[str]]:
    """Asks the table row by row, as one would without an index of words."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def scan(question: str) -> list[str]:
        keys = query_keys(question)
        conditions = " AND ".join("' ' || tokens LIKE ?" for _ in keys)
        exact = [row[0] for row in connection.execute(EXACT, (keys[0],))] if len(keys) == 1 else []
        marks = (*(f"% {key}%" for key in keys), PAGE)
        found = [row[0] for row in connection.execute(SCAN.format(conditions), marks) if row[0] not in exact]
        return [*exact, *found][:PAGE]

    return scan


def timed(ask: Callable[[str], list[str]], question: str) -> tuple[float, list[str]]:
    """Milliseconds and the answer."""
    began = time.perf_counter()
    answer = ask(question)
    return (time.perf_counter() - began) * 1000, answer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.directory", description=__doc__)
    parser.add_argument("--organs", type=int, default=ORGANS, help=f"organs in the directory (default {ORGANS})")
    parser.add_argument("--rounds", type=int, default=9, help="rounds (default 9)")
    parser.add_argument("--floor", type=float, default=5.0, help="least ratio of the slowest (default 5)")
    parser.add_argument("--json", action="store_true", help="print every round's figures as JSON instead")
    options = parser.parse_args()
    chance = random.Random(1)  # noqa: S311  names and an order of play, no secret
    with tempfile.TemporaryDirectory(prefix="truc-bench-") as folder, Directory.open(Path(folder)) as directory:
        organs = country(options.organs, chance)
        began = time.perf_counter()
        refill(directory, organs, version=options.organs)
        taken = time.perf_counter() - began
        again = time.perf_counter()
        refill(directory, organs[1:], version=options.organs + 1)
        retaken = time.perf_counter() - again

        def search(question: str) -> list[str]:
            return [each.code for each in directory.search(question, limit=PAGE).organs]

        contestants = {"directory": search, "scan": scanner(Path(folder) / DATABASE)}
        times: dict[str, dict[str, list[float]]] = {each: {name: [] for name in contestants} for each in QUESTIONS}
        different: list[str] = []
        for number in range(options.rounds + 1):
            for question in chance.sample(QUESTIONS, len(QUESTIONS)):
                found: dict[str, list[str]] = {}
                for name in chance.sample(sorted(contestants), len(contestants)):
                    took, found[name] = timed(contestants[name], question)
                    if number:  # the first round warms the caches
                        times[question][name].append(took)
                if sorted(found["directory"]) != sorted(found["scan"]) and question not in different:
                    different.append(question)
    return told(times, different, options, taken=taken, retaken=retaken)


def told(
    times: dict[str, dict[str, list[float]]],
    different: list[str],
    options: argparse.Namespace,
    *,
    taken: float,
    retaken: float,
) -> int:
    slowest = {
        name: [max(each[name][turn] for each in times.values()) for turn in range(options.rounds)]
        for name in ("directory", "scan")
    }
    ratio = statistics.median(s / d for s, d in zip(slowest["scan"], slowest["directory"], strict=True))
    if options.json:
        sys.stdout.write(json.dumps({"first_list_s": taken, "next_list_s": retaken, "ms": times}, indent=2) + "\n")
    else:
        sys.stdout.write(f"{options.organs} organs; first list {taken:.1f} s, the whole list again {retaken:.1f} s\n")
        sys.stdout.write(f"{'question':<24} {'directory':>12} {'plain scan':>12}\n")
        for question, each in (*times.items(), ("the slowest of a round", slowest)):
            ours, scan = (statistics.median(each[name]) for name in ("directory", "scan"))
            sys.stdout.write(f"{question:<24} {ours:9.2f} ms {scan:9.2f} ms\n")
        sys.stdout.write(f"ratio of the slowest, scan over directory: {ratio:.0f}\n")
    if different:
        sys.stderr.write(f"not the same found: {', '.join(different)}\n")
    if ratio < options.floor:
        sys.stderr.write(f"less than {options.floor:g} times as fast as a plain scan\n")
    return 1 if different or ratio < options.floor else 0


if __name__ == "__main__":
    sys.exit(main())
