"""Runs, from the request to the stored result.

What was asked (spec), where it lies (store), who trains it (jobs, worker), who scores uploads (scorer), who tells
MLflow (mirror).
"""
