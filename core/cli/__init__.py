"""The command line behind `python -m core`: what each command does, and what it shows."""
