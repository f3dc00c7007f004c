"""Measures of try-ons: against the known truth of synthetic people, and on real photographs.

Needs the extra `evaluate` (`pip install tryon[evaluate]`), and `synthetic` for held-out people.

    tryon evaluate --layout synthetic --count 20 --out report
"""
