"""Parts of the page "datasets"."""
