"""
Build the schema data from the Go modules of one Kubernetes release; run by hand, once per release.

``python -m podlab.embedded.schema.generate MODULES OUT`` reads ``k8s.io/api``, ``k8s.io/apimachinery`` and
``k8s.io/kubernetes`` below *MODULES* (a Go module cache) and writes

``types.json.gz``    every type reachable from the kinds we serve: JSON names, Go types, omitempty, patch keys
and
                     protobuf numbers, as the struct tags have them;
``openapi/*.gz``     the OpenAPI v3 documents, cut to the resources we serve;
``roles.json.gz``    the roles and bindings that a new cluster has.

The server reads only these files: no field of a Kubernetes type is named in code unless code acts on it.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

from podlab.embedded.schema import typetable

VERSION = "0.36.3"
ROOTS = {
    "core/v1": ["Namespace", "Node", "Pod", "Service", "Endpoints", "ConfigMap", "Secret", "ServiceAccount",
                "Event", "ResourceQuota", "LimitRange", "Binding", "PodLogOptions", "PodTemplate",
                "ReplicationController"],
    "apps/v1": ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "ControllerRevision"],
    "batch/v1": ["Job", "CronJob"],
    "discovery/v1": ["EndpointSlice"],
    "events/v1": ["Event"],
    "networking/v1": ["NetworkPolicy"],
    "policy/v1": ["Eviction", "PodDisruptionBudget"],
    "autoscaling/v1": ["Scale"],
    "authentication/v1": ["TokenRequest", "TokenReview", "SelfSubjectReview"],
    "authorization/v1": ["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview",
                         "LocalSubjectAccessReview"],
    "rbac/v1": ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
    "coordination/v1": ["Lease"],
    "admissionregistration/v1": ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
    "meta/v1": ["DeleteOptions", "Status"],
}  # fmt: skip
SOURCES = {
    "meta/v1": "apimachinery@v{v}/pkg/apis/meta/v1",
    "types": "apimachinery@v{v}/pkg/types",
    "resource": "apimachinery@v{v}/pkg/api/resource",
    "intstr": "apimachinery@v{v}/pkg/util/intstr",
    "runtime": "apimachinery@v{v}/pkg/runtime",
}
LEAVES = {
    "meta/v1.Time": "time", "meta/v1.MicroTime": "microtime", "meta/v1.Duration": "duration",
    "resource.Quantity": "quantity", "intstr.IntOrString": "intorstring", "runtime.RawExtension": "raw",
    "meta/v1.FieldsV1": "raw",
}  # fmt: skip
OPENAPI = {
    "api/v1": "api__v1", "apis/apps/v1": "apis__apps__v1", "apis/batch/v1": "apis__batch__v1",
    "apis/discovery.k8s.io/v1": "apis__discovery.k8s.io__v1", "apis/events.k8s.io/v1":
    "apis__events.k8s.io__v1", "apis/networking.k8s.io/v1": "apis__networking.k8s.io__v1",
    "apis/policy/v1": "apis__policy__v1",
    "apis/authentication.k8s.io/v1": "apis__authentication.k8s.io__v1",
    "apis/authorization.k8s.io/v1": "apis__authorization.k8s.io__v1",
    "apis/coordination.k8s.io/v1": "apis__coordination.k8s.io__v1",
    "apis/admissionregistration.k8s.io/v1": "apis__admissionregistration.k8s.io__v1",
    "apis/rbac.authorization.k8s.io/v1": "apis__rbac.authorization.k8s.io__v1",
}  # fmt: skip
# What upstream's own tests hold its bootstrap policy against. The roles of its controllers are left out: none of ours
# asks over the network.
POLICY = "kubernetes@v1.{v}/plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata"
POLICIES = ("cluster-roles", "cluster-role-bindings", "namespace-roles", "namespace-role-bindings")
SERVED = {row["resource"] for row in typetable.read("resources.json")} | {"bindings"}

STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
ALIAS = re.compile(r"^type (\w+) (=? ?[\w.\[\]*]+)$", re.M)
GROUPED_ALIAS = re.compile(r"^\t(\w+) ([\w.\[\]*]+)$", re.M)
FIELD = re.compile(r"^\t(?:(\w+) )?\s*([\w.\[\]*]+)\s+`([^`]*)`", re.M)
IMPORT = re.compile(r'^\s*(?:(\w+) )?"(k8s\.io/[^"]+)"', re.M)


def package_key(path: str) -> str:
    """``k8s.io/api/core/v1`` -> ``core/v1``; ``k8s.io/apimachinery/pkg/apis/meta/v1`` -> ``meta/v1``."""
    for prefix in ("k8s.io/api/", "k8s.io/apimachinery/pkg/apis/", "k8s.io/apimachinery/pkg/api/",
                   "k8s.io/apimachinery/pkg/util/", "k8s.io/apimachinery/pkg/"):  # fmt: skip
        if path.startswith(prefix):
            return path[len(prefix) :]
    return path


class Package:
    """The structs and named types of one Go package, as text."""

    def __init__(self, folder: Path) -> None:
        self.structs: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.imports: dict[str, str] = {}
        for file in sorted(folder.glob("*.go")):
            if file.name.endswith("_test.go") or file.name.startswith(("zz_", "generated")):
                continue
            text = file.read_text()
            self.structs.update({m[1]: m[2] for m in STRUCT.finditer(text)})
            self.aliases.update({m[1]: m[2].lstrip("= ") for m in ALIAS.finditer(text)})
            for path in IMPORT.finditer(text):
                self.imports[path[1] or path[2].rsplit("/", 1)[-1]] = package_key(path[2])


class Types:
    """Collects every type that the roots reach."""

    def __init__(self, modules: Path) -> None:
        self.modules = modules
        self.packages: dict[str, Package] = {}
        self.structs: dict[str, Any] = {}
        self.aliases: dict[str, str] = {}

    def package(self, key: str) -> Package:
        if key not in self.packages:
            pattern = SOURCES.get(key, f"api@v{{v}}/{key}")
            self.packages[key] = Package(self.modules / pattern.format(v=VERSION))
        return self.packages[key]

    def qualify(self, key: str, text: str) -> str:
        """Write a Go type with its package: ``[]Container`` in core/v1 -> ``[]core/v1.Container``."""
        prefix = re.match(r"(?:\[\]|\*|map\[[\w.]+\])*", text)
        head, name = text[: prefix.end() if prefix else 0], text[prefix.end() if prefix else 0 :]
        head = re.sub(r"map\[[\w.]+\]", "map[string]", head)
        if "." in name:
            short, name = name.split(".")
            return f"{head}{self.package(key).imports[short]}.{name}"
        return f"{head}{key}.{name}" if name[0].isupper() else head + name

    def reach(self, qualified: str) -> None:
        """Add the type and all that it mentions."""
        name = re.sub(r"^(\[\]|\*|map\[string\])*", "", qualified)
        if "." not in name or name in LEAVES or name in self.structs or name in self.aliases:
            return
        key, short = name.rsplit(".", 1)
        package = self.package(key)
        if short in package.structs:
            self.structs[name] = {"f": {}, "i": []}
            self.fields(key, package.structs[short], self.structs[name])
        else:
            self.aliases[name] = self.qualify(key, package.aliases[short])
            self.reach(self.aliases[name])

    def fields(self, key: str, body: str, out: dict[str, Any]) -> None:
        """Read the fields of one struct; inlined ones go to ``i`` because protobuf nests them."""
        for match in FIELD.finditer(body):
            tag = dict(re.findall(r'(\w+):"([^"]*)"', match[3]))
            name, *options = tag.get("json", "").split(",")
            kind = self.qualify(key, match[2])
            wire = tag.get("protobuf", "").split(",")
            number = int(wire[1]) if len(wire) > 1 else 0
            if "inline" in options or not name:
                if kind.endswith("TypeMeta"):
                    out["f"] |= {"kind": ["string", 0, 1], "apiVersion": ["string", 0, 1]}
                else:
                    out["i"].append([number, kind.lstrip("*")])
                    self.reach(kind)
                continue
            if name == "-":
                continue
            empty = 2 if "omitzero" in options else int("omitempty" in options)
            row: list[Any] = [kind, number, empty]
            if "patchStrategy" in tag or "patchMergeKey" in tag:
                row += [tag.get("patchStrategy", ""), tag.get("patchMergeKey", "")]
            out["f"][name] = row
            self.reach(kind)


def write(path: Path, value: Any) -> None:
    """Write compressed JSON that is the same for the same input."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(value, separators=(",", ":")).encode()
    path.write_bytes(gzip.compress(data, 9, mtime=0))


def served(path: str) -> bool:
    """Return whether an OpenAPI path is about a resource that podlab serves."""
    parts = [p for p in path.split("/") if p and not p.startswith("{")]
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if not parts or parts[0] == "watch":
        return not parts
    if parts[0] == "namespaces" and len(parts) > 1 and parts[1] not in ("status", "finalize"):
        parts = parts[1:]
    return parts[0] in SERVED and "proxy" not in parts


def cut(document: dict[str, Any]) -> dict[str, Any]:
    """Keep the paths of our resources and the schemas that they reach."""
    document["paths"] = {p: v for p, v in document["paths"].items() if served(p)}
    wanted: set[str] = set()
    todo = set(re.findall(r"#/components/schemas/([\w.]+)", json.dumps(document["paths"])))
    schemas = document["components"]["schemas"]
    while todo:
        name = todo.pop()
        wanted.add(name)
        todo |= set(re.findall(r"#/components/schemas/([\w.]+)", json.dumps(schemas[name]))) - wanted
    document["components"]["schemas"] = {n: s for n, s in schemas.items() if n in wanted}
    return document


def roles(folder: Path) -> list[dict[str, Any]]:
    """Return the roles and bindings of a new cluster, as their YAML files list them."""
    import yaml

    found = [yaml.safe_load((folder / f"{name}.yaml").read_text())["items"] for name in POLICIES]
    return [item for items in found for item in items]


def main(modules: Path, out: Path) -> None:
    """Read the modules, write the data files."""
    types = Types(modules)
    for key, names in ROOTS.items():
        for name in names:
            types.reach(f"{key}.{name}")
    write(out / "types.json.gz", {"structs": types.structs, "aliases": types.aliases, "leaves": LEAVES})
    write(out / "roles.json.gz", roles(modules / POLICY.format(v=VERSION[2:])))
    for path, file in OPENAPI.items():
        source = modules / f"kubernetes@v1.{VERSION[2:]}/api/openapi-spec/v3/{file}_openapi.json"
        write(out / "openapi" / f"{path.replace('/', '__')}.json.gz", cut(json.loads(source.read_text())))


if __name__ == "__main__":
    main(Path(sys.argv[1]) / "k8s.io", Path(sys.argv[2]))
