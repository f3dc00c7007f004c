"""Garments as shops photograph them: cut in two dimensions, laid out, drawn with their truth."""
