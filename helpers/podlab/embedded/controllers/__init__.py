"""
The controllers of the embedded cluster: each watches the store and writes to it, in the daemon's one thread.
"""
