"""The operating-system processes of runs: submitting, queueing, training, cancelling, and what the machine offers."""
