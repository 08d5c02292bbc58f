"""
The verbs of the command line, one module each; see `podlab.cli` for what such a module holds.
"""
