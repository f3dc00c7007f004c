from __future__ import annotations

import pytest
import torch

from tryon.errors import NotANumberError
from tryon.pipelines.per_sample import check_finite


@pytest.mark.parametrize("value", ["inf", "-inf", "nan"])
@pytest.mark.parametrize(
    ("dtype", "helps"), [(torch.float16, "bfloat16"), (torch.float32, "LoRAs")], ids=str
)
def test_what_overflows_says_what_helps(value: str, dtype: torch.dtype, helps: str) -> None:
    values = torch.zeros(2, 3, 4, 4, dtype=dtype)
    check_finite(values, "decoded")
    values[1, 2, 3, 3] = float(value)
    with pytest.raises(NotANumberError, match=f"decoded.*{helps}"):
        check_finite(values, "decoded")


def test_half_precision_overflows_where_others_do_not() -> None:
    large = torch.full((1, 1), 300.0)
    check_finite(large @ large.T, "denoised")
    with pytest.raises(NotANumberError):
        check_finite((large.half() * large.half()), "denoised")
