"""Pictures of the method families: one file a family, with its reasons (`why`), and files for its larger subjects."""
