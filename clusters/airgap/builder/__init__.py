"""The air-gapped node image, step by step: one module for each kind of step."""
