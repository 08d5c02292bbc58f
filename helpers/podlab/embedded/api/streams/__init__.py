"""
Requests that become a stream: exec, attach, log, port-forward and proxy.

    serving      one WebSocket request: authenticate, authorize, prepare, accept
    channels     the channel protocol of exec and attach
    executing    exec;  attaching: attach, catchup: what a container wrote before an early attach
    logstream    a container's log
    portforward  port-forward by channels;  spdy: by SPDY frames, as kubectl does;  podsockets: the Pod's side
    proxying     services/NAME/proxy and pods/NAME/proxy
"""
