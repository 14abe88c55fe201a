"""`truc doctor`: what is wrong with this hub, and how to mend it?"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from router.commands.opening import AsJson, ConfigPath, console, print_json, table
from router.errors import ExitCode

MARKS: Final = {"good": "✓", "mended": "✓ đã sửa / mended", "warning": "! cảnh báo / warning", "bad": "✗ hỏng / bad"}


def doctor(
    config: ConfigPath = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Sửa những gì sửa được an toàn. / Mend what can safely be mended."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Khám tổng quát: cấu hình, RabbitMQ, cơ sở dữ liệu, kho tệp, chứng thư, đồng hồ. / A general examination.

    Chạy được cả khi trục đang chạy. --repair tạo lại thư mục, hàng đợi còn thiếu, nâng cấp cơ sở dữ liệu, bỏ quyền thừa
    của thư mục; không bao giờ xóa gì. / Runs beside a hub at work. --repair makes missing folders and queues, upgrades
    the database and takes away needless rights; it never deletes anything.

    Mã thoát / exit codes: 0 khỏe, kể cả có cảnh báo / healthy, warnings included · 1 có chỗ hỏng / something is bad ·
    2 sai cách dùng / usage.
    """
    from router.app.parts import run_async
    from router.doctor.diagnosis import Health, worst
    from router.doctor.examination import examine
    from router.settings import load_settings

    settings = load_settings(config)
    found = run_async(examine(settings, now=datetime.now(UTC), repair=repair))
    if as_json:
        print_json({"health": worst(found).value, "diagnoses": [asdict(each) for each in found]})
    else:
        rows = [
            (
                each.part,
                MARKS[each.health.value],
                "\n".join(
                    line
                    for line in (
                        each.vi,
                        f"→ {each.remedy_vi}" if each.remedy_vi else "",
                        each.en,
                        f"→ {each.remedy_en}" if each.remedy_en else "",
                    )
                    if line
                ),
            )
            for each in found
        ]
        console().print(table("", ("Phần / part", "", "Kết quả / finding"), rows))
    if worst(found) is Health.BAD:
        raise typer.Exit(ExitCode.NEGATIVE)
