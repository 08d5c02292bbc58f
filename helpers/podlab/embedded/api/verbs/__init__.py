"""
The verbs of the API server: one module for each verb, and what they share. In the order of a write:

    getting      get, list;  selectors, labelselector: which objects
    writing      create, update: decode, default, admit, validate, store
    patches      patch: from the body to the stored object
                 patching: JSON patch, merge patch, strategic merge patch
                 applying, ownership: server-side apply and managedFields
    strategy     what the server sets itself on create and update
    admission/   LimitRanges, ResourceQuotas, Pod Security
    deletion     delete: grace periods, finalizers, propagation
    watching     watch: from a resourceVersion on, with bookmarks
    subresources status, scale, eviction, binding, logs, ephemeralcontainers
                 resizing, logs, tokens: three of them, in modules of their own
    reviews      TokenReview, SubjectAccessReview and similar
    eventversions  events.k8s.io is the same Event under other field names
    discovery    which kinds there are;  openapi: their schemas
    nodeevents   what the node noted, for the recorder (a path of ours)
"""
