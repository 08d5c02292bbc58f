"""
Upstream's own end-to-end suites against the embedded cluster.

    plan        the versions, and the steps that make binaries and images from Go modules and Debian packages
    standins    the stand-ins for the images that the suites name (``images.toml``)
    lists       which specs must pass, which cannot and why, which are not asked (``lists/``)
    reports     ginkgo's report, held against the lists
    writing     the lists, written anew from a run
    mirror      a registry of the stand-ins, for Pods that always pull
    suites      a cluster, and one run of a suite on it

``build.py`` and ``run_specs.py`` are the programs; README.md says how to use them.
"""
