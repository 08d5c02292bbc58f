"""
podlab-app: the one program behind every container of the course that is not itself the lesson.

It plays the parts of a small web shop (``shop``, ``db``, ``proxy``, ``ship`` and so on), handles SIGTERM as
a well made server does, and prints what it does as JSON lines with sequence numbers. The standard library
is all it needs, so the same files run in the image ``podlab-app:1``, as ``python -m podlab.app``, or packed
with ``zipapp``.

    __main__    start, one role, exit code
    knobs       the command line
    roles       the name of each role and where it is played
    life        start, SIGTERM, exit-after: how long this process lives and why it ends
    journal     the JSON lines
    apps        roles of app containers: shop, admin, report, wait, look
    sidecars    roles that stand beside an app: proxy, ship, exporter, register
    inits       roles that end: fetch, unpack, warm, migrate
    fixtures    roles outside of the Pod: db, config, sink, registry, caller, scrape
    webhook     the mutating webhook of lab 08; injecting is what it adds
    calls       asking: HTTP and the toy database protocol
    servers     answering HTTP; stopping without cutting anybody off
    pages       what is on the shop's page
    files       files over HTTP with planted faults, archives
    shipping    following log files
    counting    what a sink makes of the lines
    database    the toy database
"""
