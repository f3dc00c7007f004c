"""Inpainting against diffusers' own pipelines called by hand, and samples against each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from diffusers import (
    ControlNetModel,
    DDIMScheduler,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLControlNetInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
)
from PIL import Image, ImageOps
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from tests.families import save_ip_adapter, save_random_family, shape_of
from tryon.adapters.lora_format import canonical_lora
from tryon.errors import Cancelled, ImageError, MaskSizeError, OptionError
from tryon.pipelines import inpaint as module
from tryon.pipelines.family import Family, FamilyConfig, FamilyPaths, load_family
from tryon.pipelines.inpaint import InpaintSettings, inpaint, repaint
from tryon.pipelines.inpaint_sample import InpaintSample, Piece

SIZE = (64, 64)
SETTINGS = InpaintSettings(
    steps=3, guidance=4.0, strength=1.0, control_scale=0.9, tile_scale=0.7, image_scale=0.8
)


@pytest.fixture(scope="module")
def sd15(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return everything(tmp_path_factory.mktemp("sd15"), "sd15")


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return everything(tmp_path_factory.mktemp("sdxl"), "sdxl")


@pytest.fixture(params=["sd15", "sdxl"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def everything(folder: Path, kind: Literal["sd15", "sdxl"]) -> Path:
    """A family with two ControlNets and an IP-Adapter of the base and of the plus kind."""
    save_random_family(folder, kind, controls=("pose", "tile"), image_prompt="plus")
    file = folder / "ip_adapter_base.safetensors"
    save_ip_adapter(file, shape_of(kind), "base", torch.float32)
    return folder


def load(
    folder: Path,
    controls: tuple[str, ...] = (),
    image_prompt: str | None = None,
    **config: Any,
) -> Family:
    """Ours, with some of the parts that lie in the folder."""
    found = FamilyPaths.in_folder(folder)
    name = {"plus": "ip_adapter", "base": "ip_adapter_base", None: ""}[image_prompt]
    paths = replace(
        found,
        controlnets=tuple(c for c in found.controlnets if c[1] in controls),
        ip_adapter=folder / f"{name}.safetensors" if image_prompt else None,
    )
    config = {"scheduler": "DDIMScheduler", **config}
    return load_family(paths, FamilyConfig(**config), device="cpu", dtype=torch.float32)


def theirs(folder: Path, controls: tuple[str, ...] = (), image_prompt: str | None = None) -> Any:
    """diffusers' own pipeline with the same parts, loaded its own way."""
    options: dict[str, Any] = {}
    is_xl = (folder / "text_encoder_2").is_dir()
    if is_xl:
        options["add_watermarker"] = False
    else:
        options.update(safety_checker=None, requires_safety_checker=False)
    if image_prompt:
        options["image_encoder"] = CLIPVisionModelWithProjection.from_pretrained(
            folder / "image_encoder"
        )
        options["feature_extractor"] = CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        )
    elif not is_xl:
        options["feature_extractor"] = None
    if controls:
        names = {"pose": "controlnet", "tile": "controlnet_tile"}
        nets = [ControlNetModel.from_pretrained(folder / names[c]) for c in controls]
        options["controlnet"] = nets[0] if len(nets) == 1 else nets
        kind = (
            StableDiffusionXLControlNetInpaintPipeline
            if is_xl
            else StableDiffusionControlNetInpaintPipeline
        )
    else:
        kind = StableDiffusionXLInpaintPipeline if is_xl else StableDiffusionInpaintPipeline
    pipeline = kind.from_pretrained(folder, **options)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    if image_prompt:
        name = "ip_adapter" if image_prompt == "plus" else "ip_adapter_base"
        pipeline.load_ip_adapter(str(folder), subfolder="", weight_name=f"{name}.safetensors")
        pipeline.set_ip_adapter_scale(SETTINGS.image_scale)
    return pipeline


def call(pipeline: Any, sample: InpaintSample, controls: tuple[str, ...] = (), **more: Any) -> Any:
    """diffusers' pipeline on one sample, given texts and pictures: float32 (1, H, W, 3)."""
    arguments: dict[str, Any] = {
        "prompt": sample.prompt,
        "negative_prompt": sample.negative_prompt or None,
        "image": sample.image,
        "mask_image": sample.mask,
        "width": SIZE[0],
        "height": SIZE[1],
        "num_inference_steps": SETTINGS.steps,
        "guidance_scale": SETTINGS.guidance,
        "strength": 1.0,
        "generator": torch.Generator().manual_seed(sample.seed),
        "output_type": "np",
    }
    if pipeline.unet.encoder_hid_proj is not None:
        side = max(sample.garment.size)
        square = ImageOps.pad(sample.garment, (side, side), color="white")
        arguments["ip_adapter_image"] = square
    if controls:
        pictures = {"pose": sample.skeleton, "tile": sample.warp}
        scales = {"pose": SETTINGS.control_scale, "tile": SETTINGS.tile_scale}
        images, weights = [pictures[c] for c in controls], [scales[c] for c in controls]
        one = len(controls) == 1
        arguments["control_image"] = images[0] if one else images
        arguments["controlnet_conditioning_scale"] = weights[0] if one else weights
    return pipeline(**{**arguments, **more}).images


def picture(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Smooth random colours."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def sample(seed: int = 0, **changes: Any) -> InpaintSample:
    """A sample with everything, different in everything for every seed."""
    mask = Image.new("L", SIZE)
    mask.paste(255, (8 + seed, 16, 48, 56))
    photo = picture(10 * seed)
    warp = photo.copy()
    warp.paste(picture(10 * seed + 1), (0, 0), mask)
    whole = InpaintSample(
        image=photo,
        mask=mask,
        prompt=f"shirt number {seed}",
        negative_prompt=f"bad {seed}" if seed else "",
        seed=100 + seed,
        skeleton=picture(10 * seed + 2),
        garment=picture(10 * seed + 3, (40 + 8 * seed, 56)),
        warp=warp,
    )
    return replace(whole, **changes)


def ours(family: Family, samples: list[InpaintSample], **changes: Any) -> Any:
    return repaint(family, samples, replace(SETTINGS, **changes), output_type="np")


def assert_same(left: Any, right: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(left, right, atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("controls", "image_prompt"),
    [
        ((), None),
        (("pose",), None),
        ((), "base"),
        ((), "plus"),
        (("tile",), None),
        (("pose", "tile"), "plus"),
    ],
)
def test_like_diffusers(folder: Path, controls: tuple[str, ...], image_prompt: str | None) -> None:
    one = sample(1)
    expected = call(theirs(folder, controls, image_prompt), one, controls)
    assert_same(ours(load(folder, controls, image_prompt), [one]), expected)


def test_an_empty_negative_prompt_is_none(folder: Path) -> None:
    """SDXL was trained with zeros for no prompt, which an empty text does not give."""
    one = sample(1, negative_prompt="")
    assert_same(ours(load(folder), [one]), call(theirs(folder), one, negative_prompt=None))


def test_every_condition_has_a_say(folder: Path) -> None:
    """Otherwise being like diffusers would prove nothing."""
    family = load(folder, ("pose", "tile"), "plus")
    full = ours(family, [sample()])
    for changes in (
        {"skeleton": picture(77)},
        {"garment": picture(78)},
        {"warp": picture(79)},
        {"prompt": "something else"},
        {"negative_prompt": "something else"},
        {"image": picture(80)},
        {"mask": Image.new("L", SIZE, 255)},
        {"seed": 5},
    ):
        changed = ours(family, [sample(**changes)])
        assert np.abs(changed - full).max() > 1e-2, changes


def lora_tensors(family: Family, seed: int = 0) -> dict[str, torch.Tensor]:
    """A LoRA of cross-attention and of a text encoder, in kohya's naming."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}

    def add(stem: str, layer: torch.nn.Linear) -> None:
        outputs, inputs = layer.weight.shape
        tensors[f"{stem}.lora_down.weight"] = torch.randn(4, inputs, generator=generator)
        tensors[f"{stem}.lora_up.weight"] = torch.randn(outputs, 4, generator=generator)
        tensors[f"{stem}.alpha"] = torch.tensor(0.4)

    for path, layer in family.unet.named_modules():
        if path.endswith(("attn2.to_k", "attn2.to_v", "attn2.to_q", "attn2.to_out.0")):
            add("lora_unet_" + path.replace(".", "_"), layer)
    number = "1" if hasattr(family.pipeline, "text_encoder_2") else ""
    for path, layer in family.pipeline.text_encoder.named_modules():
        if path.endswith(("q_proj", "out_proj")):
            path = path.removeprefix("text_model.").replace(".", "_")
            add(f"lora_te{number}_text_model_{path}", layer)
    return tensors


def test_like_diffusers_with_a_lora(folder: Path) -> None:
    family = load(folder, ("pose",), "plus")
    pipeline = theirs(folder, ("pose",), "plus")
    tensors = lora_tensors(family)
    lora = canonical_lora(tensors)
    assert lora.text_encoder
    pipeline.load_lora_weights(tensors, adapter_name="garment")
    pipeline.set_adapters(["garment"], [0.5])
    one = sample(1)
    plain = ours(family, [one])
    dressed = ours(family, [replace(one, loras=((lora, 0.5),))])
    assert np.abs(dressed - plain).max() > 1e-2
    assert_same(dressed, call(pipeline, one, ("pose",)))
    assert_same(ours(family, [one]), plain, tolerance=0)
    without_text = replace(lora, text_encoder={})
    worn = ours(family, [replace(one, loras=((without_text, 0.5),))])
    assert np.abs(worn - dressed).max() > 1e-4


def test_samples_of_a_batch_wear_different_loras(folder: Path) -> None:
    family = load(folder, ("pose",), "plus")
    loras = [canonical_lora(lora_tensors(family, seed)) for seed in (1, 2)]
    worn = [((loras[0], 1.0),), (), ((loras[1], 0.5), (loras[0], 0.2))]
    samples = [sample(n, loras=each) for n, each in enumerate(worn)]
    together = ours(family, samples)
    for n, one in enumerate(samples):
        alone = ours(family, [one])
        assert_same(together[n : n + 1], alone)
        if one.loras:
            assert np.abs(alone - ours(family, [replace(one, loras=())])).max() > 1e-2
    assert_same(ours(family, samples, guidance=1.0)[2:], ours(family, samples[2:], guidance=1.0))


def test_image_prompts_by_region_like_diffusers_masks(folder: Path) -> None:
    """IP-Adapter's masks do the same for the image prompt, where the text is one and the same."""
    one = sample(1)
    region = Image.new("L", SIZE)
    region.paste(255, (0, 0, 32, 64))
    other = picture(77, (50, 60))
    outfit = replace(one, pieces=(Piece(one.prompt, other, (), region),))
    family = load(folder, (), "plus")
    together = ours(family, [outfit])
    left = torch.zeros(64, 64)
    left[:, :32] = 1
    squares = [ImageOps.pad(g, (max(g.size),) * 2, color="white") for g in (one.garment, other)]
    expected = call(
        theirs(folder, (), "plus"),
        one,
        ip_adapter_image=[squares],
        cross_attention_kwargs={"ip_adapter_masks": [torch.stack([1 - left, left])[None]]},
    )
    assert_same(together, expected)
    assert np.abs(together - ours(family, [one])).max() > 1e-3


def test_each_garment_of_an_outfit_in_a_batch_as_alone(folder: Path) -> None:
    family = load(folder, ("pose",), "plus")
    outfits = []
    for n in (1, 2):
        region = Image.new("L", SIZE)
        region.paste(255, (0, 30 + n, 64, 64))
        worn = [((canonical_lora(lora_tensors(family, 2 * n + k)), 0.5),) for k in (0, 1)]
        piece = Piece(f"skirt {n}", picture(80 + n), worn[0], region)
        outfits.append(sample(n, pieces=(piece,), loras=worn[1]))
    together = ours(family, outfits)
    for n, one in enumerate(outfits):
        assert_same(together[n : n + 1], ours(family, [one]))
        (piece,) = one.pieces
        for change in ({"loras": ()}, {"prompt": "trousers"}, {"garment": picture(99)}):
            changed = ours(family, [replace(one, pieces=(replace(piece, **change),))])
            assert np.abs(changed - together[n : n + 1]).max() > 1e-4, change
    with pytest.raises(MaskSizeError, match="region"):
        inpaint(family, [sample(pieces=(Piece("skirt"),))], SETTINGS)


@pytest.mark.parametrize("controls", [(), ("pose",)])
def test_like_diffusers_starting_from_the_warp(folder: Path, controls: tuple[str, ...]) -> None:
    one = sample(1)
    expected = call(theirs(folder, controls), one, controls, image=one.warp, strength=0.7)
    assert_same(ours(load(folder, controls), [one], strength=0.7), expected)


def test_the_masked_image_is_the_photo_not_the_warp(sd15: Path) -> None:
    """A warp that reaches out of the mask starts the denoising, and is not shown as a fact."""
    one = sample(1, warp=picture(99))
    pipeline = theirs(sd15)
    photo = pipeline.image_processor.preprocess(one.image)
    hole = pipeline.mask_processor.preprocess(one.mask) < 0.5
    expected = call(pipeline, one, image=one.warp, strength=0.7, masked_image_latents=photo * hole)
    assert_same(ours(load(sd15), [one], strength=0.7), expected)


def test_like_diffusers_with_the_warp_as_masked_image(folder: Path) -> None:
    one = sample(1)
    pipeline = theirs(folder)
    warp = pipeline.image_processor.preprocess(one.warp)
    expected = call(pipeline, one, masked_image_latents=warp)
    assert_same(ours(load(folder, masked_image="warp"), [one]), expected)
    without = replace(one, warp=None)
    assert_same(ours(load(folder, masked_image="warp"), [without]), call(pipeline, without))


def test_a_warp_as_masked_image_stays_inside_the_mask(sd15: Path) -> None:
    one = sample(1, warp=picture(99))
    pipeline = theirs(sd15)
    photo, warp = (np.asarray(i, np.float32) / 127.5 - 1 for i in (one.image, one.warp))
    shown = np.where(np.asarray(one.mask)[..., None] > 127, warp, photo)
    masked_image = torch.from_numpy(shown).permute(2, 0, 1)[None]
    expected = call(pipeline, one, masked_image_latents=masked_image)
    assert_same(ours(load(sd15, masked_image="warp"), [one]), expected)


def test_like_diffusers_with_a_tiny_autoencoder(tmp_path: Path) -> None:
    folder = save_random_family(tmp_path, controls=("pose",), vae="tiny")
    one = sample(1)
    expected = call(theirs(folder, ("pose",), "plus"), one, ("pose",))
    assert_same(ours(load(folder, ("pose",), "plus"), [one]), expected)


def test_like_diffusers_without_guidance(folder: Path) -> None:
    one = sample(1)
    expected = call(theirs(folder, ("pose",), "plus"), one, ("pose",), guidance_scale=1.0)
    assert_same(ours(load(folder, ("pose",), "plus"), [one], guidance=1.0), expected)


@pytest.mark.parametrize("image_prompt", ["base", "plus"])
@pytest.mark.parametrize("guidance", [4.0, 1.0])
def test_a_batch_of_different_samples(folder: Path, image_prompt: str, guidance: float) -> None:
    """Also different garments, which diffusers mixes within a batch."""
    family = load(folder, ("pose", "tile"), image_prompt)
    samples = [sample(seed) for seed in range(3)]
    together = ours(family, samples, guidance=guidance, strength=0.7)
    for row, one in zip(together, samples, strict=True):
        assert_same(row, ours(family, [one], guidance=guidance, strength=0.7)[0])


def test_same_pixels_alone_and_at_any_place(folder: Path) -> None:
    family = load(folder, ("pose",), "plus")
    samples = [sample(seed) for seed in range(3)]
    alone = [np.asarray(inpaint(family, [one], SETTINGS)[0]) for one in samples]
    for order in ([0, 1, 2], [2, 0], [1, 1, 0]):
        images = inpaint(family, [samples[i] for i in order], SETTINGS)
        for i, image in zip(order, images, strict=True):
            assert image.mode == "RGB" and image.size == SIZE
            assert np.array_equal(np.asarray(image), alone[i])


def test_samples_that_are_not_alike_go_apart_on_an_accelerator(
    sd15: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = load(sd15, ("pose", "tile"), "plus")
    samples = [
        sample(0),
        sample(1, garment=None),
        sample(2),
        sample(0, warp=None),
        sample(1, skeleton=None),
    ]
    assert module.batches_of(family, samples) == [[0], [1], [2], [3], [4]]
    alone = inpaint(family, samples, SETTINGS)
    monkeypatch.setattr(Family, "device", torch.device("cuda"))
    assert module.batches_of(family, samples) == [[0, 2], [1], [3], [4]]
    for image, expected in zip(inpaint(family, samples, SETTINGS), alone, strict=True):
        difference = np.asarray(image).astype(int) - np.asarray(expected)
        assert np.abs(difference).max() <= 1  # one grey level: kernels differ by batch size


@pytest.mark.parametrize(
    ("missing", "controls", "image_prompt"),
    [
        ("garment", ("pose", "tile"), None),
        ("skeleton", ("tile",), "plus"),
        ("warp", ("pose",), "plus"),
    ],
)
def test_what_a_sample_lacks_is_as_good_as_not_loaded(
    sd15: Path, missing: str, controls: tuple[str, ...], image_prompt: str | None
) -> None:
    one = sample(1, **{missing: None})
    full = load(sd15, ("pose", "tile"), "plus")
    assert_same(ours(full, [one]), ours(load(sd15, controls, image_prompt), [one]))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers
@pytest.mark.parametrize(
    "scheduler",
    ["UniPCMultistepScheduler", "DPMSolverMultistepScheduler", "EulerAncestralDiscreteScheduler"],
)
def test_a_call_leaves_nothing_behind(sd15: Path, scheduler: str) -> None:
    family = load(sd15, ("pose",), scheduler=scheduler)
    first = ours(family, [sample()])
    with pytest.raises(Cancelled):
        inpaint(family, [sample(1)], SETTINGS, on_step=lambda done, total: done < 2)
    assert_same(ours(family, [sample()]), first, tolerance=0)


@pytest.mark.parametrize(("strength", "steps"), [(1.0, 3), (0.7, 2)])
def test_progress(sd15: Path, strength: float, steps: int) -> None:
    seen: list[tuple[int, int]] = []
    family = load(sd15)
    settings = replace(SETTINGS, strength=strength)
    inpaint(family, [sample(0), sample(1)], settings, on_step=lambda *step: seen.append(step))
    assert seen == [(n + 1, 2 * steps) for n in range(2 * steps)]


def test_cancelled_at_once(sd15: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family = load(sd15)
    seen: list[int] = []

    def on_step(done: int, total: int) -> bool:
        seen.append(done)
        return False

    monkeypatch.setattr(family.pipeline.vae, "decode", lambda *_, **__: pytest.fail("decoded"))
    with pytest.raises(Cancelled):
        inpaint(family, [sample(0), sample(1)], SETTINGS, on_step=on_step)
    assert seen == [1]


def test_prompts_and_garments_are_encoded_once(sd15: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family = load(sd15, (), "plus")
    calls: list[str] = []

    def counting(name: str) -> Callable[..., Any]:
        original = getattr(family.pipeline, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            if options.get("prompt_embeds") is None:
                calls.append(name)
            return original(*arguments, **options)

        return counted

    for name in ("encode_prompt", "encode_image"):
        monkeypatch.setattr(family.pipeline, name, counting(name))
    inpaint(family, [sample(0), sample(1), sample(0)], SETTINGS)
    inpaint(family, [sample(1)], SETTINGS)
    assert sorted(calls) == ["encode_image"] * 2 + ["encode_prompt"] * 2


def test_no_samples_no_images(sd15: Path) -> None:
    assert inpaint(load(sd15), [], SETTINGS) == []


@pytest.mark.parametrize(
    ("samples", "error"),
    [
        ([sample(mask=Image.new("L", (64, 56)))], MaskSizeError),
        ([sample(warp=Image.new("RGB", (64, 56)))], ImageError),
        ([sample(skeleton=Image.new("RGB", (64, 56)))], ImageError),
        ([sample(), sample(image=Image.new("RGB", (64, 56)))], ImageError),
        ([sample(image=Image.new("RGB", (60, 64)))], ImageError),
    ],
)
def test_sizes_are_checked(
    sd15: Path, samples: list[InpaintSample], error: type[Exception]
) -> None:
    with pytest.raises(error):
        inpaint(load(sd15), samples, SETTINGS)


@pytest.mark.parametrize(
    "changes",
    [{"steps": 0}, {"strength": 0.0}, {"strength": 1.1}, {"strength": 0.2}],
)
def test_settings_are_checked(changes: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        replace(SETTINGS, **changes)
