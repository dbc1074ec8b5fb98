"""Pictures of the pages that show every method alike."""
