"""Parts of the page "score"."""
