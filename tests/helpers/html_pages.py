"""Pages as a browser reads them: elements, what their policy lets run, what they would load."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import NamedTuple

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\"'><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></style><svg onload=alert(1)>",
    "javascript:alert(1)",
    "]]>&lt;script&gt;",
    "{{ 7 * 7 }} {% raw %}",
    "line\u2028separator\u2029",
    "left\u202eright\u2066isolate\u200bzero",
    "`${alert(1)}`",
)
"""Texts that break out of where they stand, or reorder it, where a page does not escape them."""

_LOADING = {"src", "href", "srcset", "data", "action", "formaction", "poster", "background", "xlink:href"}
_ELEMENT_SHOULD_BE_EMPTY = {"meta", "link", "img", "input", "br", "hr", "base"}


class Element(NamedTuple):
    """An element of a page, with its attributes and, for scripts and styles, the text inside it."""

    name: str
    attributes: dict[str, str]
    text: str


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.unbalanced: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, ""))
        if tag not in _ELEMENT_SHOULD_BE_EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, ""))

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        if self._open and self._open[-1] in ("script", "style"):
            last = self.elements[-1]
            self.elements[-1] = last._replace(text=last.text + data)
        else:
            self.texts.append(data)


class Page:
    """A page's elements, its text and its problems."""

    def __init__(self, content: bytes) -> None:
        reader = _Reader()
        reader.feed(content.decode())
        reader.close()
        self.elements, self.text, self.unbalanced = reader.elements, " ".join(reader.texts), reader.unbalanced

    def named(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]

    def with_id(self, id_: str) -> Element:
        return next(element for element in self.elements if element.attributes.get("id") == id_)

    def data(self, id_: str) -> object:
        """Return what a data block holds."""
        return json.loads(self.with_id(id_).text)

    def policy(self) -> dict[str, str]:
        """Return the directives of the page's Content-Security-Policy."""
        metas = [meta.attributes for meta in self.named("meta")]
        (policy,) = [meta["content"] for meta in metas if meta.get("http-equiv") == "Content-Security-Policy"]
        parts = (part.strip().partition(" ") for part in policy.split(";"))
        return {name: value for name, _, value in parts}

    def faults(self) -> list[str]:
        """Return what a browser would refuse, run without being allowed to, or ask another place for."""
        policy = self.policy()
        found = [f"unbalanced {tag}" for tag in self.unbalanced]
        for element in self.elements:
            found += [f"{element.name} has {name}" for name in element.attributes if name.startswith("on")]
            found += [f"{element.name} has a style"] * ("style" in element.attributes)
            found += [
                f"{element.name} loads {value}"
                for name, value in element.attributes.items()
                if name in _LOADING and not _is_inside(value)
            ]
        for name, directive in (("script", "script-src"), ("style", "style-src")):
            for element in self.named(name):
                if (
                    element.attributes.get("type") != "application/json"
                    and _hash(element.text) not in policy[directive]
                ):
                    found.append(f"a {name} is not in the policy")
        if policy["default-src"] != "'none'" or "unsafe" in str(policy):
            found.append("the policy is open")
        return found


def _is_inside(value: str) -> bool:
    """Say whether a link stays in these files: a fragment, a relative path, or data."""
    if value.startswith("data:"):
        return not re.match(r"data:(text/html|image/svg|text/xml|application/xhtml)", value)
    return not re.match(r"[a-z][a-z0-9+.-]*:|//|/|\\", value.strip(), re.IGNORECASE)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
