"""
Programs for containers on machines without a busybox, written to say what busybox says.

``applets/*.py`` are scripts, not modules: each is copied into the toolbox behind ``#!<python> -SI`` and imports
``_socket`` instead of ``socket``, because ``nc -z`` in a loop should cost 15 ms and not 30.
"""
