"""Services, endpoints, names and the proxy (A10 to A17, A29, A30), and pages through the API server."""

from __future__ import annotations

import base64
import json

from field_place import MERGE, Place, Raw, case

SERVES = (
    "import http.server as h, socket, sys\n"
    "class Page(h.BaseHTTPRequestHandler):\n"
    "    def log_message(self, *a): pass\n"
    "    def do_GET(self):\n"
    "        body = (socket.gethostname() + ' ' + self.path).encode()\n"
    "        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()\n"
    "        self.wfile.write(body)\n"
    "h.ThreadingHTTPServer(('', int(sys.argv[1])), Page).serve_forever()\n"
)
GETS = (
    "import sys, urllib.request as u\n"
    "for _ in range(int(sys.argv[2])):\n"
    "    print(u.urlopen(sys.argv[1], timeout=20).read().decode().split()[0])\n"
)


def _server(at: Place, name: str, port: int = 8080, **more: object) -> None:
    container = {"image": "python:3.11-slim", "ports": [{"name": "web", "containerPort": port}],
                 "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1}}  # fmt: skip
    at.pod(name, "python", "-c", SERVES, str(port), labels={"app": "shop"}, **container, **more)  # type: ignore[arg-type]


def _service(at: Place, name: str = "shop", **spec: object) -> Raw:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return at.make("Service", name, {"selector": {"app": "shop"}, "ports": ports, **spec})


def _ready_addresses(at: Place, name: str) -> int:
    rows = at.items("endpointslices", labelSelector=f"kubernetes.io/service-name={name}")
    return sum(e["conditions"].get("ready", True) for row in rows for e in row["endpoints"] or ())


def _names(at: Place, url: str, count: int = 8) -> set[str]:
    """Which Pods answer a client that asks *count* times."""
    done = at.client.exec(at.namespace, "cli", ["python", "-c", GETS, url, str(count)])
    return set(done.stdout.split())


def _shop(at: Place, **spec: object) -> None:
    for number in range(3):
        _server(at, f"shop-{number}")
    at.pod("cli", image="python:3.11-slim")
    _service(at, **spec)
    at.running("cli")
    at.until(lambda: _ready_addresses(at, "shop"), lambda count: count == 3)


@case("network")
def a_service_with_affinity_leads_a_client_to_one_pod(at: Place) -> None:
    _shop(at, sessionAffinity="ClientIP")
    at.until(lambda: _names(at, "http://shop/"), lambda names: len(names) == 1)
    at.patch("services/shop", {"spec": {"sessionAffinity": "None"}})
    at.until(lambda: _names(at, "http://shop/", 30), lambda names: len(names) == 3)


@case("network", sibling_of="a service with affinity leads a client to one pod")
def a_node_port_with_affinity_leads_a_client_to_one_pod(at: Place) -> None:
    _shop(at, sessionAffinity="ClientIP", type="NodePort")
    port = at.get("services/shop")["spec"]["ports"][0]["nodePort"]
    address = at.get("pods/cli")["status"]["hostIP"]
    at.until(lambda: _names(at, f"http://{address}:{port}/"), lambda names: len(names) == 1)


@case("network", sibling_of="a service with affinity leads a client to one pod")
def a_client_whose_pod_goes_is_led_to_another(at: Place) -> None:
    _shop(at, sessionAffinity="ClientIP")
    (first,) = at.until(lambda: _names(at, "http://shop/"), lambda names: len(names) == 1)
    at.delete(f"pods/{first}", gracePeriodSeconds=0)
    at.until(lambda: _names(at, "http://shop/"), lambda names: len(names) == 1 and names != {first})


@case("network")
def an_endpointslice_that_was_deleted_is_made_again(at: Place) -> None:
    _server(at, "shop")
    _service(at)
    at.until(lambda: _ready_addresses(at, "shop"), lambda count: count == 1)
    for one in at.items("endpointslices"):
        at.delete(f"endpointslices/{one['metadata']['name']}")
    at.delete("endpoints/shop")
    at.until(lambda: _ready_addresses(at, "shop"), lambda count: count == 1)
    at.until(lambda: at.find("endpoints/shop"))


@case("network", sibling_of="an endpointslice that was deleted is made again")
def an_endpointslice_that_was_changed_is_put_right(at: Place) -> None:
    _server(at, "shop")
    _service(at)
    at.until(lambda: _ready_addresses(at, "shop"), lambda count: count == 1)
    (one,) = at.items("endpointslices")
    at.patch(f"endpointslices/{one['metadata']['name']}", {"endpoints": []})
    at.until(lambda: _ready_addresses(at, "shop"), lambda count: count == 1)


@case("network")
def a_node_port_belongs_to_one_service(at: Place) -> None:
    port = _service(at, "a", type="NodePort")["spec"]["ports"][0]["nodePort"]
    said = at.refused("Service", "b", {"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]})
    assert f"spec.ports[0].nodePort: Invalid value: {port}: provided port is already allocated" in said
    said = at.refused("Service", "b", {"type": "NodePort", "ports": [{"port": 80, "nodePort": 81}]})
    assert "provided port is not in the valid range. The range of valid ports is 30000-32767" in said


@case("network", sibling_of="a node port belongs to one service")
def a_node_port_may_be_taken_once_for_each_protocol_and_is_free_afterwards(at: Place) -> None:
    port = _service(at, "a", type="NodePort")["spec"]["ports"][0]["nodePort"]
    udp = {"type": "NodePort", "ports": [{"port": 80, "protocol": "UDP", "nodePort": port}]}
    at.make("Service", "b", udp)
    at.delete("services/a")
    at.make("Service", "c", {"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]})


@case("network")
def a_service_that_becomes_a_name_loses_its_addresses(at: Place) -> None:
    _service(at, type="NodePort")
    at.patch("services/shop", {"spec": {"type": "ExternalName", "externalName": "example.org"}})
    spec = at.get("services/shop")["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & set(spec)
    assert "nodePort" not in spec["ports"][0]


@case("network", sibling_of="a service that becomes a name loses its addresses")
def a_name_that_becomes_a_service_gets_an_address(at: Place) -> None:
    at.make("Service", "shop", {"type": "ExternalName", "externalName": "example.org"})
    body = {"type": "ClusterIP", "externalName": None, "ports": [{"port": 80}]}
    spec = at.patch("services/shop", {"spec": body})["spec"]
    assert spec["clusterIP"].startswith("10.")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert "externalName" not in spec


@case("network", sibling_of="a service that becomes a name loses its addresses")
def a_node_port_is_dropped_when_the_service_becomes_internal(at: Place) -> None:
    _service(at, type="NodePort")
    spec = at.patch("services/shop", {"spec": {"type": "ClusterIP"}})["spec"]
    assert (spec["type"], "nodePort" in spec["ports"][0]) == ("ClusterIP", False)


@case("network")
def host_ports_are_compared_with_their_addresses(at: Place) -> None:
    for number, address in enumerate(("127.0.0.1", "127.0.0.2")):
        at.pod(f"p{number}", ports=[{"containerPort": 80, "hostPort": 18180, "hostIP": address}])
    at.running("p0", "p1")
    at.pod("third", ports=[{"containerPort": 80, "hostPort": 18180}])
    message = at.until(
        lambda: [c.get("message") for c in at.get("pods/third")["status"].get("conditions") or ()]
    )
    assert "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports" in str(
        message
    )


@case("network", sibling_of="host ports are compared with their addresses")
def a_host_port_may_be_taken_once_for_each_protocol(at: Place) -> None:
    at.pod("tcp", ports=[{"containerPort": 80, "hostPort": 18181}])
    at.pod("udp", ports=[{"containerPort": 80, "hostPort": 18181, "protocol": "UDP"}])
    at.running("tcp", "udp")


@case("network")
def endpoints_of_a_service_without_a_selector_are_mirrored(at: Place) -> None:
    at.make("Service", "bare", {"ports": [{"port": 80}]})
    at.make("Endpoints", "bare", subsets=[{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}])
    at.until(lambda: _mirrored(at), lambda found: found == ["10.1.2.3"])


def _mirrored(at: Place) -> list[str]:
    rows = at.items("endpointslices", labelSelector="kubernetes.io/service-name=bare")
    return sorted(address for row in rows for end in row["endpoints"] or () for address in end["addresses"])


@case("network", sibling_of="endpoints of a service without a selector are mirrored")
def the_mirror_follows_its_endpoints(at: Place) -> None:
    at.make("Service", "bare", {"ports": [{"port": 80}]})
    at.make("Endpoints", "bare", subsets=[{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}])
    at.until(lambda: _mirrored(at), lambda found: found == ["10.1.2.3"])
    at.patch(
        "endpoints/bare",
        {"subsets": [{"addresses": [{"ip": "10.1.2.4"}, {"ip": "10.1.2.5"}], "ports": [{"port": 80}]}]},
    )
    at.until(lambda: _mirrored(at), lambda found: found == ["10.1.2.4", "10.1.2.5"])
    at.delete("endpoints/bare")
    at.until(lambda: at.items("endpointslices") == [])


@case("network", sibling_of="endpoints of a service without a selector are mirrored")
def endpoints_that_ask_for_no_mirror_get_none(at: Place) -> None:
    at.make("Service", "bare", {"ports": [{"port": 80}]})
    at.make("Endpoints", "bare", subsets=[{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}],
            labels={"endpointslice.kubernetes.io/skip-mirror": "true"})  # fmt: skip
    at.make("Service", "other", {"ports": [{"port": 80}]})
    at.make("Endpoints", "other", subsets=[{"addresses": [{"ip": "10.1.2.9"}], "ports": [{"port": 80}]}])
    at.until(lambda: at.items("endpointslices", labelSelector="kubernetes.io/service-name=other"))
    assert _mirrored(at) == []


@case("network")
def a_service_with_another_proxy_is_not_served_by_this_one(at: Place) -> None:
    label = {"service.kubernetes.io/service-proxy-name": "field"}
    _shop(at)
    at.until(lambda: _reached(at, "shop"), lambda reached: reached)
    at.patch("services/shop", {"metadata": {"labels": label}})
    at.until(lambda: _reached(at, "shop"), lambda reached: not reached)
    at.patch("services/shop", {"metadata": {"labels": dict.fromkeys(label)}})
    at.until(lambda: _reached(at, "shop"), lambda reached: reached)


def _reached(at: Place, host: str, port: int = 80) -> bool:
    done = at.client.exec(
        at.namespace,
        "cli",
        ["python", "-c", f"import socket; socket.create_connection(('{host}', {port}), 3)"],
    )
    return done.exit_code == 0


@case("network")
def an_external_address_leads_to_the_pods(at: Place) -> None:
    _shop(at, externalIPs=["203.0.113.9"])
    at.until(lambda: _reached(at, "203.0.113.9"), lambda reached: reached)


@case("network")
def names_are_answered_over_tcp_too(at: Place) -> None:
    ask = (
        "import socket, struct\n"
        "name = b''.join(bytes([len(p)]) + p for p in b'kubernetes.default.svc.cluster.local'.split(b'.')) + b'\\0'\n"
        "query = struct.pack('>HHHHHH', 7, 256, 1, 0, 0, 0) + name + struct.pack('>HH', 1, 1)\n"
        "server = next(line.split()[1] for line in open('/etc/resolv.conf') if line.startswith('nameserver'))\n"
        "link = socket.create_connection((server, 53), 10)\n"
        "for _ in range(2):\n"
        "    link.sendall(struct.pack('>H', len(query)) + query)\n"
        "    size, = struct.unpack('>H', link.recv(2, socket.MSG_WAITALL))\n"
        "    answer = link.recv(size, socket.MSG_WAITALL)\n"
        "    print(struct.unpack('>HHHH', answer[:8])[3], socket.inet_ntoa(answer[-4:]))\n"
    )
    address = at.get("/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"]
    assert at.prints("p", "python", "-c", ask, image="python:3.11-slim") == [f"1 {address}"] * 2


@case("network")
def a_port_that_a_service_lacks_is_refused(at: Place) -> None:
    _shop(at)
    at.until(lambda: _reached(at, "shop"), lambda reached: reached)
    _server(at, "onhost", 18190, spec={"hostNetwork": True})
    at.ready("onhost")
    assert _reached(at, at.get("pods/onhost")["status"]["hostIP"], 18190)
    assert not _reached(at, "shop", 18190)


@case("network")
def the_pages_of_pods_and_services_come_through_the_api_server(at: Place) -> None:
    _server(at, "shop")
    _service(at)
    at.until(lambda: _ready_addresses(at, "shop"), lambda count: count == 1)
    for what in (
        "services/shop:80",
        "services/shop:http",
        "services/http:shop:80",
        "pods/shop:8080",
    ):
        assert at.client.text(at.path(f"{what}/proxy/cups/1")) == "shop /cups/1", what


@case("network", sibling_of="the pages of pods and services come through the api server")
def a_service_without_ready_pods_answers_503(at: Place) -> None:
    _service(at)
    answer = at.ask("GET", "services/shop:80/proxy/")
    assert (answer.code, answer.json()["message"]) == (503, 'no endpoints available for service "shop"')
    assert at.ask("GET", "services/none/proxy/").code == 404
    assert at.ask("GET", "pods/none/proxy/").code == 404


@case("network", sibling_of="the pages of pods and services come through the api server")
def a_page_without_a_last_stroke_is_sent_on(at: Place) -> None:
    """``.../proxy`` alone is redirected to ``.../proxy/``, so that relative links work."""
    _server(at, "shop")
    at.ready("shop")
    answer = at.ask("GET", "pods/shop:8080/proxy")
    assert answer.code in (200, 301, 302, 307), answer
    if answer.code == 200:
        assert answer.text == "shop /"


@case("network")
def the_service_of_the_api_comes_back(at: Place) -> None:
    path = "/api/v1/namespaces/default/services/kubernetes"
    before = at.get(path)["metadata"]["uid"]
    at.delete(path)
    at.until(lambda: at.find(path), lambda found: found and found["metadata"]["uid"] != before)
    ask = ["nslookup", "kubernetes.default.svc.cluster.local"]
    at.pod("ask", *ask, spec={"restartPolicy": "OnFailure"})
    at.until(lambda: at.phase("ask"), lambda found: found == "Succeeded")


@case("network", sibling_of="the service of the api comes back")
def the_service_of_the_api_is_put_right(at: Place) -> None:
    """Its ports are the server's own; the label it must carry comes back."""
    path = "/api/v1/namespaces/default/services/kubernetes"
    before = at.get(path)["spec"]["ports"]
    at.patch(
        path, {"spec": {"ports": [{"name": "https", "port": 444, "protocol": "TCP", "targetPort": 444}]}}
    )
    at.until(lambda: at.get(path)["spec"]["ports"], lambda ports: ports == before)


@case("network")
def commands_and_logs_by_the_oldest_websocket_protocols(at: Place) -> None:
    import websocket

    at.pod("p", "sh", "-c", "echo up; sleep 600")
    at.running("p")
    at.until(lambda: at.log("p"))
    config = json.loads(at.cluster.kubeconfig.read_text(encoding="utf-8"))
    server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
    for protocol, path, wanted in (
        ("channel.k8s.io", "exec?command=echo&command=hi&stdout=1", b"\1hi\n"),
        ("base64.channel.k8s.io", "exec?command=echo&command=hi&stdout=1", b"1" + base64.b64encode(b"hi\n")),
        (
            "v4.base64.channel.k8s.io",
            "exec?command=echo&command=hi&stdout=1",
            b"1" + base64.b64encode(b"hi\n"),
        ),
        ("binary.k8s.io", "log?limitBytes=3", b"up\n"),
        ("base64.binary.k8s.io", "log?limitBytes=3", base64.b64encode(b"up\n")),
    ):
        url = f"{server.replace('https', 'wss', 1)}{at.path('pods/p')}/{path}"
        link = websocket.create_connection(
            url, subprotocols=[protocol], header=[f"Authorization: Bearer {token}"], timeout=60,
            sslopt={"cert_reqs": 0, "check_hostname": False},
        )  # fmt: skip
        got = []
        while True:
            kind, data = link.recv_data()
            if kind == websocket.ABNF.OPCODE_CLOSE:
                break
            got.append(data)
        link.close()
        assert wanted in got, f"{protocol}: {got}"


@case("network", sibling_of="host ports are compared with their addresses")
def a_named_port_leads_to_the_number_of_each_pod(at: Place) -> None:
    _server(at, "p1", 3000)
    _server(at, "p2", 3001)
    at.pod("cli", image="python:3.11-slim")
    at.make("Service", "shop", {"selector": {"app": "shop"}, "ports": [{"port": 80, "targetPort": "web"}]})
    at.running("cli")
    at.until(lambda: _ready_addresses(at, "shop"), lambda count: count == 2)
    at.until(lambda: _names(at, "http://shop/", 20), lambda names: names == {"p1", "p2"})


@case("network", sibling_of="a service that becomes a name loses its addresses")
def the_address_of_a_service_cannot_be_changed(at: Place) -> None:
    _service(at)
    answer = at.ask("PATCH", "services/shop", {"spec": {"clusterIP": "10.96.77.7"}}, {"Content-Type": MERGE})
    assert answer.code == 422
    assert "spec.clusterIPs[0]: Invalid value:" in answer.json()["message"]
    assert "may not change once set" in answer.json()["message"]
