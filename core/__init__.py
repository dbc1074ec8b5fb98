"""Novelty Explorer's core: datasets, scenarios, methods, runs and figures, without any user interface."""
