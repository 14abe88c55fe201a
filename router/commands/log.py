"""`truc log`: does the log hold, and do the records say what it says?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from router.commands.opening import AsJson, ConfigPath, clock, console, opened_store, print_json, say, table
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from cryptography import x509

    from edxml_schemas.evidence.seals import SealWords
    from edxml_schemas.signed_receipts import ReceiptPen
    from router.ports import Store
    from router.services.proof.log_check import LogReport
    from router.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Nhật ký đã niêm phong. / The sealed log.")

CHECKPOINT: Final = "log-checkpoint.json"
"""In the data folder: the newest seal of the last good check. What was once seen cannot be cut off unseen."""
SHOWN_FAULTS: Final = 50

HubCert = Annotated[
    list[Path] | None,
    typer.Option("--hub-cert", help="Thêm chứng thư của trục (PEM). / Further certificates of the hub (PEM)."),
]


def seal_now(store: "Store", pen: "ReceiptPen") -> int:
    """Seal everything that is there; how many seals were made."""
    from router.adapters.clock import SystemClock
    from router.services.proof.exporting import seal_all

    return seal_all(store, pen, clock=SystemClock())


@app.command("verify")
def verify(
    *,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Dấu mốc phải còn trong chuỗi (JSON). / A checkpoint that the chain must still hold."),
    ] = None,
    hub_cert: HubCert = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Kiểm tra nhật ký và mọi bản ghi / Check the log, and every record against it.

    Tính lại mọi dấu niêm phong từ các dòng nhật ký, chữ ký, sự liền mạch; so thông điệp, chặng chuyển, trạng thái với
    nhật ký. Dòng mới hơn dấu cuối được báo là chưa niêm phong, không phải lỗi. Kết quả tốt được ghi nhớ trong data_dir:
    lần sau chuỗi phải còn chứa dấu đó.
    Recomputes every seal from the events, signatures and the chain; compares messages, legs and statuses with the log.
    Events newer than the last seal are counted as not sealed yet, which is no fault. A good result is remembered in
    data_dir: the next time the chain must still hold that seal.

    Mã thoát / exit codes: 0 khớp / it holds · 1 không khớp / it does not · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from router.services.proof.log_check import check_log
    from router.settings import load_settings

    settings = load_settings(config)
    remembered = settings.data_path / CHECKPOINT
    accepted = _accepted(settings, hub_cert or ())
    with opened_store(config) as store:
        report = check_log(store, accepted=accepted)
        lost = [
            each
            for each in (checkpoint, remembered if remembered.exists() else None)
            if each is not None and not _still_there(store, each)
        ]
    good = not report.faults and not lost
    if good and report.newest is not None:
        remembered.write_bytes(orjson.dumps(_checkpoint(report.newest), option=orjson.OPT_APPEND_NEWLINE))
    if as_json:
        print_json(_as_dict(report, good=good, lost=[str(each) for each in lost]))
    else:
        _print(report, lost)
    if not good:
        raise typer.Exit(ExitCode.NEGATIVE)


@app.command("seal")
def seal(*, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Niêm phong nhật ký ngay / Seal the log now; prints the newest seal, to be kept elsewhere as a checkpoint.

    Mã thoát / exit codes: 0 đã niêm phong / sealed · 2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.app.parts import open_hub_key
    from router.services.proof.sealing import words_of
    from router.settings import load_settings

    settings = load_settings(config)
    pen = open_hub_key(settings)
    with opened_store(config) as store:
        made = seal_now(store, pen)
        with store.begin() as tx:
            newest = tx.last_seal()
    shown = _checkpoint(words_of(newest)) if newest is not None else None
    if as_json:
        print_json({"made": made, "newest": shown})
        return
    if shown is None:
        say("Nhật ký còn trống.", "The log is empty.")
        return
    typer.echo(orjson.dumps(shown).decode())
    say(f"Đã lập {made} dấu niêm phong.", f"Made {made} seals.")


@app.command("show")
def show(
    query: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Như truc trace. / As for truc trace.")],
    *,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Các dòng nhật ký của văn bản, như được niêm phong / A document's events, as they are sealed.

    Mã thoát / exit codes: 0 tìm thấy / found · 1 không thấy / nothing found · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from datetime import timedelta

    from edxml_schemas.evidence.merkle import leaf_hash
    from edxml_schemas.evidence.replay import EPOCH
    from edxml_schemas.visible import visible
    from router.services import tracing
    from router.services.proof.sealing import event_words

    with opened_store(config) as store:
        traces = {each.message.id: each.trace_id for each in tracing.trace(store, query)}
        rows = [row for each in traces for row in store.event_rows_of(each)]
        seals = store.seals_of([each.seq for each in rows]) if rows else ()
    told = []
    for row in rows:
        covering = next((each.number for each in seals if each.first_seq <= row.seq <= each.last_seq), None)
        told.append((row, covering, leaf_hash(event_words(row)).hex()))
    if as_json:
        print_json(
            [
                {"event": event_words(row), "trace_id": traces[row.message_id], "seal": number, "leaf": leaf}
                for row, number, leaf in told
            ]
        )
    if not rows:
        say(f"Không tìm thấy “{query}” trên trục.", f"Nothing on the hub is known by “{query}”.")
        raise typer.Exit(ExitCode.NEGATIVE)
    if as_json:
        return
    cells = [
        (
            str(row.seq),
            clock(EPOCH + timedelta(microseconds=row.at)),
            row.name,
            visible(row.facts),
            row.actor,
            "—" if number is None else str(number),
        )
        for row, number, _ in told
    ]
    headings = ("Dòng / seq", "Lúc / at", "Việc / event", "Chi tiết / facts", "Ai / actor", "Niêm phong / seal")
    console().print(table(", ".join(dict.fromkeys(traces.values())), headings, cells))


def _accepted(settings: "Settings", more: "list[Path] | tuple[Path, ...]") -> frozenset[str]:
    """Fingerprints of the hub's certificates, present and former."""
    from cryptography.hazmat.primitives import hashes

    from router.adapters.hub_certificates import former_certificates
    from router.app.parts import open_hub_key

    certificates: list[x509.Certificate] = [open_hub_key(settings).signer.certificate]
    certificates += former_certificates(settings.folder / settings.seals.former_certificates)
    for path in more:
        certificates += _certificates(path)
    return frozenset(each.fingerprint(hashes.SHA256()).hex() for each in certificates)


def _certificates(path: Path) -> "tuple[x509.Certificate, ...]":
    from router.adapters.trust_files import certificates_of

    try:
        return certificates_of(path.read_bytes())
    except (OSError, ValueError) as problem:
        raise UsageProblem(f"Không đọc được {path}: {problem}", f"Cannot read {path}: {problem}") from problem


def _checkpoint(words: "SealWords") -> dict[str, object]:
    return {"seal": words.number, "digest": words.digest, "last_seq": words.last_seq, "sealed_at": words.sealed_at}


def _still_there(store: "Store", path: Path) -> bool:
    """Whether the chain holds the seal of a checkpoint file."""
    try:
        wanted = orjson.loads(path.read_bytes())
        number, digest = int(wanted["seal"]), str(wanted["digest"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UsageProblem(
            f"Không đọc được dấu mốc {path}: {problem}", f"Bad checkpoint {path}: {problem}"
        ) from problem
    return any(each.number == number and each.digest == digest for each in store.seals(after=number - 1, limit=1))


def _as_dict(report: "LogReport", *, good: bool, lost: list[str]) -> dict[str, object]:
    return {
        "good": good,
        "events": report.events,
        "seals": report.seals,
        "stamped": report.stamped,
        "unsealed": report.unsealed,
        "messages": report.messages,
        "legs": report.legs,
        "statuses": report.statuses,
        "unproven": report.unproven,
        "newest": _checkpoint(report.newest) if report.newest is not None else None,
        "lost_checkpoints": lost,
        "faults": [
            {
                "table": each.table,
                "key": each.key,
                "message_id": each.message_id,
                "text": {"vi": each.vi, "en": each.en},
            }
            for each in report.faults
        ],
    }


def _print(report: "LogReport", lost: list[Path]) -> None:
    for each in report.faults[:SHOWN_FAULTS]:
        where = f"{each.table} {each.key}" + (f" (thông điệp / message {each.message_id})" if each.message_id else "")
        typer.echo(f"✗ {where}: {each.vi} / {each.en}")
    if len(report.faults) > SHOWN_FAULTS:
        typer.echo(f"… {len(report.faults) - SHOWN_FAULTS} (--json)")
    for path in lost:
        typer.echo(f"✗ {path}: dấu mốc không còn trong chuỗi / the chain does not hold this checkpoint any more")
    typer.echo(
        f"{report.events} dòng / events, {report.seals} dấu / seals ({report.stamped} dấu thời gian / stamped), "
        f"{report.unsealed} chưa niêm phong / not sealed yet, {report.messages} thông điệp / messages, "
        f"{report.legs} chặng / legs, {report.statuses} trạng thái / statuses"
        + (f", {report.unproven} có trước khi niêm phong / older than the proof" if report.unproven else "")
    )
    if report.faults or lost:
        say("Nhật ký hoặc bản ghi đã bị sửa.", "The log or a record was changed.")
    else:
        say("Nhật ký liền mạch; mọi bản ghi đúng như nhật ký.", "The log holds; every record says what it says.")
