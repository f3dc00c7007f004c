"""Samples that wear different LoRAs in one batch come out as each does alone, merged."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from peft import LoraConfig
from peft.tuners.lora.layer import LoraLayer as PeftLayer
from peft.tuners.lora.model import _adapter_names_pre_forward_hook

from tests.adapters.test_lora import assert_same_trace, random_state
from tests.families import TINY_SD15, TINY_SDXL, random_unet
from tryon.adapters.lora import LoraAdapter, attached
from tryon.adapters.lora_batch import Row, stacked_layers, worn
from tryon.adapters.lora_format import LoraLayer, LoraState
from tryon.errors import LoraBaseError


@pytest.fixture(scope="module", params=[TINY_SD15, TINY_SDXL], ids=["sd15", "sdxl"])
def unet(request: pytest.FixtureRequest) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return random_unet(request.param).requires_grad_(False).eval()


@torch.no_grad()
def run(unet: Any, rows: slice = slice(None)) -> torch.Tensor:
    """The UNet's output for some of six fixed inputs."""
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(6, 9, 8, 8, generator=generator)
    text = torch.randn(6, 7, unet.config.cross_attention_dim, generator=generator)
    added = None
    if unet.config.addition_embed_type == "text_time":
        added = {"text_embeds": torch.ones(6, 24)[rows], "time_ids": torch.ones(6, 6)[rows]}
    return unet(
        latents[rows], torch.tensor(500), text[rows], added_cond_kwargs=added, return_dict=False
    )[0]


Worn = list[tuple[LoraState, float]]


def alone(unet: Any, row: int, states: Worn) -> torch.Tensor:
    """One row with its LoRAs merged into the weights."""
    with attached(unet, [LoraAdapter(state, weight) for state, weight in states]):
        return run(unet, slice(row, row + 1))


@pytest.mark.parametrize("every", ["attn2", "attn1", "ff.net", "resnets", "proj_", "time_emb", ""])
def test_each_row_as_alone(unet: Any, every: str) -> None:
    top = random_state(unet, rank=3, seed=1, every=every)
    skirt = random_state(unet, rank=5, seed=2, every=every)
    # Of the size of trained ones: hundreds of layers add up to much.
    top, skirt = (scaled(state, 0.3 if every else 0.05) for state in (top, skirt))
    samples: list[Worn] = [[(top, 1.0)], [], [(skirt, 0.5), (top, -0.3)]]
    with worn(unet, samples, guided=True):
        batch = run(unet)
    for row in range(6):
        expected = alone(unet, row, samples[row % 3])
        assert (batch[row : row + 1] - expected).abs().max() <= 1e-5
    plain = run(unet)
    assert (batch - plain)[[0, 2, 3, 5]].abs().amax((1, 2, 3)).min() > 1e-3
    torch.testing.assert_close(batch[[1, 4]], plain[[1, 4]], atol=1e-6, rtol=0)


def scaled(state: LoraState, factor: float) -> LoraState:
    return {path: replace(layer, up=layer.up * factor) for path, layer in state.items()}


def test_without_guidance_the_rows_are_the_samples(unet: Any) -> None:
    samples: list[Worn] = [[(random_state(unet, seed=seed), 0.5)] for seed in range(6)]
    with worn(unet, samples, guided=False):
        batch = run(unet)
    for row, states in enumerate(samples):
        assert (batch[row : row + 1] - alone(unet, row, states)).abs().max() <= 1e-5


def test_no_trace(unet: Any) -> None:
    before = trace_of(unet)
    states: list[Worn] = [[(random_state(unet, every=""), 1.0)]] * 3
    with pytest.raises(ZeroDivisionError), worn(unet, states, guided=True):
        assert trace_of(unet)[2] != before[2]
        raise ZeroDivisionError
    assert_same_trace(trace_of(unet), before)


def trace_of(unet: Any) -> tuple[Any, ...]:
    weights = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    attributes = {name: sorted(module.__dict__) for name, module in unet.named_modules()}
    hooks = [len(module._forward_hooks) for module in unet.modules()]
    return weights, hooks, attributes, repr(unet), run(unet)


def test_a_forward_that_somebody_else_replaced_is_put_back() -> None:
    holder = torch.nn.ModuleDict({"layer": torch.nn.Linear(4, 4)})
    layer = holder["layer"]
    original = layer.forward
    layer.forward = own = lambda x: original(x) + 1
    state = {"layer": LoraLayer(torch.ones(1, 4), torch.ones(4, 1), 1.0)}
    with torch.no_grad(), worn(holder, [[(state, 1.0)]], guided=False):
        torch.testing.assert_close(layer(torch.ones(1, 4)), original(torch.ones(1, 4)) + 5)
    assert layer.forward is own


def test_nothing_is_changed_when_one_of_them_does_not_fit(unet: Any) -> None:
    before = trace_of(unet)
    good = random_state(unet)
    bad = {**good, "mid_block.wings": next(iter(good.values()))}
    with (
        pytest.raises(LoraBaseError, match="mid_block.wings"),
        worn(unet, [[(good, 1.0)], [(bad, 1.0)]], guided=False),
    ):
        pass
    assert_same_trace(trace_of(unet), before)


def test_keys_and_values_are_computed_once_for_all_steps(unet: Any) -> None:
    calls: list[str] = []
    state = random_state(unet)
    handles = [
        unet.get_submodule(path).register_forward_pre_hook(
            lambda module, args, path=path: calls.append(path)
        )
        for path in state
    ]
    # What is held is the layer's `forward`: count the matrix products themselves.
    products: list[int] = []
    linear = torch.nn.functional.linear

    def counting(x: torch.Tensor, weight: torch.Tensor, bias: Any = None) -> torch.Tensor:
        products.append(id(weight))
        return linear(x, weight, bias)

    text = torch.randn(2, 7, unet.config.cross_attention_dim)
    keys = [path for path in state if path.endswith(("to_k", "to_v"))]
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.nn.functional, "linear", counting)
            with torch.no_grad(), worn(unet, [[(state, 1.0)]] * 2, guided=False):
                for _ in range(3):
                    for path in keys:
                        unet.get_submodule(path)(text)
    finally:
        for handle in handles:
            handle.remove()
    assert len(calls) == 3 * len(keys)
    assert len(products) == len(keys)


def test_ranks_are_filled_up_and_scales_go_in(unet: Any) -> None:
    state = random_state(unet, rank=2)
    path = next(iter(state))
    layer = state[path]
    other = {path: LoraLayer(layer.down[:1].half(), layer.up[:, :1].half(), 3.0)}
    rows = {path: [Row(0, 0, layer, 0.5), Row(1, 0, other[path], 1.0)]}
    modules = {path: unet.get_submodule(path)}
    stacked = stacked_layers(modules, rows, {path: 3}, copies=2)[path]
    assert stacked.down.shape == (6, 2, layer.inputs)
    assert stacked.up.shape == (6, layer.outputs, 2)
    assert stacked.up.dtype == torch.float32
    by_hand = [
        0.5 * layer.alpha / 2 * layer.up @ layer.down,
        3.0 * other[path].up.float() @ other[path].down.float(),
        torch.zeros(layer.outputs, layer.inputs),
    ]
    torch.testing.assert_close(stacked.up @ stacked.down, torch.stack(by_hand * 2))


# PEFT warns of a second adapter, which is what is wanted here.
@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
@pytest.mark.parametrize("guided", [False, True])
def test_like_peft_mixed_batch(guided: bool) -> None:
    """PEFT's own way to mix adapters in a batch, which diffusers does not expose."""
    unet = random_unet(TINY_SD15).requires_grad_(False).eval()
    states = [random_state(unet, rank=4, seed=seed) for seed in (1, 2)]
    states = [{p: replace(layer, alpha=2.0) for p, layer in s.items()} for s in states]
    samples = [[(states[number], 1.0)] for number in ((0, 1, 0) if guided else (0, 1, 0, 1, 1, 0))]
    with worn(unet, samples, guided=guided):
        ours = run(unet)

    for name, state in zip("ab", states, strict=True):
        targets = list(state)
        unet.add_adapter(LoraConfig(r=4, lora_alpha=2, target_modules=targets), name)
        for path, layer in state.items():
            module = unet.get_submodule(path)
            module.lora_A[name].weight.data = layer.down
            module.lora_B[name].weight.data = layer.up
    unet.set_adapters(["a", "b"])
    names = ["a", "b", "a"] * 2 if guided else ["a", "b", "a", "b", "b", "a"]
    hook = partial(_adapter_names_pre_forward_hook, adapter_names=names)
    for module in unet.modules():
        if isinstance(module, PeftLayer):
            module.register_forward_pre_hook(hook, with_kwargs=True)
    unet.eval()
    assert (ours - run(unet)).abs().max() <= 1e-5
