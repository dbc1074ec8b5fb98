"""Architectures that methods share."""
