"""Parts of the VAE page."""
