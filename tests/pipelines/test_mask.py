"""Masks of a drawn person, whose every pixel is known: what must change, and what must not."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.parsers import BlindParser, drawn_parsing
from tryon.errors import (
    MaskEmptyError,
    MaskInvertedError,
    MaskSizeError,
    NoPersonError,
    OptionError,
    OutOfFrameError,
)
from tryon.pipelines.mask import (
    agnostic_mask,
    check_mask,
    edited_mask,
    grown_mask,
    old_clothes,
    protected_area,
)
from tryon.pipelines.person.parser import CLASSES
from tryon.pipelines.person.parsing import Parsing, person_parsing
from tryon.types import CATEGORIES, JOINTS, Category, Pose

BACKGROUND, SKIN, FACE, HAIR, TOP, BOTTOM, HAND, SHOE = range(8)
COLOURS = {
    BACKGROUND: (205, 208, 212),
    SKIN: (214, 168, 140),
    FACE: (214, 168, 140),
    HAIR: (60, 38, 28),
    TOP: (170, 40, 60),
    BOTTOM: (60, 80, 130),
    HAND: (214, 168, 140),
    SHOE: (240, 240, 235),
}
CLASS_OF = np.array(
    [
        CLASSES.index(name)
        for name in (
            "background", "skin", "face", "hair", "clothes", "clothes", "skin", "others",
        )
    ],
    np.uint8,
)  # fmt: skip
JOINTS_AT: dict[str, tuple[float, float]] = {
    "nose": (384, 178),
    "neck": (384, 300),
    "right_shoulder": (296, 300),
    "left_shoulder": (472, 300),
    "right_elbow": (262, 430),
    "left_elbow": (506, 430),
    "right_wrist": (246, 545),
    "left_wrist": (522, 545),
    "right_hip": (340, 560),
    "left_hip": (428, 560),
    "right_knee": (336, 755),
    "left_knee": (432, 755),
    "right_ankle": (334, 935),
    "left_ankle": (434, 935),
    "right_eye": (366, 155),
    "left_eye": (402, 155),
    "right_ear": (346, 162),
    "left_ear": (422, 162),
}
KNUCKLES = {"right": (238, 580), "left": (530, 580)}


@dataclass(frozen=True)
class Drawn:
    photo: Image.Image
    labels: np.ndarray
    pose: Pose

    @property
    def silhouette(self) -> np.ndarray:
        return (self.labels != BACKGROUND).astype(np.float32)

    def parsing(self) -> Parsing:
        return self.seen(self.photo)

    def seen(
        self,
        photo: Image.Image,
        silhouette: np.ndarray | None = None,
        **added: np.ndarray,
    ) -> Parsing:
        """The parsing of another photo of them. added: bool (H, W) by name of `CLASSES`."""
        classes = CLASS_OF[self.labels]
        for name, where in added.items():
            classes[where] = CLASSES.index(name)
        outline = self.silhouette if silhouette is None else silhouette
        return drawn_parsing(photo, self.pose, outline, classes[: photo.height])


def limb(draw: ImageDraw.ImageDraw, names: tuple[str, ...], width: int, label: int) -> None:
    points = [JOINTS_AT[name] for name in names]
    draw.line(points, fill=label, width=width, joint="curve")
    for x, y in points:
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=label)


def drawn_person(
    *,
    sleeve: float = 0.4,
    hem: int = 570,
    long_hair: bool = False,
    colours: dict[int, tuple[int, int, int]] | None = None,
    scale: float = 1,
) -> Drawn:
    """Somebody in a top and trousers; sleeve: its length as a share of the arm; hem: its y."""
    labels = Image.new("L", (768, 1024), BACKGROUND)
    draw = ImageDraw.Draw(labels)
    if long_hair:
        draw.rounded_rectangle((326, 110, 442, 400), 40, fill=HAIR)
    for side, x in (("right", 336), ("left", 432)):
        limb(draw, (f"{side}_hip", f"{side}_knee", f"{side}_ankle"), 64, BOTTOM)
        draw.ellipse((x - 26, 950, x + 26, 1000), fill=SHOE)
        knuckles = KNUCKLES[side]
        draw.line([JOINTS_AT[f"{side}_wrist"], knuckles], fill=HAND, width=38)
        draw.ellipse((knuckles[0] - 24, 560, knuckles[0] + 24, 622), fill=HAND)
        limb(draw, (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"), 40, SKIN)
    draw.polygon([(324, 480), (444, 480), (446, 620), (322, 620)], fill=BOTTOM)
    draw.rectangle((362, 200, 406, 320), fill=SKIN)
    draw.polygon([(290, 285), (350, 272), (418, 272), (478, 285), (446, hem), (322, hem)], fill=TOP)
    draw.polygon([(362, 270), (406, 270), (384, 320)], fill=SKIN)
    for side in ("right", "left"):
        arm = [np.array(JOINTS_AT[f"{side}_{name}"]) for name in ("shoulder", "elbow", "wrist")]
        for share in np.linspace(0, sleeve, 80) if sleeve else ():
            start = int(share >= 0.5)
            x, y = arm[start] + (arm[start + 1] - arm[start]) * (share * 2 - start)
            draw.ellipse((x - 27, y - 27, x + 27, y + 27), fill=TOP)
    draw.ellipse((330, 70, 438, 200), fill=HAIR)
    draw.ellipse((343, 105, 425, 219), fill=FACE)
    if long_hair:
        draw.rectangle((326, 150, 342, 400), fill=HAIR)
        draw.rectangle((426, 150, 442, 400), fill=HAIR)
    labels = labels.resize((round(768 * scale), round(1024 * scale)), Image.Resampling.NEAREST)

    table = np.array([({**COLOURS, **(colours or {})})[k] for k in range(8)], dtype=np.uint8)
    flat = table[np.asarray(labels)]
    if scale <= 1:
        grain = np.random.default_rng(0).normal(0, 4, flat.shape)
        flat = np.clip(flat + grain, 0, 255).astype(np.uint8)
    keypoints = np.array([(*JOINTS_AT[name], 0.9) for name in JOINTS], dtype=np.float32)
    hands = np.zeros((2, 3, 3), dtype=np.float32)
    for index, side in enumerate(("right", "left")):
        hands[index] = (*KNUCKLES[side], 0.9)
    keypoints[:, :2] *= scale
    hands[..., :2] *= scale
    return Drawn(Image.fromarray(flat), np.asarray(labels), Pose(keypoints, hands, 0.95))


def share(mask: Image.Image, where: np.ndarray) -> float:
    """What part of a region is masked."""
    return float((np.asarray(mask)[where] >= 128).mean())


@pytest.fixture(scope="module")
def person() -> Drawn:
    return drawn_person()


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("limbs", ["whole", "covered"])
def test_face_hair_and_hands_are_never_repainted(
    person: Drawn, category: Category, limbs: str
) -> None:
    mask = agnostic_mask(person.parsing(), category, limbs=limbs)  # type: ignore[arg-type]
    assert mask.mode == "L" and mask.size == person.photo.size
    assert set(np.unique(np.asarray(mask))) == {0, 255}
    for label, most in ((FACE, 0.0), (HAIR, 0.0), (SHOE, 0.02), (HAND, 0.12)):
        assert share(mask, person.labels == label) <= most, label
    assert share(mask, person.labels == BACKGROUND) < 0.12


@pytest.mark.parametrize("sleeve", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("hem", [500, 570, 640])
@pytest.mark.parametrize("limbs", ["whole", "covered"])
def test_nothing_of_the_old_top_is_left(sleeve: float, hem: int, limbs: str) -> None:
    person = drawn_person(sleeve=sleeve, hem=hem)
    mask = agnostic_mask(person.parsing(), "upper", limbs=limbs)  # type: ignore[arg-type]
    assert share(mask, person.labels == TOP) > 0.998
    below = (person.labels == BOTTOM) & (np.arange(1024)[:, None] > max(hem, 570) + 40)
    assert share(mask, below) == 0


@pytest.mark.parametrize("hem", [500, 570, 640])
def test_nothing_of_the_old_trousers_is_left_and_the_top_stays(hem: int) -> None:
    person = drawn_person(hem=hem)
    mask = agnostic_mask(person.parsing(), "lower")
    assert share(mask, person.labels == BOTTOM) > 0.97
    assert share(mask, person.labels == TOP) < 0.02


def test_a_dress_takes_the_place_of_both(person: Drawn) -> None:
    mask = agnostic_mask(person.parsing(), "dress")
    assert share(mask, np.isin(person.labels, (TOP, BOTTOM))) > 0.99


def test_scraps_of_cloth_beside_a_hand_are_left_out() -> None:
    person = drawn_person()
    coverage = (person.labels == TOP).astype(np.float32)
    scrap = np.zeros(coverage.shape, bool)
    scrap[600:660, 180:225] = True
    coverage[scrap] = 1
    mask = agnostic_mask(person.parsing(), "upper", coverage=coverage)
    assert share(mask, scrap) == 0
    assert share(mask, person.labels == TOP) > 0.99


@pytest.mark.parametrize("category", ["upper", "lower"])
def test_the_background_and_the_other_garment_are_no_old_clothes(category: Category) -> None:
    person = drawn_person()
    own, other = (TOP, BOTTOM) if category == "upper" else (BOTTOM, TOP)
    clothes = old_clothes(person.parsing(), category)
    assert share(clothes, person.labels == own) > 0.99
    assert share(clothes, person.labels == other) < 0.15
    around = cv2.dilate((person.labels > 0).astype(np.uint8), np.ones((25, 25)))
    assert share(clothes, around == 0) == 0
    sleeve = np.zeros(person.labels.shape, bool)
    sleeve[340:420, 240:300] = True  # its outline, and a little beyond
    rim = sleeve & (cv2.dilate((person.labels == TOP).astype(np.uint8), np.ones((5, 5))) > 0)
    assert category == "lower" or share(clothes, rim) > 0.99


def test_without_coverage_there_is_room_for_any_garment_of_the_category() -> None:
    person = drawn_person(hem=480)
    parsing, nothing = person.parsing(), np.zeros(person.labels.shape, dtype=np.float32)
    trousers_to_the_hips, between_the_knees = np.s_[510:550, 350:420], np.s_[650:740, 376:392]
    for category, place in (
        ("upper", trousers_to_the_hips),
        ("lower", between_the_knees),
        ("dress", between_the_knees),
    ):
        mask = np.asarray(agnostic_mask(parsing, category))  # type: ignore[arg-type]
        assert (mask[place] == 255).all(), category
    tight = np.asarray(agnostic_mask(parsing, "upper", coverage=nothing))
    assert (tight[trousers_to_the_hips] == 0).all()
    tight = np.asarray(agnostic_mask(parsing, "lower", coverage=nothing))
    assert (tight[between_the_knees] == 0).any()


def test_trousers_that_the_silhouette_missed_are_repainted_too(person: Drawn) -> None:
    silhouette = person.silhouette
    silhouette[620:720, :384] = 0.2
    parsing = person.seen(person.photo, silhouette)
    mask = np.asarray(agnostic_mask(parsing, "lower"))
    assert (mask[640:700, 308:330] == 255).all()


def test_background_that_the_silhouette_took_in_is_left_alone() -> None:
    person = drawn_person(sleeve=0.0)
    silhouette = person.silhouette
    beside_the_neck, beside_the_arm = np.s_[235:255, 330:348], np.s_[450:510, 205:225]
    silhouette[230:262, 320:450] = 1
    silhouette[440:520, 200:300] = 1
    parsing = person.seen(person.photo, silhouette)
    coverage = (person.labels == TOP).astype(np.float32)
    mask = np.asarray(agnostic_mask(parsing, "upper", coverage=coverage))
    assert (mask[beside_the_neck] == 0).all()
    assert (mask[beside_the_arm] == 0).all()


def test_trousers_with_a_patch_of_the_tops_colour_are_kept(person: Drawn) -> None:
    photo = person.photo.copy()
    photo.paste(COLOURS[TOP], (322, 655, 346, 700))
    parsing = person.seen(photo)
    assert (np.asarray(agnostic_mask(parsing, "upper"))[630:] == 0).all()


def test_gloves_are_kept_like_hands() -> None:
    person = drawn_person(colours={HAND: (25, 25, 30)})
    assert share(protected_area(person.parsing(), "upper"), person.labels == HAND) > 0.8


def test_bare_arms_are_kept_once_the_new_garment_is_known() -> None:
    person = drawn_person(sleeve=0.0)
    parsing = person.parsing()
    rows = np.arange(1024)[:, None]
    forearm = (person.labels == SKIN) & (rows > 400) & (rows < 525)
    coverage = (person.labels == TOP).astype(np.float32)
    assert share(agnostic_mask(parsing, "upper"), forearm) > 0.95  # long sleeves may come
    assert share(agnostic_mask(parsing, "upper", coverage=coverage), forearm) < 0.05
    whole = agnostic_mask(parsing, "upper", coverage=coverage, limbs="whole")
    assert share(whole, forearm) > 0.95


def test_a_sleeve_becomes_bare_skin_of_another_length() -> None:
    person = drawn_person(sleeve=1.0)
    coverage = np.zeros(person.labels.shape, dtype=np.float32)  # a top that covers next to nothing
    coverage[320:500, 330:440] = 1
    mask = agnostic_mask(person.parsing(), "upper", coverage=coverage)
    assert share(mask, person.labels == TOP) > 0.998


def test_the_new_garment_is_covered_wherever_it_goes_but_over_the_face(person: Drawn) -> None:
    coverage = np.zeros(person.labels.shape, dtype=np.float32)
    coverage[140:700, 250:520] = 0.9  # a cape, up to the eyes
    mask = agnostic_mask(person.parsing(), "upper", coverage=coverage)
    free = (coverage > 0.5) & ~np.isin(person.labels, (FACE, HAIR, HAND))
    free[:245] = False
    assert share(mask, free) > 0.97
    assert share(mask, person.labels == FACE) == 0


def test_long_hair_over_the_shoulders_is_kept() -> None:
    person = drawn_person(long_hair=True)
    mask = agnostic_mask(person.parsing(), "upper")
    assert share(mask, person.labels == HAIR) < 0.05
    assert share(mask, person.labels == TOP) > 0.97


def test_a_top_of_the_trousers_colour_ends_at_its_visible_hem() -> None:
    cream = (226, 220, 205)
    person = drawn_person(hem=600, colours={TOP: cream, BOTTOM: cream})
    photo = np.array(person.photo)
    photo[598:606, 300:470][person.labels[598:606, 300:470] > 0] = 150  # the hem's shadow
    parsing = replace(person, photo=Image.fromarray(photo)).parsing()
    assert parsing.waist is not None and not parsing.waist.tucked
    assert parsing.waist.y(np.array([384.0])) == pytest.approx(602, abs=8)
    mask = agnostic_mask(parsing, "upper")
    assert share(mask, person.labels == TOP) > 0.995
    assert share(mask, (person.labels == BOTTOM) & (np.arange(1024)[:, None] > 650)) == 0


def test_skin_coloured_top_is_still_repainted() -> None:
    person = drawn_person(sleeve=0.0, colours={TOP: (226, 184, 172)})
    mask = agnostic_mask(person.parsing(), "upper", limbs="covered")
    assert share(mask, person.labels == TOP) > 0.97


@pytest.mark.parametrize("category", CATEGORIES)
def test_mask_and_protected_area_share_no_pixel(person: Drawn, category: Category) -> None:
    parsing = person.parsing()
    mask, kept = agnostic_mask(parsing, category), protected_area(parsing, category)
    assert not ((np.asarray(mask) > 0) & (np.asarray(kept) > 0)).any()
    assert share(kept, np.isin(person.labels, (FACE, HAIR))) > 0.97
    assert share(kept, person.labels == HAND) > 0.85


@pytest.mark.parametrize("scale", [0.25, 2.5])
def test_the_photos_resolution_changes_next_to_nothing(person: Drawn, scale: float) -> None:
    same = drawn_person(scale=scale)
    expected = np.asarray(agnostic_mask(person.parsing(), "upper")) > 0
    mask = agnostic_mask(same.parsing(), "upper")
    found = np.asarray(mask.resize(person.photo.size, Image.Resampling.BOX)) >= 128
    assert (expected & found).sum() / (expected | found).sum() > 0.95


def test_joints_that_were_not_found_are_put_where_a_body_has_them(person: Drawn) -> None:
    keypoints = person.pose.keypoints.copy()
    for name in ("right_hip", "left_hip", "right_knee", "left_knee", "right_ankle", "left_ankle"):
        keypoints[JOINTS.index(name)] = 0
    partial = replace(person, pose=replace(person.pose, keypoints=keypoints))
    mask = agnostic_mask(partial.parsing(), "upper")
    assert share(mask, person.labels == TOP) > 0.99
    assert share(mask, person.labels == FACE) == 0
    assert share(agnostic_mask(partial.parsing(), "lower"), person.labels == BOTTOM) > 0.95


def test_what_is_not_in_the_picture_is_named(person: Drawn) -> None:
    bust = person.photo.crop((0, 0, 768, 430))
    parsing = person.seen(bust, person.silhouette[:430])
    with pytest.raises(OutOfFrameError, match="lower"):
        agnostic_mask(parsing, "lower")
    with pytest.raises(NoPersonError):
        person.seen(person.photo, np.zeros(person.labels.shape, np.float32))
    nobody = replace(person.pose, keypoints=np.zeros((18, 3), dtype=np.float32))
    with pytest.raises(OutOfFrameError, match="shoulders"):
        person_parsing(person.photo, nobody, person.silhouette, BlindParser())


def test_a_large_photo_costs_little_more() -> None:
    small, large = drawn_person(), drawn_person(scale=6)
    seconds = []
    for person in (small, large):
        silhouette = person.silhouette
        start = time.process_time()
        agnostic_mask(person.seen(person.photo, silhouette), "upper")
        seconds.append(time.process_time() - start)
    assert large.photo.size == (4608, 6144)
    assert seconds[1] - seconds[0] < 1.5


def square(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, box)
    return mask


def test_edited_mask() -> None:
    automatic, own = square((40, 40), (0, 0, 20, 40)), square((40, 40), (10, 0, 30, 40))
    own.putpixel((39, 39), 127)  # not enough to count
    widths = {
        mode: int((np.asarray(edited_mask(automatic, own, mode)) == 255)[0].sum())  # type: ignore[arg-type]
        for mode in ("replace", "add", "subtract")
    }
    assert widths == {"replace": 20, "add": 30, "subtract": 10}
    assert np.asarray(edited_mask(automatic, own))[39, 39] == 0
    with pytest.raises(MaskSizeError):
        edited_mask(automatic, square((41, 40), (0, 0, 5, 5)))
    with pytest.raises(OptionError, match="invert"):
        edited_mask(automatic, own, "invert")  # type: ignore[arg-type]


def test_grown_and_shrunk_mask() -> None:
    mask = square((60, 60), (20, 20, 40, 40))
    assert grown_mask(mask, 5).getbbox() == (15, 15, 45, 45)
    assert grown_mask(mask, 5).getpixel((15, 15)) == 0  # round corners: a distance, not a box
    assert grown_mask(mask, -5).getbbox() == (25, 25, 35, 35)
    assert grown_mask(mask, 0).tobytes() == mask.tobytes()
    assert grown_mask(mask, -30).getbbox() is None
    assert grown_mask(Image.new("L", (9, 9)), 3).getbbox() is None
    assert grown_mask(Image.new("L", (9, 9), 255), -3).getbbox() == (0, 0, 9, 9)


def test_check_mask() -> None:
    check_mask(square((60, 60), (20, 20, 40, 40)), (60, 60))
    with pytest.raises(MaskSizeError, match=r"m\.png.*60x60.*50x60"):
        check_mask(square((60, 60), (20, 20, 40, 40)), (50, 60), "m.png")
    with pytest.raises(MaskEmptyError, match=r"m\.png"):
        check_mask(Image.new("L", (60, 60), 100), (60, 60), "m.png")
    with pytest.raises(MaskInvertedError, match=r"m\.png.*swap"):
        check_mask(Image.new("L", (60, 60), 255), (60, 60), "m.png")
    check_mask(square((60, 60), (0, 0, 60, 56)), (60, 60))  # 93 %: large, but meant


def test_bags_and_straps_stay() -> None:
    person = drawn_person()
    photo, bag = person.photo.copy(), Image.new("L", person.photo.size)
    draw = ImageDraw.Draw(bag)
    draw.line([(318, 285), (470, 585)], fill=255, width=13)
    draw.rectangle((462, 580, 556, 690), fill=255)
    photo.paste((120, 84, 30), mask=bag)
    held = np.asarray(bag) > 0
    parsing = person.seen(photo, np.maximum(person.silhouette, held), others=held)
    top = np.isin(person.labels, (TOP,)) & ~held
    for category in CATEGORIES:
        mask = agnostic_mask(parsing, category, coverage=np.zeros(held.shape, np.float32))
        assert share(mask, held) < 0.15, category
    mask = agnostic_mask(parsing, "upper", coverage=np.zeros(held.shape, np.float32))
    assert share(mask, top) > 0.97


def test_a_bare_arm_before_the_trunk_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    wrist, hand = (400, 455), (430, 462)
    monkeypatch.setitem(JOINTS_AT, "right_wrist", wrist)
    monkeypatch.setitem(KNUCKLES, "right", hand)
    person = drawn_person(sleeve=0.2)
    photo, arm = person.photo.copy(), Image.new("L", person.photo.size)
    ImageDraw.Draw(arm).line([JOINTS_AT["right_elbow"], wrist, hand], fill=255, width=40)
    photo.paste(COLOURS[SKIN], mask=arm)
    parsing = person.seen(photo, skin=np.asarray(arm) > 0)
    coverage = np.zeros(person.labels.shape, np.float32)
    coverage[290:560, 330:440][np.asarray(arm)[290:560, 330:440] == 0] = 1
    before = cv2.erode(np.asarray(arm), np.ones((17, 17))) > 0
    assert share(agnostic_mask(parsing, "upper", coverage=coverage), before) < 0.08
    coverage[:] = 1  # a long sleeve to come
    arm_alone = before & (np.arange(768) < 370)
    assert share(agnostic_mask(parsing, "upper", coverage=coverage), arm_alone) > 0.9


def test_trousers_stay_when_only_their_waist_is_in_the_picture() -> None:
    person = drawn_person(sleeve=0.2)
    below = person.photo.crop((0, 0, 768, 615))
    parsing = person.seen(below, person.silhouette[:615])
    assert parsing.two_piece
    mask = agnostic_mask(parsing, "upper", coverage=np.zeros((615, 768), np.float32))
    labels = person.labels[:615]
    assert share(mask, (labels == BOTTOM) & (np.arange(615)[:, None] > 595)) < 0.02
    assert share(mask, labels == TOP) > 0.97
