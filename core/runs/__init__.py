"""Runs: what was asked (spec), where it lies (store, files), how it travels (transfer).

Who trains it is in `process`, what comes of it in `results`.
"""
