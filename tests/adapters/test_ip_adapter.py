"""An image prompt attaches as diffusers would have it, and leaves no trace when detached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.families import random_unet, save_ip_adapter, shape_of
from tryon.adapters.ip_adapter import IPAdapter, wants_patches
from tryon.errors import WeightsCorruptError, WeightsMissingError


@pytest.fixture(scope="module", params=["base", "plus"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ip") / f"{request.param}.safetensors"
    save_ip_adapter(path, shape_of("sd15"), request.param, torch.float32)
    return path


@pytest.fixture(scope="module")
def unet() -> Any:
    return random_unet(shape_of("sd15")).eval()


@torch.no_grad()
def run(unet: Any, image_embeds: torch.Tensor | None = None) -> torch.Tensor:
    """The UNet's output for one fixed input."""
    generator = torch.Generator().manual_seed(0)
    return unet(
        torch.randn(1, 9, 8, 8, generator=generator),
        torch.tensor(500),
        torch.randn(1, 7, 32, generator=generator),
        added_cond_kwargs=None if image_embeds is None else {"image_embeds": [image_embeds]},
        return_dict=False,
    )[0]


def trace(unet: Any) -> tuple[Any, ...]:
    """Everything that an attached image prompt could leave behind."""
    places = {name: tensor.data_ptr() for name, tensor in unet.state_dict().items()}
    attributes = {name: sorted(module.__dict__) for name, module in unet.named_modules()}
    processors = {name: id(processor) for name, processor in unet.attn_processors.items()}
    return places, attributes, processors, repr(unet), dict(unet.config), run(unet).tolist()


def embeds_for(file: Path) -> torch.Tensor:
    """Image embeddings as the kind in this file wants them."""
    shape = (1, 1, 24) if file.stem == "base" else (1, 1, 17, 32)
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def test_no_trace_after_two_rounds(unet: Any, file: Path) -> None:
    adapter = IPAdapter.from_file(file)
    before = trace(unet)
    outputs = []
    for _ in range(2):
        with adapter.attached(unet):
            assert wants_patches(unet) == (file.stem == "plus")
            outputs.append(run(unet, embeds_for(file)))
            assert not any(parameter.requires_grad for parameter in added_parameters(unet))
        assert trace(unet) == before
    assert torch.equal(*outputs)
    assert (outputs[0] - run(unet)).abs().max() > 1e-2


def added_parameters(unet: Any) -> list[torch.nn.Parameter]:
    named = unet.named_parameters()
    return [p for name, p in named if "_ip." in name or name.startswith("encoder_hid_proj")]


def test_like_the_formula(unet: Any, file: Path) -> None:
    """One cross-attention by hand: attention over text plus scale times attention over image."""
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn2"
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(2, 16, 32, generator=generator)
    text, image = torch.randn(2, 7, 32, generator=generator), torch.randn(2, 4, 32)
    tensors = load_file(file)
    with IPAdapter.from_file(file).attached(unet):
        attention = unet.get_submodule(name)
        attention.processor.scale = [0.6]
        with torch.no_grad():
            ours = attention(hidden, (text, [image]))

    def heads(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (attention.heads, -1)).transpose(1, 2)

    def attend(keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        queries = heads(hidden @ attention.to_q.weight.T)
        scores = queries @ heads(keys).transpose(-1, -2) * queries.shape[-1] ** -0.5
        return (scores.softmax(-1) @ heads(values)).transpose(1, 2).flatten(2)

    seen = attend(text @ attention.to_k.weight.T, text @ attention.to_v.weight.T) + 0.6 * attend(
        image @ tensors["ip_adapter.1.to_k_ip.weight"].T,
        image @ tensors["ip_adapter.1.to_v_ip.weight"].T,
    )
    expected = seen @ attention.to_out[0].weight.T + attention.to_out[0].bias
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_attaching_twice_and_detaching_what_is_not_there(unet: Any, file: Path) -> None:
    adapter = IPAdapter.from_file(file)
    with pytest.raises(RuntimeError, match="not attached"):
        adapter.detach(unet)
    with adapter.attached(unet):
        for other in (adapter, IPAdapter.from_file(file)):
            with pytest.raises(RuntimeError, match="attached already"):
                other.attach(unet)


@pytest.mark.parametrize(
    "lost", ["ip_adapter.1.to_k_ip.weight", "ip_adapter.3.to_v_ip.weight", "image_proj.proj"]
)
def test_a_file_that_lacks_weights(unet: Any, file: Path, lost: str, tmp_path: Path) -> None:
    tensors = {key: tensor for key, tensor in load_file(file).items() if not key.startswith(lost)}
    save_file(tensors, tmp_path / "less.safetensors")
    before = trace(unet)
    with pytest.raises(WeightsCorruptError, match="does not fit"):
        IPAdapter.from_file(tmp_path / "less.safetensors").attach(unet)
    assert trace(unet) == before


def test_an_adapter_of_another_base(file: Path) -> None:
    other = random_unet(shape_of("sdxl")).eval()
    before = repr(other)
    with pytest.raises(WeightsCorruptError, match="does not fit"):
        IPAdapter.from_file(file).attach(other)
    assert repr(other) == before


def test_files_that_are_something_else(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError):
        IPAdapter.from_file(tmp_path / "none.safetensors")
    save_file({"weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsCorruptError, match="weight is not a key"):
        IPAdapter.from_file(tmp_path / "other.safetensors")
    save_file({"image_proj.weight": torch.zeros(1)}, tmp_path / "half.safetensors")
    with pytest.raises(WeightsCorruptError, match="a part is missing"):
        IPAdapter.from_file(tmp_path / "half.safetensors")
    torch.save({}, tmp_path / "pickle.safetensors")
    with pytest.raises(WeightsCorruptError, match="not a safetensors file"):
        IPAdapter.from_file(tmp_path / "pickle.safetensors")
