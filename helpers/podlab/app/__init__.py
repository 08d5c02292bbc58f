"""
podlab-app: the one program behind every container of the course that is not itself the lesson.

It plays the parts of a small web shop (``shop``, ``db``, ``proxy``, ``ship`` and so on), handles SIGTERM as
a well made server does, and prints what it does as JSON lines with sequence numbers. The standard library
is all it needs, so the same files run in the image ``podlab-app:1``, as ``python -m podlab.app``, or packed
with ``zipapp``.

    __main__    the command line: one role, then its knobs
    life        start, SIGTERM, exit-after: how long this process lives and why it ends
    journal     the JSON lines
    calls       asking: HTTP and the toy database protocol
    servers     answering: HTTP pages, files, the toy database, the sink
    roles       what each part of the shop does
"""
