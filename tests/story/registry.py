#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Avro and the schema registry, against the other side: what Confluent's serializers and fastavro write, weir reads;
what weir writes, they read. And a registry that refuses, fails, hangs and goes away."""
import base64
import io
import json
import math
import os
import subprocess
import sys

SOURCE = os.environ["top_srcdir"]
sys.path.insert(0, os.path.join(SOURCE, "tests/support"))
sys.path.insert(1, os.path.join(SOURCE, ".deps-prefix/python"))
from registry_server import Registry  # noqa: E402
from story import BUILD, PATIENCE, Place, Skip, check, same, seed, tell  # noqa: E402

TOOL = os.path.join(BUILD, "tests/support/avro-tool")
CODES = {"invalid": 1, "limit": 3, "config": 4, "unreachable": 6}
REMEDIES = {"fix": 0, "retry": 1}
USER = {"type": "record", "name": "User", "namespace": "org.example", "fields": [
    {"name": "name", "type": "string"}, {"name": "age", "type": ["null", "int"], "default": None}]}


def data(raw):
    return {"$bytes": base64.b64encode(raw).decode()}


def raw(json_bytes):
    return base64.b64decode(json_bytes["$bytes"])


class Tool:
    """avro-tool with these properties."""

    def __init__(self, *settings):
        self.process = subprocess.Popen([TOOL, *settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=Place.environment(ASAN_OPTIONS="detect_leaks=1"))

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        _, err = self.process.communicate(timeout=PATIENCE)
        if failure[0] is None:
            check(self.process.returncode == 0 and not err, f"avro-tool: {self.process.returncode}, {err.decode()}")

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def fails(self, code, remedy, *words, **command):
        answer = self.ask(**command)
        check("error" in answer, f"no error: {answer}")
        for word in words:
            check(word in answer["error"], f"no '{word}' in: {answer['error']}")
        same(answer["code"], CODES[code], f"code of '{answer['error']}'")
        same(answer["remedy"], REMEDIES[remedy], f"remedy of '{answer['error']}'")
        return answer["error"]


def avro(registry, *more):
    url = registry if isinstance(registry, str) else registry.url
    return Tool("input.format=avro", "output.format=avro", f"schema-registry.url={url}", *more)


def others():
    """Confluent's classes and fastavro; skips where they are not."""
    try:
        import fastavro
        from confluent_kafka.schema_registry import SchemaRegistryClient
        from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
        from confluent_kafka.serialization import MessageField, SerializationContext
    except ImportError as why:
        raise Skip(f"{why}; scripts/setup.sh test brings it") from why

    def context(topic):
        return SerializationContext(topic, MessageField.VALUE)

    return fastavro, SchemaRegistryClient, AvroSerializer, AvroDeserializer, context


def record(*fields, name="R", **more):
    return {"type": "record", "name": name, "fields": [
        {"name": field, "type": kind, **more.get(field, {})} for field, kind in fields]}


NODE = record(("value", "int"), ("next", ["null", "Node"]), ("children", {"type": "array", "items": "Node"}),
              name="Node")

# A schema, a value of Python, and the same as JSON where it is another.
CASES = [
    (record(("b", "boolean"), ("i", "int"), ("l", "long"), ("d", "double"), ("s", "string"), ("n", "null")),
     {"b": True, "i": -2147483648, "l": 9223372036854775807, "d": 0.1, "s": "zoë \u20ac \U0001F600 \0\"\\", "n": None}),
    (record(("f", "float")), {"f": 1.5}),
    (record(("d", "double"), ("e", "double"), ("f", "float")), {"d": math.inf, "e": -math.inf, "f": math.inf},
     {"d": "Infinity", "e": "-Infinity", "f": "Infinity"}),
    (record(("b", "bytes"), ("x", {"type": "fixed", "name": "F", "size": 4})),
     {"b": bytes(range(256)), "x": b"\0\xff\1\2"}, {"b": data(bytes(range(256))), "x": data(b"\0\xff\1\2")}),
    (record(("e", {"type": "enum", "name": "E", "symbols": ["B", "A", "C"]})), {"e": "C"}),
    (record(("a", {"type": "array", "items": {"type": "array", "items": "string"}})), {"a": [[], ["x", ""], ["y"]]}),
    (record(("m", {"type": "map", "values": ["null", "long", "string"]})),
     {"m": {"z": None, "a": 1, "": "text", "\u00e4": -5}}),
    (record(("u", ["null", "boolean", "long", "double", "string", "bytes"]),
            ("v", {"type": "array", "items": ["null", "boolean", "long", "double", "string", "bytes"]})),
     {"u": None, "v": [True, 7, 0.5, "s", b"\xff", None]}, {"u": None, "v": [True, 7, 0.5, "s", data(b"\xff"), None]}),
    (NODE, {"value": 1, "next": {"value": 2, "next": None, "children": []},
            "children": [{"value": 3, "next": None, "children": [{"value": 4, "next": None, "children": []}]}]}),
    (record(("r", [record(("x", "int"), name="A"), record(("x", "string"), name="B")])), {"r": {"x": "s"}}),
    (record(("when", {"type": "long", "logicalType": "unknown-to-all"}), ("id", "string")), {"when": 17, "id": "x"}),
    (record(("big", {"type": "array", "items": "long"})), {"big": [n * n - 5000 for n in range(3000)]}),
    (record(("outer", record(("inner", record(("e", {"type": "enum", "name": "deep.E", "symbols": ["X"]}), name="I")),
                             ("again", "deep.E"), name="n.O"))),
     {"outer": {"inner": {"e": "X"}, "again": "X"}}),
    ("string", "just text"),
    ({"type": "array", "items": "int"}, [1, 2, 3]),
]


def cases():
    for schema, value, *as_json in CASES:
        yield json.dumps(schema), value, as_json[0] if as_json else value


def what_confluents_serializer_writes_is_read(place):
    _, client, serializer, _, context = others()
    with Registry() as registry, avro(registry) as tool:
        for schema, value, as_json in cases():
            payload = serializer(client({"url": registry.url}), schema)(value, context("t" + str(len(schema))))
            same(tool.ask(decode=data(payload)), {"value": as_json}, schema)


def what_is_written_confluents_deserializer_reads(place):
    _, client, serializer, deserializer, context = others()
    with Registry() as registry:
        for number, (schema, value, as_json) in enumerate(cases()):
            place.append(schema.encode(), name=f"{number}.avsc")
            with avro(registry, f"output.schema={place.path(f'{number}.avsc')}") as tool:
                answer = tool.ask(encode=as_json, topic="out")
                check("payload" in answer, f"{answer} for {schema}")
                confluent = client({"url": registry.url})
                same(deserializer(confluent)(raw(answer["payload"]), context("out")), value, schema)
                # Both register under the same subject, so the id is the same; and so are the bytes.
                same(raw(answer["payload"]), serializer(confluent, schema)(value, context("out")), schema)
                same(tool.ask(decode=answer["payload"]), {"value": as_json}, schema)


class Inventor:
    """Schemas and values of them, at random."""

    def __init__(self, random):
        self.random, self.names = random, 0

    def name(self):
        self.names += 1
        return f"N{self.names}"

    def schema(self, depth):
        simple = ["null", "boolean", "int", "long", "float", "double", "bytes", "string", "fixed", "enum"]
        kind = self.random.choice(simple + (["array", "map", "record", "union"] * 3 if depth else []))
        if kind == "fixed":
            return {"type": "fixed", "name": self.name(), "size": self.random.randrange(5)}
        if kind == "enum":
            symbols = [f"S{n}" for n in range(self.random.randint(1, 70))]
            return {"type": "enum", "name": self.name(), "symbols": symbols}
        if kind == "array":
            return {"type": "array", "items": self.schema(depth - 1)}
        if kind == "map":
            return {"type": "map", "values": self.schema(depth - 1)}
        if kind == "record":
            return record(*((f"f{n}", self.schema(depth - 1)) for n in range(self.random.randrange(5))),
                          name=self.name())
        if kind == "union":  # of branches that do not look alike
            branches = ["null", "boolean", "long", "string", {"type": "array", "items": self.schema(depth - 1)},
                        record((self.name(), self.schema(depth - 1)), name=self.name())]
            return self.random.sample(branches, self.random.randint(1, len(branches)))
        return kind

    def value(self, schema):
        """A value of Python, and as JSON."""
        if isinstance(schema, list):
            return self.value(self.random.choice(schema))
        kind = schema if isinstance(schema, str) else schema["type"]
        number = self.random.randrange
        if kind == "null":
            return None, None
        if kind == "boolean":
            return (self.random.random() < 0.5,) * 2
        if kind in ("int", "long"):
            bits = number(1, 32 if kind == "int" else 64)
            return (number(-(1 << bits) // 2, (1 << bits) // 2),) * 2
        if kind == "float":
            return (number(-1 << 20, 1 << 20) / 1024,) * 2
        if kind == "double":
            return (self.random.uniform(-1, 1) * 10.0 ** number(-300, 300),) * 2
        if kind in ("bytes", "fixed"):
            some = self.random.randbytes(schema["size"] if kind == "fixed" else number(20))
            return some, data(some)
        if kind == "string":
            return ("".join(self.random.choice("aä€\U0001F600\0\"\\\n") for _ in range(number(9))),) * 2
        if kind == "enum":
            return (self.random.choice(schema["symbols"]),) * 2
        if kind == "array":
            pairs = [self.value(schema["items"]) for _ in range(number(4))]
            return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        if kind == "map":
            pairs = {f"k{n}": self.value(schema["values"]) for n in range(number(4))}
        else:
            pairs = {field["name"]: self.value(field["type"]) for field in schema["fields"]}
        return {name: pair[0] for name, pair in pairs.items()}, {name: pair[1] for name, pair in pairs.items()}


def any_schema_goes_both_ways_with_fastavro(place):
    fastavro = others()[0]
    inventor = Inventor(seed())
    with Tool() as tool:
        for _ in range(1500):
            schema = inventor.schema(4)
            parsed, text = fastavro.parse_schema(schema), json.dumps(schema)
            value, as_json = inventor.value(schema)
            theirs = io.BytesIO()
            fastavro.schemaless_writer(theirs, parsed, value)
            same(tool.ask(plain=data(theirs.getvalue()), schema=text), {"value": as_json}, f"{text} read")
            ours = tool.ask(write=as_json, schema=text)
            check("payload" in ours, f"{text} of {as_json}: {ours}")
            same(fastavro.schemaless_reader(io.BytesIO(raw(ours["payload"])), parsed, None), value, f"{text} written")


def defaults_are_those_of_fastavro(place):
    fastavro = others()[0]
    schema = record(("i", "int"), ("s", "string"), ("b", "bytes"), ("u", ["null", "int"]), ("v", ["int", "null"]),
                    ("a", {"type": "array", "items": "int"}), ("m", {"type": "map", "values": "double"}),
                    ("x", {"type": "fixed", "name": "F", "size": 2}), ("r", record(("y", "long"), name="S")),
                    ("e", {"type": "enum", "name": "E", "symbols": ["A", "B"]}),
                    i={"default": 7}, s={"default": "ä"}, b={"default": "\u00ff\u0000"}, u={"default": None},
                    v={"default": 3}, a={"default": [1, 2]}, m={"default": {"k": 0.5}}, x={"default": "\u00e9a"},
                    r={"default": {"y": 9}}, e={"default": "B"})
    filled = {"i": 7, "s": "ä", "b": b"\xff\0", "u": None, "v": 3, "a": [1, 2], "m": {"k": 0.5}, "x": b"\xe9a",
              "r": {"y": 9}, "e": "B"}
    theirs = io.BytesIO()
    fastavro.schemaless_writer(theirs, fastavro.parse_schema(schema), filled)
    with Tool() as tool:
        same(raw(tool.ask(write={}, schema=json.dumps(schema))["payload"]), theirs.getvalue())


def a_schema_is_fetched_once(place):
    with Registry() as registry, avro(registry) as tool:
        number = registry.register("t-value", json.dumps(USER))
        payload = data(b"\0" + number.to_bytes(4, "big") + b"\6ann\0")
        for _ in range(3):
            same(tool.ask(decode=payload), {"value": {"name": "ann", "age": None}})
            same(tool.ask(fetch=number), {"name": "org.example.User"})
        same(registry.asked(), [f"GET /schemas/ids/{number}"])


def references_are_resolved(place):
    kind = {"type": "enum", "name": "shop.Kind", "symbols": ["BOOK", "GAME"]}
    item = {"type": "record", "name": "shop.Item", "fields": [{"name": "kind", "type": "shop.Kind"}]}
    order = {"type": "record", "name": "shop.Order", "fields": [
        {"name": "kind", "type": "Kind"}, {"name": "items", "type": {"type": "array", "items": "shop.Item"}}]}
    with Registry() as registry, avro(registry) as tool:
        registry.register("kinds/all", json.dumps(kind))
        to_kind = {"name": "shop.Kind", "subject": "kinds/all", "version": 1}
        registry.register("items", json.dumps(item), references=[to_kind])
        number = registry.register("orders-value", json.dumps(order), references=[
            {"name": "shop.Item", "subject": "items", "version": 1}, to_kind])
        same(tool.ask(decode=data(b"\0" + number.to_bytes(4, "big") + b"\2\4\0\2\0")),
             {"value": {"kind": "GAME", "items": [{"kind": "BOOK"}, {"kind": "GAME"}]}})
        same(registry.asked(), [f"GET /schemas/ids/{number}", "GET /subjects/items/versions/1",
                                "GET /subjects/kinds%2Fall/versions/1"])
        lost = registry.register("lost", json.dumps(order), references=[to_kind])
        tool.fails("invalid", "fix", f"schema {lost}", "not defined: the type 'shop.Item'", fetch=lost)
        registry.trouble(None, (404, {"error_code": 40402, "message": "Version 1 not found."}))
        lost = registry.register("lost", '"shop.Kind"', references=[to_kind])
        tool.fails("invalid", "fix", "its reference 'kinds/all'", "Version 1 not found", fetch=lost)


def what_the_registry_does_not_know_is_named(place):
    with Registry() as registry, avro(registry, "output.schema=registry:latest") as tool:
        tool.fails("invalid", "fix", "schema 77", registry.url, "404", "Schema 77 not found", fetch=77)
        tool.fails("invalid", "fix", "subject 'out-value'", "Subject 'out-value' not found", encode=1, topic="out")
        number = registry.register("p-value", "syntax = \"proto3\";", kind="PROTOBUF")
        tool.fails("invalid", "fix", f"schema {number}", "PROTOBUF", "only AVRO", fetch=number)
        number = registry.register("x-value", '{"type": "recrod"}')
        tool.fails("invalid", "fix", f"schema {number}: Avro schema: not defined: the type 'recrod'", fetch=number)
        registry.trouble((200, {"id": 1}))
        tool.fails("invalid", "fix", "the registry's answer has no schema", fetch=number)
        registry.trouble((200, b"hello"), (404, b"<html>"))
        tool.fails("config", "fix", "is schema-registry.url right?", fetch=number)
        tool.fails("config", "fix", "404", "is schema-registry.url right?", fetch=number)


def a_registry_that_is_away_is_tried_again(place):
    with Registry() as registry, avro(registry, "schema-registry.timeout-ms=300") as tool:
        number = registry.register("t-value", json.dumps(USER))
        registry.trouble("drop", (500, {"error_code": 50001, "message": "Error in the backend"}), (503, b"busy"),
                         (429, b""), "hang")
        tool.fails("unreachable", "retry", f"schema {number}", registry.url, fetch=number)
        tool.fails("unreachable", "retry", "status 500: Error in the backend", fetch=number)
        tool.fails("unreachable", "retry", "status 503", fetch=number)
        tool.fails("unreachable", "retry", "status 429", fetch=number)
        tool.fails("unreachable", "retry", registry.url, fetch=number)
        same(tool.ask(fetch=number), {"name": "org.example.User"})
    with avro(registry) as tool:
        tool.fails("unreachable", "retry", registry.url, fetch=number)


def another_url_is_asked_when_one_is_away(place):
    with Registry() as gone:
        pass
    with Registry() as bad, Registry() as good:
        number = good.register("t-value", json.dumps(USER))
        bad.trouble((502, b"bad gateway"))
        with avro(f"{gone.url}, {bad.url}/,{good.url}") as tool:
            same(tool.ask(fetch=number), {"name": "org.example.User"})
            same(bad.asked(), [f"GET /schemas/ids/{number}"])
            # The one that answered is asked first from now on, and its "no" is an answer.
            tool.fails("invalid", "fix", good.url, "Schema 9 not found", fetch=9)
            same(bad.asked(), [])


def credentials_are_shown_and_never_told(place):
    secret = "s3cr:et/ä@${x}"
    quoted = "s3cr%3Aet%2F%C3%A4%40%24%7Bx%7D"
    written = "s3cr:et/ä@$${x}"  # as the configuration has it
    with Registry(user="us er", password=secret) as registry:
        number = registry.register("t-value", json.dumps(USER))
        with avro(registry, "schema-registry.user=us er", f"schema-registry.password={written}") as tool:
            same(tool.ask(fetch=number), {"name": "org.example.User"})
        with avro(registry.url.replace("://", f"://us%20er:{quoted}@")) as tool:
            same(tool.ask(fetch=number), {"name": "org.example.User"})
            check("s3cr" not in tool.fails("invalid", "fix", registry.url, fetch=99), "the password is in the message")
        with avro(registry) as tool:
            tool.fails("config", "fix", "401", "set schema-registry.user and .password, or schema-registry.token",
                       fetch=number)
        with avro(registry, "schema-registry.user=us er", "schema-registry.password=wr0ng") as tool:
            said = tool.fails("config", "fix", "401", "it refuses what schema-registry.user", fetch=number)
            check("wr0ng" not in said, "the password is in the message")
    with Registry(token="t0ken${env:HOME}") as registry:
        number = registry.register("t-value", json.dumps(USER))
        with avro(registry, "schema-registry.token=t0ken$${env:HOME}") as tool:
            same(tool.ask(fetch=number), {"name": "org.example.User"})
        with avro(registry, "schema-registry.token=t", "schema-registry.user=u") as tool:
            tool.fails("config", "fix", "schema-registry.token and schema-registry.user are both set", fetch=number)
        with avro(registry, "schema-registry.password=p") as tool:
            tool.fails("config", "fix", "schema-registry.user is not", fetch=number)


def a_url_that_is_none_is_refused(place):
    for url, words in (("localhost:8081", "begins with http"), ("http://", "without a host"), ("http://a?b", "'?'"),
                       ("http://u:p@/", "without a host"), ("http://u:%4@h", "hexadecimal"),
                       ("http://a,ftp://b", "begins"), ("http://a,", "begins with http")):
        with avro(url) as tool:
            check(":p@" not in tool.fails("config", "fix", "schema-registry.url" if "%" not in url else "URL", words,
                                          fetch=1), "the password is in the message")
    with Tool("input.format=avro") as tool:
        tool.fails("config", "fix", "schema-registry.url is not set", decode=data(b"\0\0\0\0\1"))


def tls_is_verified_by_the_file_of_certificates(place):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", place.path("key"), "-out", place.path("ca")],
                   check=True, capture_output=True)
    with open(place.path("both"), "wb") as both:
        both.write(place.read("key") + place.read("ca"))
    with Registry(certificate=place.path("both")) as registry:
        number = registry.register("t-value", json.dumps(USER))
        with avro(registry, f"schema-registry.ca-file={place.path('ca')}") as tool:
            same(tool.ask(fetch=number), {"name": "org.example.User"})
        with avro(registry) as tool:
            tool.fails("unreachable", "retry", registry.url, "certificate", fetch=number)
        with avro(registry, "schema-registry.ca-file=none.pem") as tool:
            tool.fails("config", "fix", "none.pem", fetch=number)


def the_subject_is_as_the_strategy_says(place):
    place.append(json.dumps(USER).encode(), name="user.avsc")
    place.append(b'"string"', name="text.avsc")
    user, text = f"output.schema={place.path('user.avsc')}", f"output.schema={place.path('text.avsc')}"
    with Registry() as registry:
        for strategy, subject in (("topic", "out/1-value"), ("record", "org.example.User"),
                                  ("topic-record", "out/1-org.example.User")):
            with avro(registry, user, f"schema-registry.subject-strategy={strategy}") as tool:
                same(tool.ask(encode={"name": "a"}, topic="out/1"), {"payload": data(b"\0\0\0\0\1\2a\0"), "schema": 1})
            check(subject in registry.server.schemas.subjects, f"no {subject}: {registry.server.schemas.subjects}")
        with avro(registry, text, "schema-registry.subject-strategy=record") as tool:
            tool.fails("config", "fix", "output.schema", "schema-registry.subject-strategy", encode="a", topic="out")
        with avro(registry, "output.schema=registry:latest", "schema-registry.subject-strategy=record") as tool:
            tool.fails("config", "fix", "schema-registry.subject-strategy", encode="a", topic="out")


def confluents_client_finds_what_was_registered(place):
    _, client, _, _, _ = others()
    place.append(json.dumps(USER).encode(), name="user.avsc")
    with Registry() as registry, avro(registry, f"output.schema={place.path('user.avsc')}") as tool:
        answer = tool.ask(encode={"name": "a", "age": 1}, topic="people")
        version = client({"url": registry.url}).get_latest_version("people-value")
        same(version.schema_id, answer["schema"])
        same(json.loads(version.schema.schema_str), USER)


def the_latest_schema_is_written_with(place):
    with Registry() as registry, avro(registry, "output.schema=registry:latest") as tool:
        registry.register("out-value", '"int"')
        same(tool.ask(encode=1, topic="out"), {"payload": data(b"\0\0\0\0\1\2"), "schema": 1})
        registry.register("out-value", '"string"')
        same(tool.ask(encode="a", topic="out"), {"payload": data(b"\0\0\0\0\2\2a"), "schema": 2})


def without_auto_register_a_schema_is_only_looked_up(place):
    place.append(json.dumps(USER).encode(), name="user.avsc")
    with Registry() as registry, avro(registry, f"output.schema={place.path('user.avsc')}",
                                      "schema-registry.auto-register=false") as tool:
        tool.fails("invalid", "fix", "subject 'out-value'", "auto-register is false", "not found", encode={"name": "a"},
                   topic="out")
        same(registry.asked(), ["POST /subjects/out-value"])
        number = registry.register("out-value", json.dumps(USER))
        same(tool.ask(encode={"name": "a"}, topic="out")["schema"], number)


def a_schema_that_is_refused_is_told_in_the_registrys_words(place):
    place.append(json.dumps(USER).encode(), name="user.avsc")
    place.append(b'{"type": "record"}', name="bad.avsc")
    with Registry() as registry:
        registry.forbid("out-value")
        with avro(registry, f"output.schema={place.path('user.avsc')}") as tool:
            tool.fails("invalid", "fix", "out-value", "status 409: Schema being registered is incompatible",
                       encode={"name": "a"}, topic="out")
        registry.asked()
        with avro(registry, f"output.schema={place.path('bad.avsc')}") as tool:
            tool.fails("config", "fix", "bad.avsc", "a record without a name", encode={}, topic="out")
        with avro(registry, "output.schema=none.avsc") as tool:
            tool.fails("config", "fix", "output.schema 'none.avsc'", "No such file", encode={}, topic="out")
        with avro(registry, f"output.schema={place.folder}") as tool:
            tool.fails("config", "fix", "cannot be read", encode={}, topic="out")
        same(registry.asked(), [])


def an_output_that_does_not_fit_is_told_with_its_place(place):
    place.append(json.dumps(USER).encode(), name="user.avsc")
    with Registry() as registry, avro(registry, f"output.schema={place.path('user.avsc')}") as tool:
        tool.fails("invalid", "fix", "/age: a string that does not fit an int", encode={"name": "a", "age": "old"},
                   topic="out")
        tool.fails("invalid", "fix", "no field of the record: 'nmae'", encode={"nmae": "a"}, topic="out")


def payloads_that_are_no_avro_are_told(place):
    with Registry() as registry, avro(registry) as tool:
        tool.fails("invalid", "fix", "begins with byte 0x7b", decode=data(b'{"a": 1}'))
        tool.fails("invalid", "fix", "4 bytes", decode=data(b"\0\0\0\1"))
        number = registry.register("t-value", json.dumps(USER))
        tool.fails("invalid", "fix", f"Avro of schema {number}: byte 0: a length beyond the end",
                   decode=data(b"\0" + number.to_bytes(4, "big") + b"\x20ann"))


tell()
