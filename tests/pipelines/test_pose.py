from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tryon.assets.rebuild import PERCEPTION
from tryon.errors import NoPersonError, OutOfFrameError, SeveralPeopleError
from tryon.pipelines.pose import BlazePose, require_visible, single_person
from tryon.types import JOINTS, Box, Pose

# Joints of the portrait as found on 2026-11-22 and looked at: x, y. The hips are below the frame.
GOLDEN = {
    "nose": (215.2, 130.2),
    "neck": (205.1, 240.9),
    "right_shoulder": (103.9, 235.6),
    "right_elbow": (58.6, 406.0),
    "right_wrist": (143.8, 460.2),
    "left_shoulder": (306.3, 246.2),
    "left_elbow": (332.8, 365.3),
    "right_eye": (200.4, 104.0),
    "left_eye": (238.8, 109.1),
    "right_ear": (185.1, 107.4),
    "left_ear": (261.4, 121.9),
}
SHEET = (400, 600)


def on(backdrop: np.ndarray, picture: Image.Image, left: int, top: int) -> Image.Image:
    photo = Image.fromarray(backdrop)
    photo.paste(picture, (left, top))
    return photo


def made_up(box: Box, score: float = 0.9) -> Pose:
    """Somebody standing straight in `box`: head at the top, ankles at the bottom."""
    across = {"right": 0.2, "left": 0.8}
    down = {"shoulder": 0.2, "elbow": 0.35, "wrist": 0.5, "hip": 0.5, "knee": 0.75, "ankle": 1.0}
    down |= {"nose": 0.1, "neck": 0.2, "eye": 0.05, "ear": 0.08}
    keypoints = np.ones((18, 3), np.float32)
    for i, joint in enumerate(JOINTS):
        side, _, name = joint.rpartition("_")
        keypoints[i, 0] = box.left + across.get(side, 0.5) * box.width
        keypoints[i, 1] = box.top + down[name] * box.height
    return Pose(keypoints, np.zeros((2, 3, 3), np.float32), score, box)


def test_golden_joints(blazepose: BlazePose, portrait: Image.Image) -> None:
    pose = single_person(blazepose.detect(portrait))
    for name, expected in GOLDEN.items():
        assert pose.joint(name)[:2] == pytest.approx(expected, abs=3), name
        assert pose.seen(name), name
    for name in ("right_knee", "left_knee", "right_ankle", "left_ankle"):
        assert pose.joint(name)[2] == 0, name


def test_shapes_and_ranges(blazepose: BlazePose, portrait: Image.Image) -> None:
    pose = single_person(blazepose.detect(portrait))
    assert pose.keypoints.shape == (18, 3)
    assert pose.keypoints.dtype == pose.hands.dtype == np.float32
    assert pose.hands.shape == (2, 3, 3)
    assert 0.8 < pose.score <= 1
    assert ((pose.keypoints[:, 2] >= 0) & (pose.keypoints[:, 2] <= 1)).all()
    assert pose.joint("neck")[:2] == pytest.approx(
        (pose.joint("right_shoulder") + pose.joint("left_shoulder"))[:2] / 2, abs=0.01
    )
    right_hand = pose.hands[0, :, :2].mean(0)
    assert np.linalg.norm(right_hand - pose.joint("right_wrist")[:2]) < 60
    assert pose.box is not None
    assert pose.box.as_tuple() == pytest.approx((1, 16, 371, 512), abs=12)
    assert pose.mask is not None
    assert pose.mask.values.shape == (256, 256)


def test_mirror_swaps_the_sides(blazepose: BlazePose, portrait: Image.Image) -> None:
    pose = single_person(blazepose.detect(portrait))
    mirrored = single_person(blazepose.detect(ImageOps.mirror(portrait)))
    for name in ("shoulder", "eye", "elbow"):
        x, y, _ = pose.joint(f"right_{name}")
        assert mirrored.joint(f"left_{name}")[:2] == pytest.approx((512 - x, y), abs=25)


def test_same_answer_every_time_from_any_thread(
    blazepose: BlazePose, portrait: Image.Image
) -> None:
    expected = blazepose.detect(portrait)[0].keypoints
    with ThreadPoolExecutor(4) as pool:
        for poses in pool.map(blazepose.detect, [portrait] * 8):
            assert np.array_equal(poses[0].keypoints, expected)
    two = BlazePose(
        PERCEPTION / "pose_detection.tflite", PERCEPTION / "pose_landmark_full.tflite", threads=2
    )
    assert two.detect(portrait)[0].keypoints == pytest.approx(expected, abs=0.01)


def test_two_people_side_by_side(blazepose: BlazePose, portrait: Image.Image) -> None:
    photo = Image.new("RGB", (1024, 512))
    photo.paste(portrait, (0, 0))
    photo.paste(ImageOps.mirror(portrait), (512, 0))
    poses = blazepose.detect(photo)
    noses = sorted(pose.joint("nose")[0] for pose in poses)
    assert noses == pytest.approx([215, 809], abs=8)
    with pytest.raises(SeveralPeopleError, match=r"pair\.jpg: 2 people were found\. Crop"):
        single_person(poses, path="pair.jpg")


@pytest.mark.parametrize("side", [180, 320, 700])
def test_somebody_small_in_a_large_photo(
    side: int, blazepose: BlazePose, portrait: Image.Image, backdrop: np.ndarray
) -> None:
    photo = on(backdrop, portrait.resize((side, side)), 1300, 800)
    pose = single_person(blazepose.detect(photo))
    scale = side / 512
    for name in ("nose", "right_shoulder", "left_shoulder"):
        x, y = GOLDEN[name]
        assert pose.joint(name)[:2] == pytest.approx(
            (1300 + x * scale, 800 + y * scale), abs=0.06 * side
        )


def test_second_smaller_person_is_found_and_passed_over(
    blazepose: BlazePose, portrait: Image.Image, backdrop: np.ndarray
) -> None:
    photo = on(backdrop, portrait.resize((700, 700)), 0, 800)
    photo.paste(ImageOps.mirror(portrait).resize((300, 300)), (1500, 900))
    poses = blazepose.detect(photo)
    assert [pose.joint("nose")[0] > 1400 for pose in poses] == [False, True]
    assert single_person(poses) is poses[0]


def test_huge_close_up(blazepose: BlazePose, portrait: Image.Image) -> None:
    close = portrait.crop((60, 0, 360, 300)).resize((2400, 2400))
    pose = single_person(blazepose.detect(close))
    x, y = GOLDEN["nose"]
    assert pose.joint("nose")[:2] == pytest.approx(((x - 60) * 8, y * 8), abs=50)


def test_large_photo_gives_the_same_joints(blazepose: BlazePose, portrait: Image.Image) -> None:
    pose = single_person(blazepose.detect(portrait.resize((4608, 4608))))
    for name, expected in GOLDEN.items():
        assert pose.joint(name)[:2] / 9 == pytest.approx(expected, abs=20), name


def test_nobody(blazepose: BlazePose, backdrop: np.ndarray, shirt: Path) -> None:
    for photo in (Image.fromarray(backdrop), Image.open(shirt), Image.new("RGB", (1, 1))):
        assert blazepose.detect(photo) == []


def test_flat_lays_are_nobody_and_wearers_are_somebody(
    blazepose: BlazePose, shared_photos: Path
) -> None:
    for path in sorted(shared_photos.glob("*/*.jpg")):
        worn = path.parent.name == "people" or path.stem.startswith("person")
        with Image.open(path) as photo:
            assert len(blazepose.detect(photo.convert("RGB"))) == worn, path.name


def test_no_person_error_names_the_file() -> None:
    with pytest.raises(NoPersonError, match=r"shirt\.jpg: nobody was found\. Use"):
        single_person([], path="shirt.jpg")


def test_the_largest_is_taken() -> None:
    large, small = made_up(Box(0, 0, 200, 600)), made_up(Box(300, 0, 350, 150))
    assert single_person([small, large]) is large


@pytest.mark.parametrize(
    ("other", "score", "counts"),
    [
        (Box(300, 0, 400, 300), 0.9, True),  # a quarter as large
        (Box(300, 0, 398, 300), 0.9, False),  # a little less
        (Box(300, 0, 500, 600), 0.5, False),  # as large, but unsure
    ],
)
def test_who_counts_as_a_second_person(other: Box, score: float, counts: bool) -> None:
    poses = [made_up(Box(0, 0, 200, 600)), made_up(other, score)]
    if counts:
        with pytest.raises(SeveralPeopleError):
            single_person(poses)
    else:
        assert single_person(poses) is poses[0]


@pytest.mark.parametrize(
    ("box", "missing"),
    [
        (Box(100, 0, 300, 600), {}),
        # Cut off above the knees, then above the hips, then under the shoulders.
        (Box(100, 0, 300, 900), {"lower": "the knees are"}),
        (Box(100, 0, 300, 1300), {"lower": "the hips and the knees are", "dress": "the hips are"}),
        (
            Box(100, 0, 300, 2200),
            {
                "upper": "the chest is",
                "lower": "the hips and the knees are",
                "dress": "the hips are",
            },
        ),
        # Only from the waist down.
        (
            Box(100, -620, 300, 600),
            {"upper": "the shoulders are", "lower": "the hips are", "dress": "the shoulders"},
        ),
    ],
)
def test_what_must_be_in_the_picture(box: Box, missing: dict[str, str]) -> None:
    pose = made_up(box)
    for category in ("upper", "lower", "dress"):
        if category in missing:
            expected = rf"me\.jpg: {missing[category]}.* not in the picture\. Use"
            with pytest.raises(OutOfFrameError, match=expected):
                require_visible(pose, category, SHEET, "me.jpg")
        else:
            require_visible(pose, category, SHEET, "me.jpg")


def test_one_side_is_enough() -> None:
    pose = made_up(Box(100, 0, 300, 600))
    for name in ("left_shoulder", "left_hip", "left_knee"):
        pose.keypoints[JOINTS.index(name), 2] = 0.1
    for category in ("upper", "lower", "dress"):
        require_visible(pose, category, SHEET)


def test_chest_without_known_hips() -> None:
    pose = made_up(Box(100, 0, 300, 600))
    pose.keypoints[[JOINTS.index("right_hip"), JOINTS.index("left_hip")]] = 0
    require_visible(pose, "upper", SHEET)
    pose.keypoints[:, 1] += 440  # shoulders at 560: 40 pixels of chest
    with pytest.raises(OutOfFrameError, match="chest"):
        require_visible(pose, "upper", SHEET)
