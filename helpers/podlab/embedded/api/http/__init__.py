"""
From bytes to a request, and from an answer to bytes.

    server       listens on loopback;  connection: one client's HTTP/1.1 connection, by httptools
    request      Request, Response, Route: the parts of a request and where its path leads
    codec        JSON, YAML and protobuf bodies; which form the client accepts
    protobuf     the envelope of ``application/vnd.kubernetes.protobuf``
"""
