#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A schema registry for tests: the part of Confluent's REST API that (de)serializers use, in memory.

    registry_server.py [--port N] [--user U --password P | --token T]

Prints its URL, and stops when its stdin is closed. In a test: `with Registry() as registry: registry.url`.

    POST /subjects/S/versions             {"id"}: registers; the same schema has one id, under any subject
    POST /subjects/S                      {"subject", "id", "version", "schema"}: looks up
    GET  /subjects/S/versions/N|latest    the same, with "references" and "schemaType" where there are
    GET  /schemas/ids/N                   {"schema", …}
    GET  /subjects, /subjects/S/versions  lists
Errors are Confluent's: 40401 no subject, 40402 no version, 40403 no schema, 42201 no schema at all, 409 incompatible
(when a test says so).
"""
import argparse
import base64
import http.server
import json
import os
import ssl
import sys
import threading
import urllib.parse

TYPE = "application/vnd.schemaregistry.v1+json"


class Refusal(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


def plain_schema(text, kind):
    """The same for texts that differ in blanks only, and for "int" and {"type": "int"}."""
    try:
        plain = json.loads(text) if kind == "AVRO" else text
    except ValueError as why:
        raise Refusal(422, 42201, f"Invalid schema: {why}") from why
    if isinstance(plain, dict) and list(plain) == ["type"] and isinstance(plain["type"], str):
        return plain["type"]
    return plain


class Schemas:
    """What is registered. Locks: the server's."""

    def __init__(self):
        self.by_id = {}     # id: (schema, type, references)
        self.subjects = {}  # subject: [id, …], version 1 first
        self.incompatible = set()

    def find(self, text, kind, references):
        plain = plain_schema(text, kind)
        for number, (known, known_kind, known_references) in self.by_id.items():
            if kind == known_kind and references == known_references and plain_schema(known, kind) == plain:
                return number
        return None

    def register(self, subject, text, kind="AVRO", references=()):
        references = list(references)
        number = self.find(text, kind, references)
        if subject in self.incompatible:
            raise Refusal(409, 409, "Schema being registered is incompatible with an earlier schema for subject "
                                    f"\"{subject}\"")
        for each in references:
            self.version(each["subject"], each["version"])
        if number is None:
            number = len(self.by_id) + 1
            self.by_id[number] = (text, kind, references)
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return number

    def describe(self, number):
        if number not in self.by_id:
            raise Refusal(404, 40403, f"Schema {number} not found")
        text, kind, references = self.by_id[number]
        said = {"schema": text}
        if kind != "AVRO":
            said["schemaType"] = kind
        if references:
            said["references"] = references
        return said

    def version(self, subject, version):
        versions = self.subjects.get(subject)
        if not versions:
            raise Refusal(404, 40401, f"Subject '{subject}' not found.")
        if version == "latest":
            version = len(versions)
        if not str(version).isdigit() or not 1 <= int(version) <= len(versions):
            raise Refusal(404, 40402, f"Version {version} not found.")
        number = versions[int(version) - 1]
        return {"subject": subject, "id": number, "version": int(version), **self.describe(number)}

    def look_up(self, subject, text, kind, references):
        if subject not in self.subjects:
            raise Refusal(404, 40401, f"Subject '{subject}' not found.")
        number = self.find(text, kind, references)
        if number not in self.subjects[subject]:
            raise Refusal(404, 40403, "Schema not found")
        return self.version(subject, self.subjects[subject].index(number) + 1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, said):
        text = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def route(self, method, body):
        schemas = self.server.schemas
        path = urllib.parse.urlsplit(self.path).path.split("/")[1:]
        path = [urllib.parse.unquote(part) for part in path]
        asked = json.loads(body) if body else {}
        given = (asked.get("schema"), asked.get("schemaType") or "AVRO", asked.get("references") or [])
        match method, path:
            case "GET", ["schemas", "ids", number]:
                return schemas.describe(int(number))
            case "GET", ["subjects"]:
                return sorted(schemas.subjects)
            case "GET", ["subjects", subject, "versions"]:
                schemas.version(subject, "latest")
                return list(range(1, len(schemas.subjects[subject]) + 1))
            case "GET", ["subjects", subject, "versions", version]:
                return schemas.version(subject, version)
            case "POST", ["subjects", subject, "versions"]:
                return {"id": schemas.register(subject, *given)}
            case "POST", ["subjects", subject]:
                return schemas.look_up(subject, *given)
        return None

    def serve(self, method):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.asked.append(f"{method} {self.path}")
            trouble = self.server.troubles.pop(0) if self.server.troubles else None
            wanted = self.server.authorization
            if trouble == "drop":
                self.close_connection = True
                return
            if isinstance(trouble, tuple):
                self.answer(*trouble)
                return
            if wanted and self.headers.get("Authorization") != wanted:
                self.answer(401, {"error_code": 401, "message": "Unauthorized"})
                return
            try:
                said = self.route(method, body)
            except Refusal as why:
                self.answer(why.status, {"error_code": why.code, "message": str(why)})
                return
            if said is None:
                self.answer(404, b"<html>no such page</html>")
                return
        if trouble == "hang":
            self.server.over.wait(60)
            return
        self.answer(200, said)

    def do_GET(self):  # pylint: disable=invalid-name
        self.serve("GET")

    def do_POST(self):  # pylint: disable=invalid-name
        self.serve("POST")


class Registry:
    """A server in a thread; `with` starts and stops it. Threads: its methods take its lock."""

    def __init__(self, port=0, user=None, password="", token=None, certificate=None):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.lock = threading.Lock()
        self.server.over = threading.Event()
        self.server.schemas = Schemas()
        self.server.asked = []
        self.server.troubles = []
        self.server.authorization = None
        if user is not None:
            self.server.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        elif token:
            self.server.authorization = "Bearer " + token
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.over.set()
        self.server.shutdown()
        self.server.server_close()

    def register(self, subject, text, kind="AVRO", references=()):
        with self.server.lock:
            return self.server.schemas.register(subject, text, kind, references)

    def forbid(self, subject):
        """Every schema is incompatible with that subject from now on."""
        with self.server.lock:
            self.server.schemas.incompatible.add(subject)

    def trouble(self, *troubles):
        """How the next requests are treated: "drop", "hang", (status, body), or None: as usual."""
        with self.server.lock:
            self.server.troubles.extend(troubles)

    def asked(self):
        """The requests since the last time."""
        with self.server.lock:
            asked, self.server.asked = self.server.asked, []
        return asked


def main():
    parser = argparse.ArgumentParser(description="A schema registry for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--token")
    with Registry(**vars(parser.parse_args())) as registry:
        print(registry.url, flush=True)
        while os.read(0, 4096):
            pass


if __name__ == "__main__":
    sys.exit(main())
