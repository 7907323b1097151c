"""Self-contained pages: escaping, data blocks, and a policy that lets run only what the page brings."""

import json
import re
from importlib.resources import files

import pytest
from html_pages import HOSTILE, Page
from jinja2 import UndefinedError
from markupsafe import Markup

from benchmark.pages.rendering import as_json, content_policy, render

GROUNDS = ("ground", "raised", "code")


def base(**context):
    return render("benchmark.pages", "base.html", **context)


def test_a_page_breaks_none_of_its_own_rules():
    page = Page(base(data={"facts": {"a": 1}}))
    assert page.faults() == []
    assert page.data("facts") == {"a": 1}
    assert page.policy()["script-src"] == "'none'"


def test_the_policy_names_every_style_and_script_by_its_hash():
    # printf 'a' | openssl dgst -sha256 -binary | base64
    assert "script-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='" in content_policy([], ["a"])
    assert content_policy(["a"], []).count("sha256-") == 1


def test_the_policy_allows_no_place_to_load_from():
    assert not any(word in content_policy(["a"], ["b"]) for word in ("unsafe", "http", "self", "*"))


@pytest.mark.parametrize("text", HOSTILE)
def test_data_cannot_leave_its_element(text):
    page = Page(base(data={"facts": {text: [text, {"deep": (text,)}]}}))
    assert page.faults() == []
    assert len(page.named("script")) == 1
    (key,) = page.data("facts")
    assert set("<>\"'&`").intersection(text) == set("<>\"'&`").intersection(key)


@pytest.mark.parametrize("text", ["a\u202eb", "a\u2028b", "a\u200bb", "a\x00b", "a\x1bb", "a\ufeffb"])
def test_characters_that_cannot_be_seen_become_question_marks(text):
    assert json.loads(as_json({"text": text})) == {"text": "a?b"}


def test_visible_text_of_any_script_is_kept():
    assert json.loads(as_json("שלום δ(ε) 忘")) == "שלום δ(ε) 忘"
    assert as_json("忘").isascii()


def test_data_that_is_no_json_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        as_json({"value": float("nan")})


def test_a_value_that_is_missing_is_an_error(tmp_path, monkeypatch):
    package = template_package(tmp_path, monkeypatch, "broken", "{{ nothing }}")
    with pytest.raises(UndefinedError):
        render(package, "page.html")


@pytest.mark.parametrize("text", HOSTILE)
def test_text_in_elements_and_attributes_is_escaped(text, tmp_path, monkeypatch):
    body = '<p title="{{ text }}" data-name="{{ text }}">{{ text }}</p>'
    package = template_package(tmp_path, monkeypatch, "hostile", body)
    page = Page(render(package, "page.html", text=text))
    assert page.faults() == []
    assert not page.named("script")
    (paragraph,) = page.named("p")
    assert set(paragraph.attributes) == {"title", "data-name"}


def test_markup_made_here_is_kept(tmp_path, monkeypatch):
    package = template_package(tmp_path, monkeypatch, "markup", "{{ text }}")
    assert b"<b>\xe2\x86\x92</b>" in render(package, "page.html", text=Markup("<b>→</b>"))


def test_the_same_values_give_the_same_bytes():
    data = {"b": {"y": 1, "x": 2.5}, "a": ["z"]}
    assert base(data=data) == base(data=data)


def test_base_styles_know_dark_schemes_narrow_windows_and_paper():
    sheet = files("benchmark.pages").joinpath("templates/base.css").read_text()
    assert all(part in sheet for part in ("prefers-color-scheme: dark", "max-width: 40rem", "@media print"))


def template_package(tmp_path, monkeypatch, name, body):
    """Return the name of a package with one page whose content is `body`."""
    folder = tmp_path / f"pages_{name}"
    (folder / "templates").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    page = f'{{% extends "base.html" %}}{{% block content %}}{body}{{% endblock %}}'
    (folder / "templates" / "page.html").write_text(page)
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


def schemes():
    """Return the colours of base.css by name: light, and dark where it differs."""
    sheet = files("benchmark.pages").joinpath("templates/base.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)[:2]
    read = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in (light, dark)]
    return [read[0], {**read[0], **read[1]}]


def luminance(color):
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", schemes(), ids=["light", "dark"])
def test_text_stands_out_by_the_ratio_of_level_aa(colors):
    pairs = [(name, ground) for name in ("text", "muted", "link", "accent", "other", "third") for ground in GROUNDS]
    pairs += [(name, f"{name}-soft") for name in ("good", "warn", "bad")] + [("text", "quiet-soft")]
    faint = {pair: contrast(colors[pair[0]], colors[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in faint.items() if ratio < 4.5} == {}


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
