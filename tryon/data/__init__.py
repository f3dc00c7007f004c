"""Readers of data sets, and the synthetic one."""
