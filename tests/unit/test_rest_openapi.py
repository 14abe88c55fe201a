"""The description of the native interface says everything, and its documentation says what it says."""

import re
from pathlib import Path
from typing import Any

import pytest

from agents.gateway import rest
from agents.gateway.rest.app import bare_rest
from agents.gateway.rest.openapi import PREFIX, STYLE_POLICY, describe, page
from agents.gateway.rest.problems import PROBLEM_TYPE, PROBLEMS
from agents.gateway.settings import RestOptions
from tests.support.access import make_cheap
from tests.support.rest_house import rest_house

DOCUMENT: dict[str, Any] = describe(bare_rest())
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]
README = (Path(rest.__file__).parent / "README.md").read_text(encoding="utf-8")


def operation(path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method]
    return found


def test_it_is_openapi_3_1_under_the_prefix() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["servers"] == [{"url": PREFIX}]


def test_it_is_described_the_same_every_time() -> None:
    assert describe(bare_rest()) == DOCUMENT


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_is_told_in_both_languages_with_its_problems(path: str, method: str) -> None:
    told = operation(path, method)
    assert " / " in told["summary"]
    assert told["tags"]
    answers = told["responses"]
    assert {"401", "429", "500", "503"} <= answers.keys()
    for status, answer in answers.items():
        if status.startswith(("4", "5")):
            assert list(answer["content"]) == [PROBLEM_TYPE], (status, answer)
            assert " / " in answer["description"]
    assert "Retry-After" in answers["429"]["headers"]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_with_a_body_or_parameter_may_be_told_that_it_is_wrong(path: str, method: str) -> None:
    told = operation(path, method)
    if "requestBody" in told or told.get("parameters"):
        assert "422" in told["responses"]
    if "requestBody" in told:
        assert {"400", "408", "413", "415"} <= told["responses"].keys()


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    wanted = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))
    assert wanted <= schemas.keys()
    assert {"NewDocument", "HintShape", "ProblemShape"} <= schemas.keys()


def test_all_three_ways_to_be_known_are_described() -> None:
    kinds = {each["type"] for each in DOCUMENT["components"]["securitySchemes"].values()}
    assert kinds == {"http", "apiKey", "mutualTLS"}
    assert len(DOCUMENT["security"]) == 3


def test_the_page_names_every_operation_and_loads_nothing() -> None:
    shown = page(DOCUMENT)
    assert all(f"{PREFIX}{path}" in shown for path, _ in OPERATIONS)
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://", shown)
    assert "'none'" in STYLE_POLICY
    assert "unsafe" not in STYLE_POLICY


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_readme_has_every_operation(path: str, method: str) -> None:
    assert f"| `{method.upper()} {path}` |" in README


def test_the_readme_has_no_operation_that_is_not_there() -> None:
    named = set(re.findall(r"^\| `([A-Z]+) (/[^`]*)` \|", README, re.MULTILINE))
    extra = {("GET", "/openapi.json"), ("GET", "/docs")}
    assert named == {(method.upper(), path) for path, method in OPERATIONS} | extra


def test_the_readme_has_every_problem_with_its_status() -> None:
    named = dict(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", README, re.MULTILINE))
    assert named == {code.value: str(row.status) for code, row in PROBLEMS.items()}


def test_the_readme_has_every_setting() -> None:
    for name in RestOptions.model_fields:
        assert f"| `{name}` |" in README


async def test_both_descriptions_are_had_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_cheap(monkeypatch)
    async with rest_house(tmp_path) as house:
        assert (await house.client.get(f"{PREFIX}/openapi.json")).json() == DOCUMENT
        shown = await house.client.get(f"{PREFIX}/docs")
    assert shown.headers["content-type"].startswith("text/html")
    assert shown.headers["content-security-policy"] == STYLE_POLICY
    assert shown.text == page(DOCUMENT)
