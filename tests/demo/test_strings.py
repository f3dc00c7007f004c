from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")

from tryon import errors  # noqa: E402
from tryon.demo import strings  # noqa: E402
from tryon.demo.error_strings import ERRORS, FINDINGS  # noqa: E402
from tryon.demo.strings import (  # noqa: E402
    EXAMPLES,
    SENTENCES,
    WORDS,
    language_of,
    said,
)

DEMO = Path(__file__).resolve().parents[2] / "demo"
NOT_SHOWN = {"ManifestError", "RowError", "Cancelled", "BatchError", "OutputError"} | {
    "OutputFullError",
    "DependencyError",
    "MaskSizeError",
}


def browser(languages: str) -> Any:
    return SimpleNamespace(headers={"accept-language": languages})


EVERYTHING = WORDS | SENTENCES | EXAMPLES | ERRORS


@pytest.mark.parametrize("key", EVERYTHING)
def test_both_languages_say_it_with_the_same_values(key: str) -> None:
    english, korean = EVERYTHING[key]
    names = [{name for _, name, _, _ in Formatter().parse(t) if name} for t in (english, korean)]
    assert names[0] == names[1] or (key in ERRORS and names == [{"reason"}, set()])
    assert english and korean
    assert not re.search("[가-힣]", english)


def test_korean_is_korean() -> None:
    same = {key for key, (english, korean) in EVERYTHING.items() if english == korean}
    assert same == set()


def test_every_error_a_visitor_may_meet_has_korean_words() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type)]
    leaves = [k for k in kinds if issubclass(k, errors.TryOnError) and not k.__subclasses__()]
    for kind in leaves:
        known = any(parent.__name__ in ERRORS for parent in kind.__mro__)
        assert known or kind.__name__ in NOT_SHOWN, kind


def test_every_finding_about_a_photo_has_korean_words() -> None:
    source = (DEMO.parent / "tryon" / "training" / "garment_check.py").read_text("utf-8")
    places = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    found = [call.args[1] for call in places if getattr(call.func, "id", "") == "Finding"]
    codes = {code.value for code in found if isinstance(code, ast.Constant)}
    assert all(isinstance(code, ast.Constant) for code in found) and codes == set(FINDINGS)
    assert all(re.search("[가-힣]", text) for texts in FINDINGS.values() for text in texts)


def test_every_key_that_the_page_asks_for_is_there_and_none_is_idle() -> None:
    files = [path for path in DEMO.glob("*.py") if not path.name.endswith("strings.py")]
    source = "".join(path.read_text("utf-8") for path in files)
    for key in re.findall(r'word\("([\w-]+)"\)', source):
        assert key in WORDS
    for key in re.findall(r'said\(\w+, "(\w+)"', source):
        assert key in SENTENCES
    idle = [
        k
        for k in SENTENCES
        if f'"{k}"' not in source and not k.startswith(("stage_", "found_", "score_"))
    ]
    assert idle == []
    categories = {"lower", "dress"}  # by their names in `tryon.types`
    assert [k for k in WORDS if f'"{k}"' not in source and k not in categories] == []


@pytest.mark.parametrize(
    ("languages", "language"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("de-DE,de;q=0.9,ko;q=0.5", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("fr", "en"),
        ("", "en"),
    ],
)
def test_the_first_language_that_the_page_knows(languages: str, language: str) -> None:
    assert language_of(browser(languages)) == language
    assert language_of(None) == "en"


def test_values_are_put_in() -> None:
    assert said("en", "waiting", ahead=3) == "Waiting: 3 before you."
    assert "3" in said("ko", "waiting", ahead=3)


def test_the_browser_gets_all_words() -> None:
    translations = strings.translations().translations
    assert set(translations) == {"en", "ko"}
    assert set(translations["ko"]) == set(WORDS) | set(EXAMPLES)


def test_every_example_has_a_name_in_both_languages() -> None:
    files = [path.stem for path in (DEMO / "examples").glob("*-*.jpg")]
    assert {stem.partition("-")[2] for stem in files} | {"stripes"} == set(EXAMPLES)
    for place in (0, 1):
        assert len({names[place] for names in EXAMPLES.values()}) == len(EXAMPLES)


def text_of(node: ast.expr | None) -> str:
    """A sentence in the source, with an X for what is put in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(text_of, node.values))
    return str(node.value) if isinstance(node, ast.Constant) else "X"


@cache
def raised_errors() -> list[errors.TryOnError]:
    """Every error that the engine raises, as it is written."""
    found = []
    for folder in ("tryon", "pipelines", "adapters"):
        for file in (DEMO.parent / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                    kind = getattr(errors, node.func.id, None)
                    if isinstance(kind, type) and issubclass(kind, errors.TryOnError):
                        given = {keyword.arg: text_of(keyword.value) for keyword in node.keywords}
                        found.append(kind(text_of(node.args[0]), remedy=given.get("remedy")))
    return found


@pytest.mark.parametrize("language", ["en", "ko"])
def test_no_visitor_is_told_what_only_programmers_can_do(language: strings.Language) -> None:
    from tryon.demo.messages import sentence

    everything = raised_errors()
    assert len(everything) > 100
    assert any("max_pixels" in (error.remedy or "") for error in everything)
    for error in everything:
        told = sentence(language, error)
        assert not re.search(r"--[a-z]|max_pixels|catalog=|\w\(\w|pip install", told), told
