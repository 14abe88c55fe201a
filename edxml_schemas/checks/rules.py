"""What an envelope must hold, and how often: the interpreter of `rule_table.py`.

It walks the tree once and stays inside elements that have rows, so neither signatures nor values are entered.
"""

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

from lxml import etree

from edxml_schemas.checks.rule_table import TABLE, TEXT_TABLE, Rule
from edxml_schemas.contract import MessageType
from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.names import DSIG_NS, EDXML_NS, EDXML_PREFIX, local, q
from edxml_schemas.safe_xml import children_of, line_of, text_of, xpath_of


def check(root: etree._Element, kind: MessageType | None, limits: Limits = DEFAULT_LIMITS) -> Findings:
    """Faults of presence, count and repetition in an envelope of this kind, in document order.

    `root` is an `edXML` element. For an envelope of no kind the rows of both count. At most `limits.findings` + 1 come
    back, so that the caller can tell there are more.
    """
    walk = _Walk(plans=_plans(kind), limits=limits)
    walk.visit(root, walk.plans[root.tag])
    return tuple(walk.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What the rules ask of the texts in an envelope whose markup breaks none of them.

    Of each group in `filled` one element holds text; the texts of each group in `distinct` differ, whatever their
    letter case; `measured` holds at most so many characters beside its children.
    """

    filled: tuple[tuple[etree._Element, ...], ...]
    distinct: tuple[tuple[etree._Element, ...], ...]
    measured: tuple[tuple[etree._Element, int], ...]


def demands(root: etree._Element, kind: MessageType | None) -> Demands:
    """The part of `check` that depends on texts, for an envelope that it finds no fault in."""
    plans = _plans(kind)
    filled: list[tuple[etree._Element, ...]] = []
    distinct: list[tuple[etree._Element, ...]] = []
    measured: list[tuple[etree._Element, int]] = []
    waiting = [root]
    while waiting:
        element = waiting.pop()
        plan = plans[element.tag]
        if plan.text_chars is not None:
            measured.append((element, plan.text_chars))
        for rule, names in plan.rules:
            here = tuple(child for child in element if child.tag in names)
            if rule.filled and rule.at_least:
                filled.append(here)
            if rule.distinct:
                leaves = (child.find(q(rule.distinct)) for child in here)
                distinct.append(tuple(leaf for leaf in leaves if leaf is not None))
            waiting += [child for child in here if child.tag in plans]
    return Demands(filled=tuple(filled), distinct=tuple(distinct), measured=tuple(measured))


def without_strangers(root: etree._Element, kind: MessageType | None) -> etree._Element:
    """A copy of the envelope without the elements that no row of this kind allows. Lines and positions stay."""
    plans = _plans(kind)
    top = copy.deepcopy(root)
    waiting = [top]
    while waiting:
        element = waiting.pop()
        names = plans[element.tag].allowed
        for child in tuple(element):
            if isinstance(child.tag, str) and child.tag not in names:
                element.remove(child)
            elif child.tag in plans:
                waiting.append(child)
    return top


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Plan:
    """The rules of one parent."""

    rules: tuple[tuple[Rule, tuple[str, ...]], ...]  # with the Clark names of the children
    allowed: frozenset[str]
    inner: tuple[str, ...]  # children that have rules of their own
    text_chars: int | None


@dataclass(frozen=True, slots=True)
class _Layout:
    """A row of children that breaks no rule, as far as their names say. Children are meant by their positions."""

    filled: tuple[int, ...]  # those that must hold text
    either: tuple[tuple[int, ...], ...]  # groups of which one must hold text
    inner: tuple[tuple[int, str], ...]  # those that have rules of their own, with their names


@cache
def _plans(kind: MessageType | None) -> Mapping[str, _Plan]:
    """The plan of each parent, by Clark name, for envelopes of this kind."""
    rows: dict[str, list[tuple[Rule, tuple[str, ...]]]] = {}
    for rule in TABLE:
        if kind is None or rule.kind in (None, kind):
            names = tuple(name if name.startswith("{") else q(name) for name in rule.child)
            rows.setdefault(q(rule.parent), []).append((rule, names))
    texts = {q(rule.parent): rule.at_most for rule in TEXT_TABLE}
    return {
        parent: _Plan(
            rules=tuple(mine),
            allowed=frozenset(name for _, names in mine for name in names),
            inner=tuple(name for name in dict.fromkeys(name for _, names in mine for name in names) if name in rows),
            text_chars=texts.get(parent),
        )
        for parent, mine in rows.items()
    }


@lru_cache(maxsize=1024)
def _layout(plan: _Plan, tags: tuple[str, ...]) -> _Layout | None:
    """What is left to look at when `plan` allows these tags; None when they break a rule or one stands twice.

    Envelopes of one house look alike, so it pays to remember. Only tags that the plan allows may be asked about, and
    no more of them than it has: what is remembered is bounded.
    """
    position = {tag: index for index, tag in enumerate(tags)}
    if len(position) < len(tags):
        return None
    filled: list[int] = []
    either: list[tuple[int, ...]] = []
    for rule, names in plan.rules:
        here = tuple(position[name] for name in names if name in position)
        if len(here) < min(rule.at_least, 1) or (len(here) > 1 and rule.at_most is not None):
            return None
        if rule.filled and rule.at_least and len(names) == 1:
            filled += here
        elif rule.filled and rule.at_least:
            either.append(here)
    inner = tuple((position[name], name) for name in plan.inner if name in position)
    return _Layout(tuple(filled), tuple(either), inner)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One pass over one tree."""

    plans: Mapping[str, _Plan]
    limits: Limits
    found: list[Finding] = field(default_factory=list)

    def visit(self, element: etree._Element, plan: _Plan) -> None:
        children = children_of(element)
        tags = tuple([child.tag for child in children])
        if plan.text_chars is not None:
            self._measure(element, plan.text_chars)
        if len(tags) <= len(plan.allowed) and plan.allowed.issuperset(tags):
            layout = _layout(plan, tags)
            if layout is not None and _filled(children, layout):
                for index, tag in layout.inner:
                    self.visit(children[index], self.plans[tag])
                return
        self._examine(element, plan)
        for child in element:
            inner = self.plans.get(child.tag)
            if inner is not None and child.tag in plan.allowed:
                if len(self.found) > self.limits.findings:
                    return
                self.visit(child, inner)

    def _examine(self, element: etree._Element, plan: _Plan) -> None:
        """Every row of a parent that is not plainly sound."""
        children: dict[str, list[etree._Element]] = {}
        for child in element:
            tag = child.tag
            if isinstance(tag, str):
                children.setdefault(tag, []).append(child)
        for tag, strangers in children.items():
            if tag not in plan.allowed:
                for stranger in strangers[: self.limits.findings]:
                    self._add(
                        FindingCode.SCHEMA_UNKNOWN_ELEMENT,
                        stranger,
                        element=_shown(tag),
                        expected=", ".join(sorted(_shown(each) for each in plan.allowed)),
                    )
        for rule, names in plan.rules:
            here = [child for name in names for child in children.get(name, ())]
            if rule.at_least:
                self._want(element, rule, here)
            bound = rule.bound(self.limits)
            if bound is not None and len(here) > bound:
                here.sort(key=element.index)
                code = FindingCode.SCHEMA_REPEATED if bound == 1 else FindingCode.SCHEMA_TOO_MANY
                facts = {"element": " / ".join(rule.child), "parent": rule.parent, "count": len(here), "limit": bound}
                self._add(code, here[bound], **facts)
            elif rule.distinct:
                self._distinguish(here, q(rule.distinct))

    def _want(self, element: etree._Element, rule: Rule, here: list[etree._Element]) -> None:
        if sum(1 for child in here if not rule.filled or _has_text(child)) >= rule.at_least:
            return
        facts = {"element": " / ".join(rule.child), "parent": rule.parent}
        if here:
            self._add(FindingCode.SCHEMA_MISSING, here[0], **facts)
        else:
            place = f"{xpath_of(element)}/{EDXML_PREFIX}:{rule.child[0]}"
            self.found.append(finding(FindingCode.SCHEMA_MISSING, line=line_of(element), xpath=place, **facts))

    def _distinguish(self, here: list[etree._Element], key: str) -> None:
        """The same code twice, whatever its letter case and the white space around it."""
        leaves = [leaf for child in here if (leaf := child.find(key)) is not None]
        codes = [text_of(leaf).upper() for leaf in leaves]
        counts = Counter(codes)
        told = {""}
        seen: set[str] = set()
        for leaf, code in zip(leaves, codes, strict=True):
            if code in seen and code not in told:
                told.add(code)
                self._add(FindingCode.RECIPIENT_REPEATED, leaf, text_of(leaf), count=counts[code])
            seen.add(code)

    def _measure(self, element: etree._Element, at_most: int) -> None:
        text = element.text or ""
        for child in children_of(element):
            text += child.tail or ""
        if len(text) <= at_most:
            return
        text = " ".join(text.split())  # white space collapses, as the XSD does with values
        if len(text) > at_most:
            name = local(element.tag)
            self._add(FindingCode.SCHEMA_TOO_LONG, element, text, element=name, limit=at_most, length=len(text))

    def _add(self, code: FindingCode, element: etree._Element, value: str = "", /, **facts: object) -> None:
        if len(self.found) <= self.limits.findings:
            self.found.append(finding(code, line=line_of(element), xpath=xpath_of(element), value=value, **facts))


def _filled(children: list[etree._Element], layout: _Layout) -> bool:
    """Whether there is text where there must be."""
    for index in layout.filled:  # plain loops: this runs for every element of every envelope
        if not _has_text(children[index]):
            return False
    for group in layout.either:
        for index in group:
            if _has_text(children[index]):
                break
        else:
            return False
    return True


def _has_text(element: etree._Element) -> bool:
    """Whether there is a character other than white space anywhere inside."""
    text = element.text
    if text and not text.isspace():
        return True
    for child in children_of(element):
        if isinstance(child.tag, str) and _has_text(child):
            return True
        tail = child.tail
        if tail and not tail.isspace():
            return True
    return False


def _shown(tag: str) -> str:
    """The name as people write it: local in the EDXML namespace, `ds:` in the signature's, else as it stands."""
    if tag.startswith(f"{{{EDXML_NS}}}"):
        return local(tag)
    return f"ds:{local(tag)}" if tag.startswith(f"{{{DSIG_NS}}}") else tag
