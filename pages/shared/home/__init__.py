"""Parts of the page "home"."""
