"""Steps that are papers of their own and serve methods: arrays in, plain results out, nothing known of runs."""
