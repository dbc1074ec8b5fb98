"""Parts of the page "svdd"."""
