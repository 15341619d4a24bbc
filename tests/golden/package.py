#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`JOB package`: what is in the JAR, and that it runs where nothing else is."""
import os
import re
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import story  # noqa: E402
from story import Skip, check, complains, done, same, tell  # noqa: E402

JOB = os.path.join(story.BUILD, "jobs/word-count/word-count")
SHIM = os.path.join(story.BUILD, "flink/weir-flink.jar")
GLIBC = re.compile(r"ld-linux.*|lib(c|m|resolv|pthread|dl|rt)\.so\..*|linux-vdso.*")
CONFIG = """job: {name: words-of-all}
input: {topics: [words, more], format: json}   # a comment stays
threads: ${env:NOT_SET_HERE}
kafka: {bootstrap.servers: "localhost:9092", client.id: "w\u00f6rter", sasl.password: "${file:/not/there}"}
"""


def start(place, *words, **environment):
    """JOB package, with a stand-in for the shim."""
    stand_in = place.path("shim.jar")
    if not os.path.exists(stand_in):
        with zipfile.ZipFile(stand_in, "w") as jar:
            jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
            jar.writestr("weir/flink/Class.class", b"\xca\xfe\xba\xbe" * 100, zipfile.ZIP_DEFLATED)
    ended = subprocess.run([JOB, "package", *words], cwd=place.folder, stdin=subprocess.DEVNULL, check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env=place.environment(WEIR_FLINK_JAR=stand_in, **environment))
    return story.Ended(ended.returncode, ended.stdout, ended.stderr.decode())


def make(place, *words, name="job.jar", **environment):
    ended = start(place, "--output", name, *words, **environment)
    done(ended)
    return zipfile.ZipFile(place.path(name)), ended


def with_config(place, text=CONFIG):
    with open(place.path("job.yaml"), "w", encoding="utf-8") as file:
        file.write(text)
    return "--config", "job.yaml"


def properties(data):
    """As Java reads them, of what is used here."""
    found = {}
    for line in data.decode("ascii").splitlines():
        name, _, value = line.partition("=")
        found[name] = re.sub(r"\\u([0-9A-F]{4})", lambda match: chr(int(match.group(1), 16)), value)
    return found


def unpack(place, jar):
    for name in jar.namelist():
        if name.startswith(("weir/bin/", "weir/lib/")):
            jar.extract(name, place.folder)
    program = place.path("weir/bin/word-count")
    os.chmod(program, 0o755)
    return program


def libraries(jar):
    return sorted(name[len("weir/lib/"):] for name in jar.namelist() if name.startswith("weir/lib/"))


def the_jar_holds_shim_binary_libraries_and_configuration(place):
    jar, ended = make(place, *with_config(place))
    same(jar.namelist()[:5], ["META-INF/MANIFEST.MF", "weir/flink/Class.class", "weir/job.properties",
                              "weir/job.yaml", "weir/bin/word-count"], "entries")
    check("libweir.so.0" in libraries(jar) and "libjansson.so.4" in libraries(jar), f"libraries: {libraries(jar)}")
    check(not any(GLIBC.fullmatch(name) for name in libraries(jar)), f"libraries: {libraries(jar)}")
    same(jar.testzip(), None, "broken entry")
    same(jar.read("weir/job.yaml").decode(), CONFIG, "job.yaml")
    found = properties(jar.read("weir/job.properties"))
    for name, value in (("weir.job-name", "words-of-all"), ("weir.agent-names", "counter"),
                        ("input.topics", "words,more"), ("kafka.client.id", "w\u00f6rter"),
                        ("threads", "${env:NOT_SET_HERE}"), ("kafka.bootstrap.servers", "localhost:9092"),
                        ("kafka.sasl.password", "${file:/not/there}"), ("limits.depth", "512")):
        same(found.get(name, ""), value, name)
    same(found["weir.version"], subprocess.run([JOB, "--version"], stdout=subprocess.PIPE, check=True)
         .stdout.decode().split()[1], "version")
    modes = [jar.getinfo(name).external_attr >> 16 for name in ("weir/bin/word-count", "weir/job.yaml")]
    same(modes, [0o100755, 0o100644], "modes")
    check(b"flink run -d job.jar\n" in ended.out, f"said: {ended.out}")
    same(ended.complaint, [], "stderr")


def without_a_configuration_there_are_the_defaults(place):
    jar, _ = make(place)
    check("weir/job.yaml" not in jar.namelist(), "a job.yaml from nowhere")
    same(properties(jar.read("weir/job.properties"))["weir.job-name"], "word-count", "name")


def the_jar_has_the_libraries_that_the_loader_loads(place):
    jar, _ = make(place)
    loaded = {line.split()[0] for line in listed().splitlines() if "=>" in line}
    same(libraries(jar), sorted(name for name in loaded if not GLIBC.fullmatch(name)), "libraries")


def listed():
    """What the loader says of the job's libraries."""
    program = os.path.join(story.BUILD, "jobs/word-count/.libs/word-count")
    return subprocess.run(["ldd", program if os.path.exists(program) else JOB], stdout=subprocess.PIPE, check=True,
                          env=dict(os.environ, LD_LIBRARY_PATH=os.path.join(story.BUILD, ".libs"))).stdout.decode()


def the_binary_runs_on_what_is_in_the_jar_alone(place):
    jar, _ = make(place)
    program = unpack(place, jar)
    place.write(*[{"key": word, "value": word} for word in "abacab"])
    with open(place.input, "rb") as file:
        ended = subprocess.run(["/usr/bin/env", "-i", "LD_DEBUG=libs", "LD_DEBUG_OUTPUT=" + place.path("loader"),
                                program, "local"], stdin=file, stdout=subprocess.PIPE, cwd="/", check=True)
    same(ended.stdout, place.undisturbed(job=JOB), "output")
    loaded = set()
    for name in os.listdir(place.folder):
        if name.startswith("loader."):
            with open(place.path(name), encoding="utf-8", errors="replace") as file:
                loaded.update(line.split()[-1] for line in file if "calling init:" in line)
    ours = place.path("weir/bin/../lib/")
    foreign = sorted(path for path in loaded
                     if not GLIBC.fullmatch(os.path.basename(path)) and not path.startswith(ours))
    check(len(loaded) > 5, f"loaded: {loaded}")
    same(foreign, [], "loaded from elsewhere")


def the_binary_runs_where_there_is_nothing_but_glibc(place):
    if os.geteuid() != 0:
        raise Skip("only root may change the root folder")
    jar, _ = make(place)
    unpack(place, jar)
    for path in re.findall(r"(/\S+) \(0x", listed()):
        if GLIBC.fullmatch(os.path.basename(path)):
            os.makedirs(place.path(os.path.dirname(path)[1:]), exist_ok=True)
            subprocess.run(["cp", "-L", path, place.path(path[1:])], check=True)
    place.write({"key": "a", "value": 1})
    # The loader asks /proc where the program is; the mount goes with the process that sees it.
    os.mkdir(place.path("proc"))
    script = 'mount --rbind /proc "$0/proc" && exec chroot "$0" "$@"'
    words = ["unshare", "--mount", "/bin/sh", "-c", script, place.folder]
    if subprocess.run([*words, "/weir/bin/word-count", "--version"], capture_output=True, check=False).returncode == 1:
        raise Skip("no mount namespace is to be had")
    with open(place.input, "rb") as file:
        ended = subprocess.run([*words, "/weir/bin/word-count", "local", "--state-dir", "/state"], stdin=file,
                               capture_output=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, check=False)
    same(ended.stdout, b'{"a":{"word":1,"count":1}}\n', f"output; stderr: {ended.stderr}")


def the_same_input_gives_the_same_bytes(place):
    words = with_config(place)
    make(place, *words, name="first.jar", TZ="Asia/Tokyo")
    os.utime(place.path("job.yaml"), (1e9, 1e9))
    make(place, *words, name="second.jar", TZ="America/Lima")
    same(place.read("first.jar"), place.read("second.jar"), "bytes")


def a_jar_with_the_shim_stays_under_30_mb(place):
    jar, _ = make(place)
    ours = sum(entry.compress_size for entry in jar.infolist() if entry.filename.startswith(("weir/bin/", "weir/lib/")))
    print(f"# binary and libraries take {ours / 1e6:.1f} MB, packed")
    check(ours < 14e6, f"{ours} bytes; the shim has 13.6 MB, and 16 are left for us")
    if os.path.exists(SHIM):
        make(place, "--shim", SHIM, name="whole.jar")
        size = os.path.getsize(place.path("whole.jar"))
        print(f"# a whole one has {size / 1e6:.1f} MB")
        check(size < 30e6, f"{size} bytes")


def what_cannot_be_packaged_is_told_in_one_line(place):
    complains(start(place), 2, "--output FILE is missing")
    complains(start(place, "--output", "job.jar", *with_config(place, "threads: 0\n")), 2, "job.yaml:1: threads")
    complains(start(place, "--output", "job.jar", "--set", "threads=2"), 2, "threads: --set", "do not go into a JAR")
    complains(start(place, "--output", "job.jar", "--config", "none.yaml"), 3, "none.yaml")
    complains(start(place, "--output", "nowhere/job.jar"), 3, "cannot write 'nowhere/job.jar.part'", "No such file")
    complains(start(place, "--output", "job.jar", "--shim", "none.jar"), 3, "no shim", "none.jar", "--shim")
    with_config(place)
    complains(start(place, "--output", "job.jar", "--shim", "job.yaml"), 3, "'job.yaml': no JAR")
    make(place)
    complains(start(place, "--output", "again.jar", "--shim", "job.jar"), 3, "a packaged job")
    check(not os.path.exists(place.path("again.jar")), "something was made")
    check(not [name for name in os.listdir(place.folder) if name.endswith(".part")], "a part is left behind")


def a_jar_that_is_there_stays_when_another_cannot_be_made(place):
    make(place)
    before = place.read("job.jar")
    complains(start(place, "--output", "job.jar", "--shim", "none.jar"), 3, "no shim")
    same(place.read("job.jar"), before, "JAR")


def a_secret_in_clear_is_warned_of(place):
    words = with_config(place, 'kafka: {sasl.password: "hunter2"}\n')
    _, ended = make(place, *words)
    check("warning: the JAR holds a secret in clear, kafka.sasl.password" in ended.err, f"stderr: {ended.err}")
    check("hunter2" not in ended.err and b"hunter2" not in ended.out, "the secret is shown")


with open(os.path.join(story.BUILD, "config.status"), encoding="utf-8") as status:
    if "D[\"HAVE_LIBZIP\"]=\" 1\"" not in status.read():
        print("1..0 # SKIP this build has no libzip")
        sys.exit(0)
tell()
