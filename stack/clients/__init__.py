"""Clients of the registry's HTTP API."""
