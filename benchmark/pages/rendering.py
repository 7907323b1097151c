"""HTML files from jinja2 templates: one file each, with its styles and scripts inside, that can load nothing else.

A strict Content-Security-Policy, by the hashes of exactly these styles and scripts, is the last line of defence: the
first is that every value is escaped, and that characters which reorder or hide text are replaced. So a template has no
`style` attributes and no inline event handlers, which the policy would block, and builds no link from untrusted text.

A room that makes pages keeps its templates, `.css` and `.js` files in a folder `templates` of its own. They extend
`base.html`, whose styles every page has: light, dark, narrow and on paper.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.text import printable

_HERE = "benchmark.pages"
_BASE_STYLE = "base.css"

# An HTML parser reads a script element up to the first `</script`, and has other rules behind `<!--`.
_HARMLESS = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})

Data = Mapping[str, object]
"""By the id of its element, what a page's scripts read: plain dicts, lists, texts and finite numbers."""


def render(
    package: str,
    template: str,
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    data: Data | None = None,
    **context: Any,
) -> bytes:
    """Return the page that a template of a package makes of its context: UTF-8, the same bytes for the same values.

    `styles`, `scripts`: files beside the template, in their order; base.css comes before them. Raises jinja2's
    UndefinedError where the template names a value that is not there, and ValueError on data that is no JSON.
    """
    environment = _environment(package)
    sheets = [_source(environment, name) for name in (_BASE_STYLE, *styles)]
    codes = [_source(environment, name) for name in scripts]
    page = environment.get_template(template).render(
        styles=[Markup(sheet) for sheet in sheets],
        scripts=[Markup(code) for code in codes],
        data={name: Markup(as_json(content)) for name, content in (data or {}).items()},
        policy=content_policy(sheets, codes),
        **context,
    )
    return page.encode()


def content_policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Return a Content-Security-Policy under which a page runs just these scripts and loads nothing."""
    return (
        f"default-src 'none'; style-src {_sources(styles)}; script-src {_sources(scripts)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def as_json(content: object) -> str:
    """Return JSON for a script element that no script runs: compact ASCII, without a character that HTML knows.

    Raises ValueError on numbers that JSON has not.
    """
    return json.dumps(_clean(content), separators=(",", ":"), allow_nan=False).translate(_HARMLESS)


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(_HERE)]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment


def _source(environment: Environment, name: str) -> str:
    """Return a file beside the templates as it is."""
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _finalize(value: object) -> object:
    """Return what a template shows of a value: printable text, or markup that was made here."""
    plain = isinstance(value, str) and value.isprintable()  # of most values
    return value if plain or isinstance(value, Markup) else _clean(value)


def _clean(value: Any) -> Any:
    """Return the value with a question mark for each character of a text that cannot be seen."""
    if isinstance(value, float | int):
        return value
    if isinstance(value, str):
        return value if value.isprintable() else printable(value, len(value), keep="\n\t\u00a0")
    if isinstance(value, Mapping):
        return {_clean(key): _clean(each) for key, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list | tuple) else value


def _sources(texts: Sequence[str]) -> str:
    return " ".join(f"'sha256-{_digest(text)}'" for text in texts) or "'none'"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
