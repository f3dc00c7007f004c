"""The look of the page: ink, paper and one warm colour. `style.css` has what a theme cannot say."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, sizes

STYLE = Path(__file__).parent / "style.css"

CLAY = colors.Color(
    name="clay",
    c50="#fdf5f1",
    c100="#fae7de",
    c200="#f4cbb9",
    c300="#eba88c",
    c400="#df7f5a",
    c500="#cd5c33",
    c600="#b04521",
    c700="#90371b",
    c800="#742f1b",
    c900="#5f2a1b",
    c950="#34130a",
)
"""White text on c600 has a contrast of 5.6 to 1, c300 on the dark page 8 to 1."""


def theme() -> gr.themes.Base:
    """System fonts: a page of this server fetches nothing from another one."""
    return gr.themes.Base(
        primary_hue=CLAY,
        secondary_hue=colors.stone,
        neutral_hue=colors.stone,
        radius_size=sizes.radius_lg,
        font=["system-ui", "-apple-system", "Segoe UI", "Noto Sans KR", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    ).set(
        body_background_fill="#faf8f5",
        body_background_fill_dark="#181513",
        block_background_fill="white",
        block_background_fill_dark="#221e1b",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="#3a332e",
        block_shadow="0 1px 2px rgb(60 30 10 / 0.06)",
        block_label_background_fill="*neutral_100",
        block_label_background_fill_dark="#2e2823",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_large_text_weight="600",
        input_background_fill="white",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="#4a413a",
        input_background_fill_dark="#2a2521",
        slider_color="*primary_500",
        color_accent="*primary_600",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    )


HEADER = """
<header class="brand">
  <svg viewBox="0 0 48 40" width="44" height="36" aria-hidden="true">
    <path d="M24 14c0-3 4-3.4 4-7a4 4 0 0 0-8 0" fill="none" stroke="currentColor"
          stroke-width="2.6" stroke-linecap="round"/>
    <path d="M24 14 44 29c2 1.6 1 5-1.600 5H5.600C3 34 2 30.600 4 29Z" fill="none"
          stroke="currentColor" stroke-width="2.6" stroke-linejoin="round"/>
  </svg>
  <h1>Tryon</h1>
</header>
"""
