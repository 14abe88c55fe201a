"""Where the spans of the hub's processes go, from the settings: to a collector, or nowhere."""

from edxml_schemas import telemetry
from edxml_schemas.telemetry import Spans, TelemetryMissing
from router.errors import UsageProblem
from router.logs import logger
from router.settings.telemetry import TelemetrySettings


def check_telemetry(settings: TelemetrySettings) -> None:
    """Raises UsageProblem when traces are to be sent and the extra is not installed."""
    try:
        telemetry.check_telemetry(settings.endpoint)
    except TelemetryMissing as problem:
        raise UsageProblem(
            problem.vi, problem.en, remedy_vi=problem.remedy_vi, remedy_en=problem.remedy_en
        ) from problem


def open_spans(settings: TelemetrySettings, *, hub: str, name: str) -> Spans:
    """Where the process `name` of this hub sends its spans. Raises UsageProblem as `check_telemetry`."""
    check_telemetry(settings)
    log = logger("telemetry", worker=name)

    def tell(reached: bool) -> None:
        if reached:
            log.info("collector-back")
        else:
            log.warning("collector-lost", endpoint=settings.endpoint)

    return telemetry.spans_to(
        settings.endpoint, service=settings.service or hub, instance=name, ratio=settings.sample_ratio, tell=tell
    )
