"""Attached LoRAs compute what PEFT and diffusers compute, and leave no trace when detached."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

from tests.families import save_random_family
from tryon.adapters.lora import LoraAdapter, attached, merged_weight
from tryon.adapters.lora_format import LoraLayer, LoraState, canonical_lora
from tryon.errors import LoraBaseError
from tryon.pipelines.components import load_base


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("family")
    save_random_family(folder, request.param, controls=(), image_prompt=None)
    return load_base(folder, dtype=torch.float32)


@pytest.fixture
def unet(parts: dict[str, Any]) -> Any:
    return parts["unet"]


@torch.no_grad()
def run(unet: Any) -> torch.Tensor:
    """The UNet's output for one fixed input."""
    generator = torch.Generator().manual_seed(0)
    width = unet.config.cross_attention_dim
    added = None
    if unet.config.addition_embed_type == "text_time":
        added = {"text_embeds": torch.ones(2, 24), "time_ids": torch.ones(2, 6)}
    return unet(
        torch.randn(2, 9, 8, 8, generator=generator),
        torch.tensor(500),
        torch.randn(2, 7, width, generator=generator),
        added_cond_kwargs=added,
        return_dict=False,
    )[0]


def random_state(unet: Any, rank: int = 3, seed: int = 0, every: str = "attn2") -> LoraState:
    """A LoRA of some layers, with an alpha that differs from layer to layer."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for number, (path, module) in enumerate(unet.named_modules()):
        if every in path and isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            outputs, *inputs = module.weight.shape
            down = torch.randn(rank, *inputs, generator=generator) * 0.3
            up = torch.randn(outputs, rank, *[1] * (len(inputs) - 1), generator=generator) * 0.3
            state[path] = LoraLayer(down, up, float(1 + number % 5))
    return state


def kohya_tensors(state: LoraState, alpha: float) -> dict[str, torch.Tensor]:
    tensors = {}
    for path, layer in state.items():
        stem = "lora_unet_" + path.replace(".", "_")
        tensors[f"{stem}.lora_down.weight"] = layer.down
        tensors[f"{stem}.lora_up.weight"] = layer.up
        tensors[f"{stem}.alpha"] = torch.tensor(alpha)
    return tensors


def pipeline_of(parts: dict[str, Any]) -> Any:
    if "text_encoder_2" in parts:
        return StableDiffusionXLInpaintPipeline(**parts, add_watermarker=False)
    return StableDiffusionInpaintPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


Named = Callable[[str, LoraLayer], dict[str, torch.Tensor]]


def as_kohya(path: str, layer: LoraLayer) -> dict[str, torch.Tensor]:
    return kohya_tensors({path: layer}, alpha=1.5)


def as_diffusers(path: str, layer: LoraLayer) -> dict[str, torch.Tensor]:
    return {f"unet.{path}.lora.down.weight": layer.down, f"unet.{path}.lora.up.weight": layer.up}


def as_peft(path: str, layer: LoraLayer) -> dict[str, torch.Tensor]:
    return {f"unet.{path}.lora_A.weight": layer.down, f"unet.{path}.lora_B.weight": layer.up}


def as_attn_procs(path: str, layer: LoraLayer) -> dict[str, torch.Tensor]:
    attention, _, name = path.rpartition("attn2.")
    stem = f"unet.{attention}attn2.processor.{name.removesuffix('.0')}_lora"
    return {f"{stem}.down.weight": layer.down, f"{stem}.up.weight": layer.up}


def text_encoder_tensors(number: str) -> dict[str, torch.Tensor]:
    """A LoRA of three layers of CLIP's, in kohya's naming."""
    generator = torch.Generator().manual_seed(7)
    tensors = {}
    for name, outputs in (("self_attn_q_proj", 32), ("self_attn_out_proj", 32), ("mlp_fc1", 48)):
        stem = f"lora_te{number}_text_model_encoder_layers_0_{name}"
        tensors[f"{stem}.lora_down.weight"] = torch.randn(2, 32, generator=generator)
        tensors[f"{stem}.lora_up.weight"] = torch.randn(outputs, 2, generator=generator)
        tensors[f"{stem}.alpha"] = torch.tensor(1.5)
    return tensors


@pytest.mark.parametrize("named", [as_kohya, as_diffusers, as_peft, as_attn_procs])
@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_like_diffusers(parts: dict[str, Any], unet: Any, named: Named, weight: float) -> None:
    state = random_state(unet)
    tensors = {k: t for path, layer in state.items() for k, t in named(path, layer).items()}
    plain = run(unet)
    with attached(unet, [LoraAdapter(canonical_lora(tensors).unet, weight)]):
        ours = run(unet)
    pipeline = pipeline_of(parts)
    pipeline.load_lora_weights({key: tensor.clone() for key, tensor in tensors.items()})
    pipeline.set_adapters("default_0", weight)
    theirs = run(unet)
    pipeline.unload_lora_weights()
    assert (ours - plain).abs().max() > 1e-2
    assert (ours - theirs).abs().max() <= 1e-5


def test_a_text_encoder_like_diffusers(parts: dict[str, Any], unet: Any) -> None:
    tensors = kohya_tensors(random_state(unet), alpha=1.5)
    tensors |= text_encoder_tensors("1" if "text_encoder_2" in parts else "")
    lora = canonical_lora(tensors)
    encoder = parts["text_encoder"]
    tokens = torch.arange(9)[None]
    plain = encoder(tokens).last_hidden_state
    with attached(encoder, [LoraAdapter(lora.text_encoder)]):
        ours = encoder(tokens).last_hidden_state
    pipeline = pipeline_of(parts)
    pipeline.load_lora_weights({key: tensor.clone() for key, tensor in tensors.items()})
    theirs = encoder(tokens).last_hidden_state
    pipeline.unload_lora_weights()
    assert (ours - plain).abs().max() > 1e-3
    assert (ours - theirs).abs().max() <= 1e-5
    assert torch.equal(encoder(tokens).last_hidden_state, plain)


def ranks_differ(number: int, layer: LoraLayer) -> LoraLayer:
    rank = 1 + number % 3
    return LoraLayer(layer.down[:rank], layer.up[:, :rank], rank / 2)


def alphas_differ(number: int, layer: LoraLayer) -> LoraLayer:
    return replace(layer, alpha=0.5 if number % 4 else 6.0)


@pytest.mark.parametrize("change", [alphas_differ, ranks_differ])
@pytest.mark.parametrize("naming", ["kohya", "attn_procs", "PEFT"])
def test_what_diffusers_loads_wrong_by_hand(unet: Any, change: Any, naming: str) -> None:
    """Alpha of each layer, un-prefixed attention processors, alpha in PEFT's patterns."""
    layers = [change(n, layer) for n, layer in enumerate(random_state(unet).values())]
    state = dict(zip(random_state(unet), layers, strict=True))
    metadata = {}
    if naming == "kohya":
        pairs = [kohya_tensors({path: layer}, layer.alpha) for path, layer in state.items()]
    elif naming == "PEFT":
        pairs = [as_peft(path, layer) for path, layer in state.items()]
        patterns = {path: layer.alpha for path, layer in state.items()}
        config = {"unet.r": 3, "unet.lora_alpha": 9, "unet.alpha_pattern": patterns}
        metadata = {"lora_adapter_metadata": json.dumps(config)}
    else:
        state = {path: replace(layer, alpha=layer.rank) for path, layer in state.items()}
        named = [as_attn_procs(path, layer) for path, layer in state.items()]
        pairs = [{key.removeprefix("unet."): t for key, t in pair.items()} for pair in named]
    tensors = {key: tensor for pair in pairs for key, tensor in pair.items()}
    before = {path: unet.get_submodule(path).weight.double() for path in state}
    with attached(unet, [LoraAdapter(canonical_lora(tensors, metadata).unet)]):
        for path, layer in state.items():
            scale = layer.alpha / layer.rank
            expected = before[path] + scale * layer.up.double() @ layer.down.double()
            weight = unet.get_submodule(path).weight
            assert (weight - expected).abs().max() <= 1e-5


def test_like_peft_with_a_weight(unet: Any) -> None:
    plain = run(unet)
    unet.add_adapter(LoraConfig(r=4, lora_alpha=6, target_modules=["to_k", "to_out.0", "proj_in"]))
    for name, parameter in unet.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    unet.set_adapters(["default"], [0.7])
    theirs = run(unet)
    tensors = {k: v.clone() for k, v in get_peft_model_state_dict(unet).items()}
    unet.delete_adapters("default")
    unet.unload_lora()
    unet.requires_grad_(False)

    metadata = {"lora_adapter_metadata": '{"unet.lora_alpha": 6, "unet.r": 4}'}
    adapter = LoraAdapter(canonical_lora(tensors, metadata).unet, weight=0.7)
    with attached(unet, [adapter]):
        ours = run(unet)
    assert (ours - plain).abs().max() > 1e-2
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("every", ["attn2", "resnets", "proj_in"])
def test_alpha_of_each_layer_by_hand(unet: Any, every: str) -> None:
    state = random_state(unet, every=every)
    before = {path: unet.get_submodule(path).weight.clone() for path in state}
    with attached(unet, [LoraAdapter(state, weight=0.5)]):
        for path, layer in state.items():
            delta = torch.einsum("or,ri->oi", layer.up.flatten(1), layer.down.flatten(1))
            expected = before[path] + 0.5 * layer.alpha / 3 * delta.reshape(before[path].shape)
            torch.testing.assert_close(unet.get_submodule(path).weight.data, expected)


def trace(unet: Any) -> tuple[Any, ...]:
    """Everything that an attached adapter could leave behind."""
    weights = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    places = {name: tensor.data_ptr() for name, tensor in unet.state_dict().items()}
    attributes = {name: sorted(module.__dict__) for name, module in unet.named_modules()}
    return weights, places, attributes, repr(unet), run(unet)


def assert_same_trace(after: tuple[Any, ...], before: tuple[Any, ...]) -> None:
    weights, *rest, output = before
    weights_after, *rest_after, output_after = after
    assert weights.keys() == weights_after.keys()
    assert all(torch.equal(weights[name], weights_after[name]) for name in weights)
    assert rest == rest_after
    assert torch.equal(output, output_after)


def test_no_trace_after_many_rounds(unet: Any) -> None:
    before = trace(unet)
    for _ in range(2):
        with attached(unet, [LoraAdapter(random_state(unet)), LoraAdapter(random_state(unet, 2))]):
            assert not torch.equal(run(unet), before[-1])
        assert_same_trace(trace(unet), before)


def test_half_precision_does_not_drift() -> None:
    layer = torch.nn.Linear(64, 64).bfloat16()
    module = torch.nn.ModuleDict({"layer": layer})
    before = layer.weight.clone()
    adapters = [LoraAdapter(random_state(module, seed=n, every="layer")) for n in range(20)]
    for adapter in adapters:
        adapter.attach(module)
    for adapter in adapters:
        adapter.detach(module)
    assert torch.equal(layer.weight, before)


def test_several_add_up_and_leave_in_any_order(unet: Any) -> None:
    top, skirt = LoraAdapter(random_state(unet)), LoraAdapter(random_state(unet, 2, 1), 0.6)
    path = next(iter(top.state))
    pristine = unet.get_submodule(path).weight.clone()
    before = trace(unet)
    top.attach(unet)
    only_top = run(unet)
    skirt.attach(unet)
    both = [(top.state[path], 1.0), (skirt.state[path], 0.6)]
    assert torch.equal(unet.get_submodule(path).weight, merged_weight(pristine, both))
    top.detach(unet)
    skirt.detach(unet)
    assert_same_trace(trace(unet), before)
    top.attach(unet)
    assert torch.equal(run(unet), only_top)
    top.detach(unet)


def test_attaching_twice_and_detaching_what_is_not_there(unet: Any) -> None:
    adapter = LoraAdapter(random_state(unet))
    with pytest.raises(RuntimeError, match="not attached"):
        adapter.detach(unet)
    with attached(unet, [adapter]), pytest.raises(RuntimeError, match="attached already"):
        adapter.attach(unet)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state, path: {"mid_block.wings": state[path]}, "no layer mid_block.wings"),
        (
            lambda state, path: {
                path: LoraLayer(torch.zeros(3, 1024), state[path].up, 1.0),
            },
            "1024 -> ",
        ),
    ],
)
def test_a_lora_of_another_base(unet: Any, change: Any, words: str) -> None:
    state = random_state(unet)
    before = trace(unet)
    broken = {**state, **change(state, list(state)[-1])}
    with pytest.raises(LoraBaseError, match=words):
        LoraAdapter(broken).attach(unet)
    assert_same_trace(trace(unet), before)


def test_an_error_inside_the_block_detaches_too(unet: Any) -> None:
    before = trace(unet)
    with pytest.raises(ZeroDivisionError), attached(unet, [LoraAdapter(random_state(unet))]):
        raise ZeroDivisionError
    assert_same_trace(trace(unet), before)
