"""The mirror of runs in MLflow: what is told, and the process that tells it."""
