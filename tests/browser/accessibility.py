"""What keeps people out of a page, found by a script in the page itself: names, structure, contrast, focus.

`faults_of(page)` is empty for a good page; each fault says what is wrong and where.
"""

from typing import Final

from playwright.sync_api import Page

STRUCTURE: Final = r"""
() => {
  const faults = [];
  const where = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 110);
  const tell = (text, element) => faults.push(element ? `${text}: ${where(element)}` : text);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const rendered = (element) => element.getClientRects().length > 0;
  const named = (element) => {
    const by = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean);
    const texts = by.map((id) => document.getElementById(id)?.textContent ?? "");
    const names = [element.getAttribute("aria-label"), ...texts, element.textContent, element.title];
    return names.some((each) => each?.trim());
  };

  if (!/^(vi|en)$/.test(document.documentElement.lang)) tell("no language");
  if (!document.title.trim()) tell("no title");
  if (all("h1").filter(rendered).length !== 1) tell(`h1 ${all("h1").length} times`);
  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6").filter(rendered)) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) tell(`heading leaps from ${level} to ${own}`, heading);
    if (!heading.textContent.trim()) tell("empty heading", heading);
    level = own;
  }
  if (all("main").length !== 1) tell("not one main");
  if (all("footer").length !== 1) tell("not one footer");
  const ways = all("nav");
  for (const nav of ways) if (ways.length > 1 && !nav.getAttribute("aria-label")) tell("nav without a name", nav);
  const labels = ways.map((nav) => nav.getAttribute("aria-label"));
  if (new Set(labels).size !== labels.length) tell(`navs of one name: ${labels}`);

  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((each) => each === id).length > 1) tell(`id twice: ${id}`);
  for (const name of ["for", "aria-describedby", "aria-labelledby", "aria-controls"]) {
    for (const element of all(`[${name}]`)) {
      for (const id of element.getAttribute(name).split(/\s+/)) {
        if (!document.getElementById(id)) tell(`${name} leads nowhere`, element);
      }
    }
  }
  for (const field of all("input:not([type=hidden]), select, textarea")) {
    const label = [...(field.labels ?? [])].some((each) => each.textContent.trim());
    if (!label && !field.getAttribute("aria-label")) tell("field without a label", field);
  }
  for (const element of all("a[href], button, summary, [role=region], [role=group]")) {
    if (!named(element)) tell("no name", element);
  }
  for (const image of all("svg")) {
    if (image.getAttribute("role") === "img" ? !image.getAttribute("aria-label") : image.ariaHidden !== "true") {
      tell("picture neither named nor hidden", image);
    }
  }
  for (const image of all("img:not([alt])")) tell("picture without a text", image);
  for (const table of all("table")) {
    const around = table.closest("[role=region][aria-label]");
    if (!table.caption && !table.getAttribute("aria-label") && !around) tell("table without a name", table);
    if (!table.querySelector("th")) tell("table without headings", table);
    for (const head of all("th:not([scope])", table)) tell("th without scope", head);
    for (const head of all("th", table)) if (!head.textContent.trim()) tell("empty th", head);
  }
  for (const list of all("ul, ol")) {
    for (const child of list.children) if (child.tagName !== "LI") tell("not an item of a list", child);
  }
  for (const element of all("[tabindex]")) if (element.tabIndex > 0) tell("tabindex above 0", element);
  for (const hidden of all("[aria-hidden=true]")) {
    const reached = all("a[href], button, input, select, textarea, [tabindex]", hidden);
    if (reached.length) tell("focus in what is hidden", hidden);
  }
  for (const element of all("a[href] a, a[href] button, button a, label a[href], summary a")) {
    tell("one in the other", element);
  }
  const written = "input:not([type=hidden], [type=checkbox], [type=radio])";
  for (const element of all(`button, select, ${written}, .rail a, .tabs a`)) {
    const box = element.getBoundingClientRect();
    if (rendered(element) && box.width > 1 && box.height < 24) tell(`only ${box.height} high`, element);
  }
  for (const element of all("[style], script:not([src]), [onclick]")) tell("does not belong here", element);
  return faults;
}
"""

CONTRAST: Final = r"""
() => {
  const faults = new Set();
  const parse = (text) => {
    const found = text.match(/^rgba?\(([^)]+)\)$/);
    if (!found) return text.startsWith("color") ? null : [0, 0, 0, 0];
    const parts = found[1].split(/[\s,/]+/).map(Number);
    return [parts[0], parts[1], parts[2], parts.length > 3 ? parts[3] : 1];
  };
  const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3])).concat(1);
  const ground = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour && colour[3] > 0) layers.push(colour);
      if (colour && colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
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
  const judge = (element, ink, text) => {
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const below = ground(element);
    const found = ratio(over(ink, below), below);
    if (found < (large ? 3 : 4.5)) {
      const place = `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""}`;
      faults.add(`contrast ${found.toFixed(2)} of “${text.slice(0, 40)}” in ${place}`);
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent.trim(), element = node.parentElement;
    if (!text || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest(".unseen, .skip:not(:focus), svg title, option")) continue;
    const style = getComputedStyle(element);
    judge(element, parse(element.closest("svg") ? style.fill : style.color), text);
  }
  const written = "input:not([type=hidden], [type=checkbox], [type=radio])";
  for (const field of document.querySelectorAll(`${written}, select, textarea`)) {
    if (!field.checkVisibility()) continue;
    judge(field, parse(getComputedStyle(field).color), field.name);
    if (field.placeholder) judge(field, parse(getComputedStyle(field, "::placeholder").color), field.placeholder);
    const edge = parse(getComputedStyle(field).borderTopColor), around = ground(field.parentElement);
    if (ratio(over(edge, around), around) < 3) faults.add(`the edge of ${field.name} is hardly seen`);
  }
  return [...faults];
}
"""


def faults_of(page: Page) -> list[str]:
    """What is wrong with the page as it stands."""
    return [*map(str, page.evaluate(STRUCTURE)), *contrast_faults(page)]


def contrast_faults(page: Page) -> list[str]:
    """Texts that are hard to read: below 4.5, or 3 when they are large; edges of fields below 3."""
    return [str(each) for each in page.evaluate(CONTRAST)]
