"""
The images of the labs, made here from packages: each runs as a Pod, and its program answers.

The first run downloads wheels, and on a machine with apt Debian packages. Programs from Go modules take minutes to
build, so their images are tried only where the cache holds the program; the reason is counted otherwise.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab_images import have

from podlab.client import Client
from podlab.drivers import Cluster

SERVERS: dict[str, tuple[str, list[str], str]] = {
    # image: the Pod's specification, a command in it, and what that prints
    "podlab-postgres:18": (
        """
        containers:
          - name: main
            image: podlab-postgres:18
            env: [{name: POSTGRES_PASSWORD, value: secret}, {name: POSTGRES_DB, value: shop}]
            readinessProbe: {exec: {command: [pg_isready, -h, 127.0.0.1, -U, postgres]}, periodSeconds: 1}
            volumeMounts: [{name: data, mountPath: /var/lib/postgresql}]
        volumes: [{name: data, emptyDir: {}}]
        """,
        ["psql", "postgres://postgres:secret@127.0.0.1/shop", "-Atc", "show server_version"],
        "18.6",
    ),
    "podlab-nginx:1.31": (
        """
        containers:
          - name: main
            image: podlab-nginx:1.31
            readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
        """,
        ["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"],
        "nginx of the labs answers",
    ),
    "podlab-valkey:9.1": (
        """
        containers:
          - name: main
            image: podlab-valkey:9.1
            readinessProbe: {tcpSocket: {port: 6379}, periodSeconds: 1}
        """,
        ["sh", "-c", "printf 'SET a 1\\r\\nGET a\\r\\nQUIT\\r\\n' | nc 127.0.0.1 6379"],
        "$1\r\n1",
    ),
    "podlab-envoy:1.40": (
        """
        containers:
          - name: main
            image: podlab-envoy:1.40
            args: [--config-yaml, "{admin: {address: {socket_address: {address: 0.0.0.0, port_value: 9901}}}}"]
            readinessProbe: {httpGet: {path: /ready, port: 9901}, periodSeconds: 1}
        """,
        ["wget", "-q", "-O", "-", "http://127.0.0.1:9901/server_info"],
        "/1.40.0/",
    ),
    "podlab-prometheus:2.42": (
        """
        initContainers:
          - name: config
            image: podlab-prometheus:2.42
            command: [sh, -c, "echo 'global: {scrape_interval: 1s}' > /etc/prometheus/prometheus.yml"]
            volumeMounts: [{name: config, mountPath: /etc/prometheus}]
        containers:
          - name: main
            image: podlab-prometheus:2.42
            readinessProbe: {httpGet: {path: /-/ready, port: 9090}, periodSeconds: 1}
            volumeMounts: [{name: config, mountPath: /etc/prometheus}]
        volumes: [{name: config, emptyDir: {}}]
        """,
        ["wget", "-q", "-O", "-", "http://127.0.0.1:9090/api/v1/status/buildinfo"],
        '"version":"2.42.0',
    ),
    "podlab-postgres-exporter:0.11": (
        """
        containers:
          - name: main
            image: podlab-postgres-exporter:0.11
            env: [{name: DATA_SOURCE_NAME, value: "postgresql://postgres@127.0.0.1:5432/postgres?sslmode=disable"}]
            readinessProbe: {httpGet: {path: /, port: 9187}, periodSeconds: 1}
        """,
        ["wget", "-q", "-O", "-", "http://127.0.0.1:9187/metrics"],
        "pg_up 0",
    ),
    "podlab-rsyslog:8.2302": (
        """
        initContainers:
          - name: config
            image: podlab-rsyslog:8.2302
            command:
              - sh
              - -c
              - |
                cat > /config/rsyslog.conf <<'END'
                global(workDirectory="/tmp")
                module(load="imtcp")
                input(type="imtcp" port="5140")
                action(type="omfile" file="/tmp/all.log")
                END
            volumeMounts: [{name: config, mountPath: /config}]
        containers:
          - name: main
            image: podlab-rsyslog:8.2302
            args: [-f, /config/rsyslog.conf]
            readinessProbe: {tcpSocket: {port: 5140}, periodSeconds: 1}
            volumeMounts: [{name: config, mountPath: /config}]
        volumes: [{name: config, emptyDir: {}}]
        """,
        [
            "sh",
            "-c",
            "echo '<13>hello from a Pod' | nc 127.0.0.1 5140; until grep hello /tmp/all.log; do :; done",
        ],
        "hello from a Pod",
    ),
    "podlab-git:2.39": (
        """
        initContainers:
          - name: make
            image: podlab-git:2.39
            command:
              - sh
              - -ec
              - |
                git init --bare --initial-branch main /git/site.git
                git clone /git/site.git /tmp/work && cd /tmp/work
                echo one > page && git add page
                git -c user.name=a -c user.email=a@b commit -m first && git push origin HEAD:main
            volumeMounts: [{name: git, mountPath: /git}]
        containers:
          - name: main
            image: podlab-git:2.39
            args: [daemon, --base-path=/git, --export-all, --reuseaddr]
            readinessProbe: {tcpSocket: {port: 9418}, periodSeconds: 1}
            volumeMounts: [{name: git, mountPath: /git}]
        volumes: [{name: git, emptyDir: {}}]
        """,
        ["sh", "-c", "git clone -q git://127.0.0.1/site.git /tmp/copy && cat /tmp/copy/page"],
        "one\n",
    ),
    "podlab-nftables:1.0": (
        """
        initContainers:
          - name: redirect
            image: podlab-nftables:1.0
            args: ["add table ip lab; add chain ip lab in; add rule ip lab in tcp dport 80 redirect to :81"]
            securityContext: {capabilities: {add: [NET_ADMIN], drop: [ALL]}}
        containers:
          - name: main
            image: podlab-nftables:1.0
            command: [sh, -c, "trap exit TERM; sleep 3600 & wait"]
            securityContext: {capabilities: {add: [NET_ADMIN]}}
        """,
        ["nft", "list", "ruleset"],
        "tcp dport 80 redirect to :81",
    ),
    "podlab-openssl:3.0": (
        """
        containers:
          - name: main
            image: podlab-openssl:3.0
            command:
              - sh
              - -c
              - |
                mkdir -p /tmp/www/cgi-bin && cd /tmp/www
                (echo '#!/bin/sh'; echo 'echo; openssl version; wc -c') > cgi-bin/say; chmod 755 cgi-bin/say
                exec httpd -f -p 8080
            readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        """,
        ["sh", "-c", "wget -q -O - --post-data word http://127.0.0.1:8080/cgi-bin/say"],
        "OpenSSL 3.0.",
    ),
    "podlab-otelcol:0.165": (
        """
        initContainers:
          - name: config
            image: podlab-otelcol:0.165
            command:
              - sh
              - -c
              - |
                cat > /config/config.yaml <<'END'
                extensions: {health_check: {endpoint: 0.0.0.0:13133}, file_storage: {directory: /var/lib/otelcol}}
                receivers:
                  filelog: {include: [/tmp/app.log], start_at: beginning, storage: file_storage}
                  fluentforward: {endpoint: 127.0.0.1:24224}
                  otlp: {protocols: {http: {endpoint: 127.0.0.1:4318}}}
                exporters: {file: {path: /tmp/out.json}, debug: {}, otlphttp: {endpoint: "http://127.0.0.1:1"}}
                service:
                  extensions: [health_check, file_storage]
                  pipelines:
                    logs: {receivers: [filelog, fluentforward, otlp], exporters: [file, debug]}
                    logs/away: {receivers: [otlp], exporters: [otlphttp]}
                END
            volumeMounts: [{name: config, mountPath: /config}]
        containers:
          - name: main
            image: podlab-otelcol:0.165
            args: [--config, /config/config.yaml]
            readinessProbe: {httpGet: {port: 13133}, periodSeconds: 1}
            volumeMounts: [{name: config, mountPath: /config}]
        volumes: [{name: config, emptyDir: {}}]
        """,
        ["sh", "-c", "echo hello from a file > /tmp/app.log; until grep hello /tmp/out.json; do :; done"],
        "hello from a file",
    ),
    "podlab-oauth2-proxy:7.15": (
        """
        containers:
          - name: main
            image: podlab-oauth2-proxy:7.15
            args:
              - --http-address=0.0.0.0:4180
              - --upstream=static://202
              - --provider=github
              - --client-id=lab
              - --client-secret=lab
              - --cookie-secret=0123456789abcdef
              - --email-domain=*
            readinessProbe: {httpGet: {path: /ping, port: 4180}, periodSeconds: 1}
        """,
        ["sh", "-c", "oauth2-proxy --version; wget -q -O - http://127.0.0.1:4180/ 2>&1 || true"],
        "oauth2-proxy v7.15.6",
    ),
}


def start(cluster: Cluster, namespace: str, folder: Path, spec: dict[str, Any], until: str) -> str:
    """Apply a Pod of *spec* called ``try``, wait until it is *until*, and return what podlab printed."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "try"}, "spec": spec}
    file = folder / "pod.yaml"
    file.write_text(yaml.safe_dump(pod))
    command = [sys.executable, "-m", "podlab", "record", str(file), "--until", until, "--deadline", "120"]
    there = ["--name", cluster.name, "--namespace", namespace, "--out", str(folder / "run.jsonl")]
    done = subprocess.run([*command, *there], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_becomes_ready_and_answers(
    name: str, cluster: Cluster, client: Client, namespace: str, tmp_path: Path
) -> None:
    """The program of the image runs as the image's own user, and is of the version that the recipe names."""
    text, command, answer = SERVERS[name]
    have(name, cluster)

    start(cluster, namespace, tmp_path, yaml.safe_load(text), "Ready")
    said = client.exec(namespace, "try", command, container="main", timeout_s=60)

    assert answer in said.stdout, said


def test_rsyslog_leaves_with_0_when_it_is_told_to_stop(
    cluster: Cluster, client: Client, namespace: str, tmp_path: Path
) -> None:
    """As a sidecar it is told once the app has ended; it aborted where the library that ends threads was missing."""
    have("podlab-rsyslog:8.2302", cluster)
    spec = yaml.safe_load(SERVERS["podlab-rsyslog:8.2302"][0])
    sidecar = {**spec["containers"][0], "name": "rsyslog", "restartPolicy": "Always"}
    sidecar["startupProbe"] = sidecar.pop("readinessProbe")
    app = {"name": "main", "image": "podlab-rsyslog:8.2302", "command": ["true"]}
    spec |= {
        "restartPolicy": "Never",
        "initContainers": [*spec["initContainers"], sidecar],
        "containers": [app],
    }

    start(cluster, namespace, tmp_path, spec, "Succeeded")
    status = client.get(f"/api/v1/namespaces/{namespace}/pods/try")["status"]

    assert status["initContainerStatuses"][1]["state"]["terminated"]["exitCode"] == 0


def test_kubectl_asks_the_cluster_that_its_pod_runs_in(
    cluster: Cluster, client: Client, namespace: str, tmp_path: Path
) -> None:
    """Its service account may not list Pods, and the refusal comes from the API server: kubectl reached it."""
    have("podlab-kubectl:1.37", cluster)
    line = "kubectl version --client; kubectl get pods 2>&1"
    spec = {
        "restartPolicy": "Never",
        "containers": [
            {"name": "main", "image": "podlab-kubectl:1.37", "command": ["sh", "-c", f"{line}; true"]}
        ],
    }

    start(cluster, namespace, tmp_path, spec, "Succeeded")
    log = client.text(f"/api/v1/namespaces/{namespace}/pods/try/log")

    assert "Client Version: v1.37.1" in log
    assert f'User "system:serviceaccount:{namespace}:default" cannot list resource "pods"' in log


def test_a_migration_in_an_init_container_prepares_the_database(
    cluster: Cluster, client: Client, namespace: str, tmp_path: Path
) -> None:
    """dbmate migrates the PostgreSQL of the same Pod; psql of the same image then sees the table."""
    have("podlab-postgres:18", cluster)
    have("podlab-dbmate:2.37", cluster)
    url = "postgres://postgres:secret@127.0.0.1:5432/postgres?sslmode=disable"
    migration = "-- migrate:up\nCREATE TABLE items (id int);\n-- migrate:down\nDROP TABLE items;\n"
    mounts = [{"name": "db", "mountPath": "/db/migrations"}]
    dbmate = {"image": "podlab-dbmate:2.37", "volumeMounts": mounts}
    probe = {
        "exec": {"command": ["pg_isready", "-h", "127.0.0.1"]},
        "periodSeconds": 1,
        "failureThreshold": 100,
    }
    database = {
        "name": "postgres",
        "image": "podlab-postgres:18",
        "restartPolicy": "Always",
        "env": [{"name": "POSTGRES_PASSWORD", "value": "secret"}],
        "startupProbe": probe,
    }
    write = {
        **dbmate,
        "name": "write",
        "command": ["sh", "-c", f"printf '%s' '{migration}' > /db/migrations/1_a.sql"],
    }
    migrate = {**dbmate, "name": "migrate", "args": ["up"], "env": [{"name": "DATABASE_URL", "value": url}]}
    look = {**dbmate, "name": "main", "command": ["psql", url, "-Atc", "select count(*) from items"]}
    spec = {
        "restartPolicy": "Never",
        "initContainers": [database, write, migrate],
        "containers": [look],
        "volumes": [{"name": "db", "emptyDir": {}}],
    }

    start(cluster, namespace, tmp_path, spec, "Succeeded")

    assert "Applied: 1_a.sql" in client.text(
        f"/api/v1/namespaces/{namespace}/pods/try/log", container="migrate"
    )
    assert client.text(f"/api/v1/namespaces/{namespace}/pods/try/log", container="main") == "0\n"
