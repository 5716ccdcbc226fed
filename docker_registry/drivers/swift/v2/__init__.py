"""The v2 API (OCI distribution) over the container of the v1 registry."""
