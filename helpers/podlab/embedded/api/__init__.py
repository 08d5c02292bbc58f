"""
The API server of the embedded cluster, over HTTPS on loopback.

The way of one request, ``kubectl apply`` of a Pod as the example:

    1. http.server, http.connection   bytes of one client become an ASGI scope (httptools parses)
    2. app.App                        the ASGI application; refusals (``embedded.fault``) become Status objects
    3. access.auth, access.rbac       401 or 403, or the user is known and allowed
    4. http.request.route             the path names kind, namespace, name, subresource (``resources`` lists the kinds)
    5. verbs.patches, verbs.writing   decode, default, admit (``verbs.admission``), validate (``embedded.schema``)
    6. embedded.store                 the object gets its resourceVersion; watchers get a WatchEvent
    7. http.codec, printing           the answer, as JSON, YAML, protobuf or a Table

From there the way of the Pod goes on without the API: see ``podlab.embedded``.

The rooms, from the ground up; a room imports only from those above it in this list:

    users, resources   the user of a request; the kinds that are served
    nodeconnection     the way to the node: logs, exec, attach, port-forward
    backend            the record that every handler gets: store, tokens, node
    http/              bytes <-> requests and answers
    access/            authentication and authorization
    printing/          Tables, as ``kubectl get`` prints them
    verbs/             what is done with objects: get, list, watch, create, update, patch, delete, subresources
    streams/           requests that become a stream: exec, attach, port-forward, proxy
    local              the same writes for the cluster's own controllers, without HTTP
    app                the application
"""
