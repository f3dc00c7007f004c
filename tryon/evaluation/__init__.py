"""Measures of try-ons: against the known truth of synthetic people, and on real photographs.

Needs the extra `evaluate` (`pip install tryon[evaluate]`), and `synthetic` for held-out people.

    python -m tryon.evaluation --layout synthetic --count 20 --out report
"""
