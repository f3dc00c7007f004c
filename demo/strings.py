"""Every word of the page, in English and Korean."""

from __future__ import annotations

from typing import Literal, get_args

import gradio as gr

Language = Literal["en", "ko"]

WORDS: dict[str, tuple[str, str]] = {
    # Tabs and headings
    "try_on": ("Try on", "입어 보기"),
    "compare": ("Compare", "비교"),
    "add": ("Add a garment", "옷 추가"),
    "person": ("Person", "사람"),
    "garment": ("Garment", "옷"),
    "result": ("Result", "결과"),
    "advanced": ("Advanced settings", "고급 설정"),
    "photo": ("Photo", "사진"),
    "mask": ("What is repainted", "다시 그릴 곳"),
    "before": ("Before", "입기 전"),
    "after": ("After", "입은 뒤"),
    "looks": ("Looks of this visit", "이번에 입어 본 옷"),
    "seen": ("What it saw", "본 것"),
    "details": ("Details", "자세히"),
    "step_person": ("## 1 · Person", "## 1 · 사람"),
    "step_garment": ("## 2 · Garment", "## 2 · 옷"),
    "step_result": ("## 3 · Result", "## 3 · 결과"),
    # Person
    "person_photo": ("Photo of one person", "한 사람의 사진"),
    "person_examples": ("Or one of these people", "또는 예시 사진에서 고르기"),
    "mask_editor": ("Mask", "마스크"),
    "grow": ("Grow or shrink the mask", "마스크 넓히기 · 줄이기"),
    "grow_info": ("In pixels of the photo.", "사진의 픽셀 단위입니다."),
    "reset_mask": ("Back to the automatic mask", "자동 마스크로 되돌리기"),
    # Garment
    "garment_photo": ("Photo of a garment", "옷 사진"),
    "catalogue": ("Or one of the catalogue", "또는 카탈로그에서 고르기"),
    "catalogue_fold": ("Catalogue", "카탈로그"),
    "search": ("Search", "찾기"),
    "search_placeholder": ("SKU, words, kind", "SKU, 설명, 종류"),
    "show": ("Show", "보기"),
    "all": ("All", "전체"),
    "category": ("Kind of garment", "옷의 종류"),
    "auto": ("Automatic", "자동"),
    "upper": ("Top", "상의"),
    "lower": ("Bottom", "하의"),
    "dress": ("Dress", "원피스"),
    "photo_kind": ("Photo shows it", "사진 속 옷"),
    "flat-lay": ("Lying flat", "펼쳐 놓음"),
    "worn": ("Worn by somebody", "누군가 입음"),
    # Result
    "go": ("Try it on", "입혀 보기"),
    "stop": ("Stop", "멈추기"),
    "download": ("Download", "내려받기"),
    "reuse_seed": ("Keep this seed", "이 시드 계속 쓰기"),
    # Advanced
    "model": ("Model", "모델"),
    "model_info": (
        "“none” shows the garment laid on the body.",
        "“none”은 옷을 몸에 얹어만 봅니다.",
    ),
    "samples": ("Samples", "장수"),
    "seed": ("Seed", "시드"),
    "seed_info": (
        "Same seed, same picture. Empty: a new one.",
        "같은 시드는 같은 그림. 비우면 새로 정합니다.",
    ),
    "steps": ("Steps", "단계 수"),
    "as_made": ("Empty: as the model was made for.", "비우면 모델의 기본값을 씁니다."),
    "strength": ("Strength (0.01–1)", "강도 (0.01–1)"),
    "guidance": ("Guidance (1–30)", "가이던스 (1–30)"),
    "pose_scale": ("Pose (0–2)", "자세 (0–2)"),
    "image_scale": ("Garment photo (0–2)", "옷 사진 (0–2)"),
    "detail": ("Fine detail given back", "되살릴 세부"),
    "words": ("Garment in words", "옷을 말로"),
    "words_placeholder": ("a red linen shirt", "빨간 리넨 셔츠 (영어로)"),
    "lora": ("Garment LoRA", "옷 LoRA"),
    "lora_weight": ("LoRA weight", "LoRA 세기"),
    "format": ("File to download", "내려받을 파일"),
    # Compare
    "compare_intro": (
        "One person in several garments, or several people in one garment.",
        "한 사람에게 여러 옷을, 또는 여러 사람에게 한 옷을 입혀 봅니다.",
    ),
    "people": ("People", "사람들"),
    "garments": ("Garments", "옷들"),
    "from_catalogue": ("And from the catalogue", "카탈로그에서 더하기"),
    "from_examples": ("And from the examples", "예시에서 더하기"),
    "compare_go": ("Compare", "비교하기"),
    "download_all": ("Download all", "모두 내려받기"),
    "grid": ("Every person in every garment", "모든 사람과 모든 옷"),
    # Add a garment
    "add_intro": (
        "Photos of one garment in, a small LoRA out: then it is in the catalogue for everybody.",
        "한 옷의 사진을 넣으면 작은 LoRA를 학습해 모두의 카탈로그에 올립니다.",
    ),
    "sku": ("Name in the catalogue (SKU)", "카탈로그 이름 (SKU)"),
    "sku_info": ("Letters, digits, “.”, “_” and “-”.", "영문, 숫자, “.”, “_”, “-”."),
    "caption": ("In words", "말로 하면"),
    "garment_photos": ("Photos of the garment", "옷 사진들"),
    "check": ("Check the photos", "사진 검사"),
    "train": ("Train and add", "학습하고 추가"),
    "train_steps": ("Training steps", "학습 단계"),
    "checked": ("What was found in them", "사진에서 찾은 것"),
    "validation": ("On bodies it was not trained on", "학습하지 않은 몸에서"),
    # Around
    "tagline": (
        "See a garment on a person before anybody puts it on.",
        "입기 전에 먼저 보세요.",
    ),
    "privacy": (
        "Photos are worked on by this server alone, and deleted when you close the page. "
        "Results are marked as made with AI. Ask people before you use their photos.",
        "사진은 이 서버에서만 쓰이고, 페이지를 닫으면 지워집니다. 결과에는 AI로 만들었다는 표시가 "
        "들어갑니다. 다른 사람의 사진은 허락을 받고 쓰세요.",
    ),
    "nothing_yet": ("The picture will be here.", "여기에 그림이 나옵니다."),
    "alt_person": ("The person photo", "사람 사진"),
    "alt_garment": ("The garment photo", "옷 사진"),
}

EXAMPLES: dict[str, tuple[str, str]] = {
    "stripes": ("stripes", "줄무늬"),
    "jumper": ("jumper", "스웨터"),
    "shorts": ("shorts", "반바지"),
    "skirt": ("skirt", "치마"),
    "vest": ("vest", "조끼"),
    "chevrons": ("chevrons", "갈매기무늬"),
    "flowers": ("flowers", "꽃무늬"),
    "mustard": ("mustard", "겨자색"),
    "check": ("check", "체크무늬"),
    "navy": ("navy", "남색"),
    "dots": ("dots", "물방울무늬"),
    "pink": ("pink", "분홍"),
}
"""What the examples are called, by their files."""

SENTENCES: dict[str, tuple[str, str]] = {
    "ready": (
        "Add a person and a garment, then try it on.",
        "사람과 옷을 고른 다음 입혀 보세요.",
    ),
    "need_person": ("Add a photo of a person first.", "먼저 사람 사진을 넣어 주세요."),
    "need_garment": ("Add a garment first.", "먼저 옷을 골라 주세요."),
    "need_photos": ("Add photos of the garment first.", "먼저 옷 사진을 넣어 주세요."),
    "looking": ("Looking at the photo …", "사진을 살펴보는 중 …"),
    "person_seen": ("The photo will do.", "쓸 수 있는 사진입니다."),
    "mask_ready": (
        "Red will be repainted. Brush to add to it, erase to take away, or leave it so.",
        "빨간 곳을 다시 그립니다. 칠해서 더하거나 지워서 뺄 수 있고, 그대로 두어도 됩니다.",
    ),
    "waiting": ("Waiting: {ahead} before you.", "기다리는 중: 앞에 {ahead}개."),
    "next": ("You are next.", "바로 다음 차례입니다."),
    "stage_person": ("Looking at the person …", "사람을 살펴보는 중 …"),
    "stage_garment": ("Looking at the garment …", "옷을 살펴보는 중 …"),
    "stage_mask": ("Laying the garment on the body …", "옷을 몸에 맞추는 중 …"),
    "stage_denoise": ("Painting, step {done} of {total}", "그리는 중, {total}단계 중 {done}"),
    "stage_painting": ("Painting …", "그리는 중 …"),
    "stage_views": (
        "Drawing the garment on bodies, {done} of {total}",
        "몸에 옷을 그리는 중, {total} 중 {done}",
    ),
    "stage_train": ("Training, step {done} of {total}", "학습 중, {total}단계 중 {done}"),
    "left": ("about {seconds} s left", "약 {seconds}초 남음"),
    "picture_of": ("Picture {number} of {count}.", "{count}장 중 {number}번째."),
    "done": ("Done in {seconds} s.", "{seconds}초 만에 완성했습니다."),
    "doubtful": (
        "Done in {seconds} s, but look closely before you use it:",
        "{seconds}초 만에 만들었지만, 쓰기 전에 잘 살펴보세요:",
    ),
    "details_of": (
        "Seed {seed}. {repainted} of the photo was repainted. {scores}.",
        "시드 {seed}. 사진의 {repainted}를 다시 그렸습니다. {scores}.",
    ),
    "score_pose": ("pose {value}", "자세 {value}"),
    "score_print": ("print {value}", "무늬 {value}"),
    "score_likeness": ("likeness to the garment photo {value}", "옷 사진과 닮음 {value}"),
    "score_garment": ("shape of the garment {value}", "옷의 모양 {value}"),
    "score_seam": ("seams to the photo {value}", "사진과의 이음매 {value}"),
    "score_facing": ("facing the camera {value}", "정면 {value}"),
    "taken_as": ("Taken as: {kind}.", "이렇게 보았습니다: {kind}."),
    "taken_as_change": (
        "Taken as: {kind}. If it is not, choose above.",
        "{kind}(으)로 보았습니다. 아니면 위에서 바꿔 주세요.",
    ),
    "unreadable": (
        "Something sent with this cannot be read here. Reload the page and add the photos again.",
        "보낸 것을 읽을 수 없습니다. 페이지를 새로 고치고 사진을 다시 넣어 주세요.",
    ),
    "reduced": (
        "The photo is very large: it was reduced to {width} × {height} pixels.",
        "사진이 아주 커서 {width} × {height} 픽셀로 줄였습니다.",
    ),
    "look_alt": ("The person wearing {garment}", "{garment}을(를) 입은 모습"),
    "before_alt": ("The person before", "입기 전의 사람"),
    "slide": (
        "Slide between before and after: left shows more of after",
        "전과 후를 움직여 보기: 왼쪽으로 갈수록 입은 모습",
    ),
    "stopped": ("Stopped.", "멈췄습니다."),
    "broken": (
        "Something went wrong here, not with your photos. The server's log says what.",
        "사진이 아니라 서버에서 문제가 생겼습니다. 서버 기록을 보세요.",
    ),
    "too_long": (
        "Stopped: it took longer than this server allows. Try a smaller photo or fewer steps.",
        "멈췄습니다: 이 서버가 허용하는 시간을 넘었습니다. 더 작은 사진이나 적은 단계로 해 보세요.",
    ),
    "train_too_long": (
        "Training was given up: this server trains for {minutes} minutes at most. Take fewer "
        "steps. The catalogue is as it was before.",
        "학습을 그만두었습니다: 이 서버에서는 {minutes}분까지 학습합니다. 단계 수를 줄여 주세요. "
        "카탈로그는 전과 같습니다.",
    ),
    "compared": ("{count} pictures in {seconds} s.", "{seconds}초에 {count}장."),
    "too_many_pairs": (
        "That would be {count} pictures; at most {limit} are made at once.",
        "{count}장이 됩니다. 한 번에 {limit}장까지 만듭니다.",
    ),
    "added": (
        "{sku} is in the catalogue now: pick it under “Try on”. Training took {seconds} s.",
        "{sku}을(를) 카탈로그에 올렸습니다. “입어 보기”에서 고르세요. "
        "학습에 {seconds}초 걸렸습니다.",
    ),
    "fine": ("fine", "좋음"),
    "checked_fine": ("These photos will do.", "쓸 수 있는 사진입니다."),
    "checked_bad": (
        "Some photos are better left out or replaced.",
        "빼거나 바꾸는 것이 좋은 사진이 있습니다.",
    ),
    "found_error": ("Must change", "꼭 바꿔야 함"),
    "found_warning": ("Better changed", "바꾸면 좋음"),
    "found_note": ("Good to know", "알아 두기"),
    "photo_number": ("photo {number}", "사진 {number}"),
    "garments_found": ("{count} found.", "{count}벌을 찾았습니다."),
    "garments_of_many": (
        "{count} of {total} are shown: search for the others.",
        "{total}벌 중 {count}벌입니다. 나머지는 찾아보세요.",
    ),
    "no_garments_found": ("Nothing fits “{words}”.", "“{words}”에 맞는 옷이 없습니다."),
    # Remarks on a finished picture
    "unlike_garment": (
        "The garment may not look as on its photo.",
        "옷이 사진과 다르게 보일 수 있습니다.",
    ),
    "print_lost": (
        "The print may not be as on the photo.",
        "무늬가 사진과 다를 수 있습니다.",
    ),
    "seam_seen": (
        "The edge of what was painted may be seen.",
        "새로 그린 곳의 경계가 보일 수 있습니다.",
    ),
    "turned_away": (
        "The person does not face the camera: the front of the garment may be wrong.",
        "사람이 정면을 보지 않아 옷의 앞면이 틀릴 수 있습니다.",
    ),
    "unsure_pose": (
        "The pose was hard to see: arms or shoulders may be wrong.",
        "자세가 잘 보이지 않아 팔이나 어깨가 틀릴 수 있습니다.",
    ),
    "small_garment": (
        "The garment photo is small: prints will be soft.",
        "옷 사진이 작아서 무늬가 흐릴 수 있습니다.",
    ),
    "small_person": ("The person is small in the photo.", "사진에서 사람이 작습니다."),
    "hands": (
        "A hand is near the garment: look closely there.",
        "손이 옷 가까이에 있습니다. 그곳을 잘 보세요.",
    ),
    "own_mask": ("Made with your mask.", "직접 고친 마스크로 만들었습니다."),
    # What the model saw
    "saw_mask": ("Mask, repainted", "마스크: 다시 그린 곳"),
    "saw_pose": ("Pose, kept", "자세: 그대로"),
    "saw_body": ("Body map", "몸 지도"),
    "saw_warp": ("Garment on the body", "몸에 얹은 옷"),
    "saw_atlas": ("Garment laid out", "펼쳐 놓은 옷"),
}


def translations() -> gr.I18n:
    """The words of the page for Gradio's front end, which knows the browser's language."""
    by_language = {
        language: {key: texts[place] for key, texts in (WORDS | EXAMPLES).items()}
        for place, language in enumerate(get_args(Language))
    }
    return gr.I18n(**by_language)


def word(key: str) -> str:
    """A word of the page, to be translated by the browser. Raises KeyError for an unknown one."""
    assert (WORDS | EXAMPLES)[key]
    return gr.I18n()(key)  # type: ignore[return-value]  # Gradio takes it wherever it takes text


def language_of(request: gr.Request | None) -> Language:
    """The language of a visitor: the first of their browser's that the page knows."""
    headers = getattr(request, "headers", None) or {}
    for part in headers.get("accept-language", "").split(","):
        tag = part.split(";")[0].strip().lower().split("-")[0]
        if tag in get_args(Language):
            return tag  # type: ignore[return-value]
    return "en"


def said(language: Language, key: str, **values: object) -> str:
    """A sentence in a visitor's language."""
    return SENTENCES[key][get_args(Language).index(language)].format(**values)


def name_in(language: Language, name: str) -> str:
    """What a garment or a person is called; those of a catalogue have one name."""
    names = EXAMPLES.get(name)
    return name if names is None else names[get_args(Language).index(language)]


def word_in(language: Language, key: str) -> str:
    """A word of the page, where it is made here and not by the browser."""
    return WORDS[key][get_args(Language).index(language)]
