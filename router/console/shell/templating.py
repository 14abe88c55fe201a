"""Templates: where they are found, and what every one of them can say. Everything is escaped."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jinja2

from router.console.shell import charts, formats
from router.console.shell.addresses import href
from router.console.shell.rooms import Part
from router.console.shell.words import Language, said
from router.core.state_words import LEG_STATE_TEXT, as_heading

HERE: Final = Path(__file__).parent
SHELL: Final = "shell"


def template_environment(parts: Sequence[Part]) -> jinja2.Environment:
    """Templates of all parts, each below its part's name; the frame's own are below `shell`."""
    folders = {SHELL: HERE / "templates", **{each.name: each.templates for each in parts if each.templates}}
    environment = jinja2.Environment(
        loader=jinja2.PrefixLoader({name: jinja2.FileSystemLoader(folder) for name, folder in folders.items()}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.globals["href"] = href
    environment.globals["leg_state_names"] = {state.value: as_heading(text) for state, text in LEG_STATE_TEXT.items()}
    environment.globals["bar_chart"] = charts.bar_chart
    environment.globals["line_chart"] = charts.line_chart
    environment.globals["spark"] = charts.spark
    environment.globals["ring"] = charts.ring
    environment.filters["moment"] = formats.moment
    environment.filters["day"] = formats.day
    environment.filters["iso"] = _iso
    environment.filters["short"] = formats.short
    return environment


def language_tools(language: Language) -> Mapping[str, Callable[..., str]]:
    """What depends on who reads: `t(vi, en)`, `say(words)`, and numbers as they are written there."""

    def t(vi: str, en: str) -> str:
        return en if language is Language.EN else vi

    def say(text: Any) -> str:
        return said(text, language)

    return {
        "t": t,
        "say": say,
        "shown": lambda given: formats.shown(given, language),
        "count": lambda given: formats.count(given, language),
        "counted": lambda given: formats.counted(given, language),
        "size": lambda given: formats.size(given, language),
        "percent": lambda given: formats.percent(given, language),
        "span": lambda given: formats.span(given, language),
    }


def _iso(given: formats.Moment) -> str:
    at = formats.as_moment(given)
    return "" if at is None else at.isoformat(timespec="seconds")
