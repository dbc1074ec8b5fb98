"""Sweeps: many runs from one grid.

What is asked (grid), the runs that it means (cells), how many are left and how long they take (plan), how it stands on
disk (sweep), what came of it (rows, tables, claims), who trains it (work, backends), and its process (jobs).
"""
