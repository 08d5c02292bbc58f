"""
Tables, as ``kubectl get`` prints them.

    table     columns of each kind, and the Table object
    rows      the cells of one object;  podrow: those of a Pod
    ages      durations such as ``3m20s``
"""
