"""Weights, tables and pictures that ship with the package."""
