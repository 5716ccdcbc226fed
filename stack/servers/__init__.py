"""Servers on loopback, started and stopped here, each with what sets it up."""
