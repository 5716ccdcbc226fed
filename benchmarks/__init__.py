"""Measurements, on the same real servers as the tests."""
