"""Synthetic people in synthetic clothes, with every truth that a try-on needs.

Needs the extra `synthetic` (`pip install tryon[synthetic]`).

    from tryon.data.synthetic.scene import render_sample
    sample = render_sample(seed=7, size=(256, 192))
"""
