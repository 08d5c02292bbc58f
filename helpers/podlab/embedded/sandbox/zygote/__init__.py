"""
The small process that starts every container: forked from nothing, holding nothing it does not need.

Starting a program from Python costs what the starting process weighs (copy-on-write of its pages), so containers are
not started by the daemon with its asyncio, TLS and objects, but by this: an interpreter run with ``-S -I`` that loads
``ctypes``, ``_socket``, ``select`` and ``marshal`` only. Modules of this package must not import anything else
(no ``typing``, ``dataclasses``, ``pathlib``, ``json``), nor import inside functions: after ``pivot_root`` the files of
the standard library are gone.

    main.py        started by the daemon; becomes the janitor, clones the node
    janitor        stays outside: maps ids, waits for the daemon's end, then kills the node and removes what is left
    node.py        PID 1 of the node: reads requests and carries them out
                   setup: its folders and /proc;  children: started processes and their ends;
                   handover: sockets, terminals and rules that it makes for the daemon
    podsandbox.py  namespaces and network of one Pod
    container.py   what a new container does between clone and exec
    rootfs.py      its private root file system
    cgroups.py     memory and pid limits where the machine allows them
    linux.py       system calls
    wire.py        messages with descriptors over a SOCK_SEQPACKET socket
"""
