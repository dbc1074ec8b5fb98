"""Parts of the page "clad"."""
