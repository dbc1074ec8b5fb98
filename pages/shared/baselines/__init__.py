"""Parts of the page "baselines"."""
