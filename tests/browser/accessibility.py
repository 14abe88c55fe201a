"""What keeps people out of a page as it stands: axe-core's whole list, and the little that it does not look at.

`faults_of(page)` is empty for a good page; each fault says what is wrong and where. The script comes in through the
browser's debugger, so that the page's Content-Security-Policy stays as it is.
"""

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Page

AXE: Final = Axe()
OPTIONS: Final[dict[str, Any]] = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
"""Every rule, WCAG's and those of good practice, with the size of what is touched, which is off by default."""
NODES_TOLD: Final = 3

BEYOND_AXE: Final = r"""
() => {
  const faults = new Set();
  const parse = (text) => (text.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if ((colour[3] ?? 1) > 0) return colour;
    }
    return [255, 255, 255];
  };
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const fields = "input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea";
  for (const field of document.querySelectorAll(fields)) {
    const edge = parse(getComputedStyle(field).borderTopColor);
    if (field.checkVisibility() && ratio(edge, ground(field.parentElement)) < 3) {
      faults.add(`the edge of ${field.name} is hardly seen`);
    }
  }
  for (const text of document.querySelectorAll("svg text")) {
    const found = ratio(parse(getComputedStyle(text).fill), ground(text));
    if (!text.checkVisibility() || found >= 4.5) continue;
    faults.add(`contrast ${found.toFixed(2)} in a chart: ${text.textContent}`);
  }
  for (const element of document.querySelectorAll("[style], script:not([src]), [onclick]")) {
    faults.add(`style or script in the page: ${element.outerHTML.slice(0, 100)}`);
  }
  return [...faults];
}
"""


def faults_of(page: Page) -> list[str]:
    """What is wrong with the page as it stands, of whatever weight."""
    found = AXE.run(page, options=OPTIONS).response["violations"]
    return [*(_told(each) for each in found), *map(str, page.evaluate(BEYOND_AXE))]


def _told(violation: dict[str, Any]) -> str:
    where = "; ".join(str(node["html"])[:120] for node in violation["nodes"][:NODES_TOLD])
    return f"{violation['impact']} {violation['id']}: {violation['help']}: {where}"
