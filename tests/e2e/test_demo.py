"""The demo in a browser, on the embedded engine, as a visitor meets it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import EXAMPLES, PATIENCE, SCREENSHOTS
from tryon.provenance import read_provenance

# A browser and a model on two cores: what a busy machine makes late is tried once more.
pytestmark = pytest.mark.flaky(reruns=1)

Open = Callable[..., Any]
PERSON, SHIRT = EXAMPLES / "person.jpg", EXAMPLES / "shirt.jpg"


def add_person(page: Any, file: Path = PERSON) -> None:
    page.locator("#person input[type=file]").first.set_input_files(file)


def add_garment(page: Any, file: Path = SHIRT) -> None:
    page.locator("#garment input[type=file]").first.set_input_files(file)
    page.locator("#garment img").wait_for()


def masked(page: Any) -> None:
    """Wait until the page has the automatic mask."""
    page.locator("#mask-note .good").wait_for()
    page.locator("#editor canvas").first.wait_for()


def eventually(page: Any, holds: Callable[[], bool], what: str) -> None:
    """Wait for what only a look at the page tells."""
    until = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < until, what
        page.wait_for_timeout(250)


def redness(page: Any, left: float, top: float, right: float, bottom: float) -> float:
    """Share of the brush's colour in a part of the editor's canvas, in parts of its size."""
    picture = page.locator("#editor canvas").first.screenshot()
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("RGB"), np.int16)
    height, width = pixels.shape[:2]
    part = pixels[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ]
    return float(((part[..., 0] - part[..., 1] > 60) & (part[..., 2] > 40)).mean())


def try_on(page: Any) -> str:
    """Press the button and return the sentence at the end."""
    before = page.locator("#status").inner_text()
    page.locator("#go").click()
    page.wait_for_function(
        """before => { const done = document.querySelector("#status .done");
                       return done && done.innerText.trim() !== before.trim(); }""",
        arg=before,
    )
    return str(page.locator("#status").inner_text())


def downloaded(page: Any, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.locator("#download").click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


def brush(page: Any, left: float, top: float, right: float) -> None:
    """A stroke across the editor; places are parts of its width and height."""
    canvas = page.locator("#editor canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"], box["y"] + box["height"] * top
    page.mouse.move(x + box["width"] * left, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] * right, y + 4, steps=12)
    page.mouse.up()


def test_from_photos_to_a_picture_that_says_how_it_was_made(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page()
    add_person(page)
    masked(page)
    add_garment(page)
    page.locator("#advanced button").first.click()
    page.locator("#seed textarea, #seed input").first.fill("7")
    said = try_on(page)
    assert re.search(r"Done in [\d.]+ s with seed 7\.", said)
    assert page.locator("#result img").count() >= 2
    file = downloaded(page, tmp_path)
    noted = read_provenance(file)
    assert noted.parameters is not None and noted.parameters["seed"] == 7
    assert noted.digital_source_type == "compositeWithTrainedAlgorithmicMedia"
    picture, photo = (np.asarray(Image.open(f).convert("RGB")) for f in (file, PERSON))
    assert picture.shape == photo.shape
    changed = (picture != photo).any(axis=2)
    assert 0.05 < changed.mean() < 0.7
    assert not changed[:40, :40].any(), "the background is the photo's own"
    page.locator("#reuse-seed").click()
    page.get_by_role("tab", name="What it saw").click()
    page.locator("#seen img").nth(3).wait_for()


def test_what_is_brushed_is_repainted(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    add_garment(page)
    add_person(page)
    masked(page)
    eventually(page, lambda: redness(page, 0.3, 0.3, 0.7, 0.8) > 0.05, "the mask is not drawn")
    corner = (0.28, 0.04, 0.47, 0.13)  # empty in the photo
    assert redness(page, *corner) == 0
    brush(page, 0.30, 0.08, 0.45)
    eventually(page, lambda: redness(page, *corner) > 0.1, "the stroke is not drawn")
    assert "your mask" in try_on(page)
    picture, photo = (
        np.asarray(Image.open(f).convert("RGB")) for f in (downloaded(page, tmp_path), PERSON)
    )
    height = photo.shape[0]
    changed = (picture != photo).any(axis=2)
    assert changed[: int(0.12 * height)].any(), "the stroke was repainted"
    page.locator("#reset-mask").click()
    eventually(page, lambda: redness(page, *corner) == 0, "the stroke is still there")
    assert "your mask" not in try_on(page)


def test_a_garment_of_the_gallery_without_a_mouse(open_page: Open) -> None:
    """Examples picked by keyboard, the mask grown by the slider's number."""
    page = open_page()
    page.locator("#person-picks button").first.focus()
    page.keyboard.press("Enter")
    masked(page)
    page.locator("#garment-filter input[value=upper]").check()
    page.locator("#garment-search textarea, #garment-search input").first.focus()
    page.keyboard.type("must")
    page.locator("#garments-found", has_text="1 found.").wait_for()
    only = page.locator("#garment-picks button").filter(has=page.locator("img"))
    eventually(page, lambda: only.count() == 1, "the others are still shown")
    assert "mustard" in only.inner_text()
    only.focus()
    page.keyboard.press("Enter")
    page.locator("#garment img").wait_for()
    number = page.locator("#grow input[type=number]")
    number.fill("12")
    number.press("Enter")
    page.locator("#go").focus()
    page.keyboard.press("Enter")
    page.locator("#status .done").wait_for()


def test_a_wrong_file_is_a_sentence_beside_its_field(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    wrong = tmp_path / "notes.jpg"
    wrong.write_text("not a picture")
    add_person(page, wrong)
    page.locator("#person-note .sorry").wait_for()
    assert "not JPEG, PNG" in page.locator("#person-note").inner_text()
    assert page.locator(".toast-body.error, .error").count() == 0


def test_a_photo_of_nobody_and_missing_photos(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    page.locator("#go").click()
    page.locator("#person-note .sorry").wait_for()
    assert "Add a garment" in page.locator("#garment-note").inner_text()
    empty = tmp_path / "wall.jpg"
    Image.new("RGB", (400, 600), (200, 190, 180)).save(empty)
    add_person(page, empty)
    page.get_by_text("Nobody was found").first.wait_for()


def test_it_is_seen_to_grow_and_stop_really_stops(open_page: Open) -> None:
    page = open_page()
    add_garment(page)
    add_person(page)
    masked(page)
    page.locator("#advanced button").first.click()
    page.locator("#steps input, #steps textarea").first.fill("100")
    page.locator("#samples input[type=number]").fill("4")  # so many that they cannot be over
    page.locator("#samples input[type=number]").press("Tab")
    page.locator("#go").click()
    page.locator("#status .busy", has_text="step").wait_for()
    shown = set()  # the garment laid on, then what has become of it

    def grows() -> bool:
        shown.update(image.get_attribute("src") for image in page.locator("#result img").all())
        return len(shown) >= 4  # the photo itself, and three states

    eventually(page, grows, "no preview is seen")
    assert page.locator("#status .busy").count() == 1
    page.locator("#stop").click()
    page.locator("#status", has_text="Stopped.").wait_for()
    page.locator("#steps input, #steps textarea").first.fill("")
    page.locator("#samples input[type=number]").fill("1")
    page.locator("#samples input[type=number]").press("Tab")
    try_on(page)


def test_two_visitors_at_once(open_page: Open, tmp_path: Path) -> None:
    one, other = open_page(), open_page()
    people = [PERSON, EXAMPLES / "person-vest.jpg"]
    for page, person in zip((one, other), people, strict=True):
        add_person(page, person)
        add_garment(page)
    for page in (one, other):
        masked(page)
        page.locator("#go").click()
    for page, person in zip((one, other), people, strict=True):
        page.locator("#status .done").wait_for()
        folder = tmp_path / person.stem
        folder.mkdir()
        picture = Image.open(downloaded(page, folder)).convert("RGB")
        photo = Image.open(person).convert("RGB")
        assert picture.size == photo.size
        assert picture.getpixel((2, 2)) == photo.getpixel((2, 2)), "each gets their own person"


def test_compare(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare-people input[type=file]").set_input_files(PERSON)
    page.locator("#compare-garments input[type=file]").set_input_files(
        [SHIRT, EXAMPLES / "upper-mustard.jpg"]
    )
    for box, files in (("#compare-people", 1), ("#compare-garments", 2)):
        page.locator(f"{box} .file-preview tr.file").nth(files - 1).wait_for()
    page.locator("#compare-go").click()
    page.locator("#compare-status .done").wait_for()
    assert page.locator("#grid .thumbnail-item, #grid button img").count() >= 2
    assert "2 pictures" in page.locator("#compare-status").inner_text()


def test_a_garment_is_added_and_worn(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("tab", name="Add a garment").click()
    page.locator("#new-photos input[type=file]").set_input_files(SHIRT)
    page.locator("#new-photos .file-preview tr.file").first.wait_for()
    page.locator("#check").click()
    page.locator("#train-status .done").wait_for()
    page.locator("#new-sku textarea, #new-sku input").first.fill("e2e-shirt")
    steps = page.locator("#new-steps input[type=number]")
    steps.fill("10")
    steps.press("Tab")
    page.locator("#train").click()
    page.get_by_text("e2e-shirt is in the catalogue now").wait_for(timeout=3 * PATIENCE)
    assert page.locator("#validation img").count() == 1
    page.screenshot(path=SCREENSHOTS / "trained.png", full_page=True)
    page.get_by_role("tab", name="Try on").click()
    page.locator("#garment-picks button", has_text="e2e-shirt").click()
    page.locator("#person-picks button").first.click()
    masked(page)
    try_on(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(open_page: Open, scheme: str) -> None:
    page = open_page(
        viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True, is_mobile=True
    )
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "nothing sticks out to the side"
    dark = page.evaluate("document.body.classList.contains('dark')")
    assert dark == (scheme == "dark")
    page.locator("#person-picks button").first.click()
    masked(page)
    page.locator("#garment-picks button").first.click()
    page.locator("#garment img").wait_for()
    try_on(page)


def test_dark(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    page.locator("#person-picks button").first.click()
    masked(page)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


def test_korean(open_page: Open) -> None:
    page = open_page(locale="ko-KR")
    assert page.locator("#go").inner_text() == "입혀 보기"
    page.locator("#go").click()
    page.get_by_text("먼저 사람 사진을 넣어 주세요.").wait_for()
    page.locator("#person-picks button").first.click()
    masked(page)
    page.locator("#garment-picks button").first.click()
    page.locator("#garment img").wait_for()
    assert "시드" in try_on(page)


def test_every_control_has_a_name(open_page: Open) -> None:
    """What a screen reader reads out: no control without a label, no picture without a text."""
    page = open_page()
    page.locator("#advanced button").first.click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('main button, main input, main textarea, main img')]
        .filter(e => e.offsetParent !== null && e.type !== 'file')
        .filter(e => !(e.getAttribute('aria-label') || e.title || e.innerText || e.alt
                       || (e.labels && e.labels.length) || e.closest('label')
                       || e.getAttribute('aria-labelledby') || e.getAttribute('role')))
        .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
