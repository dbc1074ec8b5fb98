"""Published tables, run again: what is claimed (tables), what is agreed before (protocol), what is found (verdict)."""
