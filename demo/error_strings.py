"""What is wrong, for visitors, in English and Korean: errors, and findings about photos."""

from __future__ import annotations

ERRORS: dict[str, tuple[str, str]] = {
    "ImageNotFoundError": (
        "The photo is no longer here. Add it again.",
        "파일을 찾을 수 없습니다. 다시 올려 주세요.",
    ),
    "ImageFormatError": (
        "This file cannot be read as a photo. Take a JPEG, PNG or WebP file.",
        "사진으로 읽을 수 없는 파일입니다. JPEG, PNG, WebP 파일을 올려 주세요.",
    ),
    "ImageAnimatedError": (
        "This picture moves. Take a single photo.",
        "움직이는 그림입니다. 한 장짜리 사진을 올려 주세요.",
    ),
    "ImageTooLargeError": (
        "This photo is too large. Take a smaller one.",
        "사진이 너무 큽니다. 더 작은 사진을 올려 주세요.",
    ),
    "ImageTooSmallError": (
        "This photo is too small. 768 × 1024 pixels is a good size.",
        "사진이 너무 작습니다. 768 × 1024 정도가 좋습니다.",
    ),
    "ImageTruncatedError": (
        "The file is cut off or broken. Save it again and add it once more.",
        "파일이 잘렸거나 깨졌습니다. 다시 저장해서 올려 주세요.",
    ),
    "NoPersonError": (
        "Nobody was found. Take a photo of one person, seen from the hips up at least.",
        "사람을 찾지 못했습니다. 상체가 보이는 한 사람의 사진을 올려 주세요.",
    ),
    "SeveralPeopleError": (
        "Several people are in the photo. Cut it so that one is left.",
        "여러 사람이 보입니다. 입혀 볼 사람만 남게 잘라 주세요.",
    ),
    "OutOfFrameError": (
        "The part to be dressed is not in the photo. Take one that shows it.",
        "입혀 볼 부분이 사진에 없습니다. 그 부분이 보이는 사진을 올려 주세요.",
    ),
    "NoGarmentError": (
        "No garment was found. Take a photo that shows it well.",
        "옷을 찾지 못했습니다. 옷이 잘 보이는 사진을 올려 주세요.",
    ),
    "GarmentError": ("This photo of a garment cannot be used.", "이 옷 사진은 쓸 수 없습니다."),
    "MaskEmptyError": (
        "Nothing is left to repaint. Brush over what shall change.",
        "다시 그릴 곳이 없습니다. 바꿀 곳을 칠해 주세요.",
    ),
    "MaskInvertedError": (
        "Nearly the whole photo is brushed. Brush over what shall change only.",
        "사진을 거의 다 칠했습니다. 바꿀 곳만 칠해 주세요.",
    ),
    "OptionError": ("This setting cannot be used: {reason}.", "설정값을 쓸 수 없습니다: {reason}"),
    "SkuNotFoundError": ("This garment is not in the catalogue.", "카탈로그에 없는 옷입니다."),
    "CatalogConflictError": (
        "There is a garment of this name already. Choose another name.",
        "이미 있는 이름입니다. 다른 이름을 써 주세요.",
    ),
    "CatalogError": (
        "The catalogue cannot be used: {reason}.",
        "카탈로그를 쓸 수 없습니다: {reason}",
    ),
    "LoraError": ("This LoRA does not fit: {reason}.", "이 LoRA는 맞지 않습니다: {reason}"),
    "WeightsError": ("The model cannot be used here.", "이 모델은 여기서 쓸 수 없습니다."),
    "ImageError": ("This photo cannot be used: {reason}.", "쓸 수 없는 사진입니다: {reason}"),
    "PersonError": (
        "This photo of a person cannot be used: {reason}.",
        "이 사람 사진은 쓸 수 없습니다: {reason}",
    ),
    "MaskError": ("This mask cannot be used: {reason}.", "이 마스크는 쓸 수 없습니다: {reason}"),
    "InputError": ("This cannot be used: {reason}.", "넣은 것을 쓸 수 없습니다: {reason}"),
    "BusyError": (
        "Too many people are waiting. Try again in a moment.",
        "지금은 기다리는 사람이 너무 많습니다. 잠시 뒤에 다시 해 보세요.",
    ),
    "TryOnError": ("This did not work here.", "여기서는 할 수 없습니다."),
}
"""The errors of `tryon.errors` for visitors, by class or base class. In English they say what is
wrong and what to do themselves, unless that is for who runs the server: see `messages.sentence`."""


FINDINGS: dict[str, tuple[str, str]] = {
    "too_few": (
        "사진이 한 장뿐입니다.",
        "뒷면 사진과 입은 사진을 더하면 더 좋아집니다.",
    ),
    "duplicate": ("다른 사진과 같거나 거의 같습니다.", "빼 주세요."),
    "mixed": (
        "사진마다 옷의 종류가 다릅니다.",
        "다른 옷의 사진을 빼거나 옷의 종류를 골라 주세요.",
    ),
    "worn": (
        "누군가 입고 있어서 어느 옷인지 알 수 없습니다.",
        "옷의 종류를 골라 주세요.",
    ),
    "cut_out": (
        "배경에서 옷을 떼어 내지 못했습니다.",
        "옷과 색이 다른 단순한 배경에서 찍거나 배경이 투명한 PNG를 써 주세요.",
    ),
    "cut_off": ("옷이 사진 밖으로 잘렸습니다.", "여백을 두고 옷 전체가 보이게 찍어 주세요."),
    "category": ("고른 종류의 옷으로 보이지 않습니다.", "옷의 종류를 확인해 주세요."),
    "photo": ("쓸 수 없는 사진입니다.", "다른 사진을 넣어 주세요."),
    "too_small": (
        "사진이 작습니다.",
        "짧은 변이 400픽셀이면 되고 1024픽셀이면 좋습니다.",
    ),
    "blurred": (
        "초점이 맞지 않거나 흔들렸습니다.",
        "더 밝은 곳에서 흔들리지 않게 다시 찍어 주세요.",
    ),
}
"""Korean for what `tryon.training.garment_check` finds, by code: what is wrong, what to do."""
