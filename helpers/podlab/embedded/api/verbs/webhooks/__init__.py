"""
Mutating admission webhooks: programs in Pods that change what is about to be stored.

    matching    which webhooks of the stored configurations a request concerns
    review      the AdmissionReview that is sent, and what the answer means
    calling     one POST to a Service, over TLS that the configuration's ``caBundle`` vouches for
    mutating    all of it, for requests of clients and for what controllers make

Called when objects are created. Other operations of a rule, ``url`` and ``matchConditions`` are stored, and a warning
says that they have no effect here.
"""
