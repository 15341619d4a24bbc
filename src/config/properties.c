/* SPDX-License-Identifier: Apache-2.0 */
/* The table of properties. The manual (docs/CONFIGURATION.md) and the Java side's table are printed from it. */
#include "config/properties.h"

#include <string.h>

#define GIB (INT64_C(1) << 30)
#define DAY_MS INT64_C(86400000)
#define TOPIC_MAXIMUM 249 /* bytes of a topic's name, as Kafka limits it */

/* Order: sections in one piece, as a reader would ask for them. Fields that are not named are 0 or NULL. */
const weir_property weir__properties[] = {
    { .name = "job.name",
      .type = WEIR__PROPERTY_NAME,
      .low = 1,
      .high = 128,
      .used_by = "every host",
      .aliases = "Flink Agents: job-identifier, Kafka Streams: application.id, Flink: pipeline.name",
      .doc = "What the job is called. Its consumer group, transactional ids, topics and files are named after it, so "
             "it stays the same for the life of the job. Unset: the name that the job's code gives." },

    { .name = "input.topics",
      .type = WEIR__PROPERTY_LIST,
      .low = 1,
      .high = TOPIC_MAXIMUM,
      .used_by = "run, Flink",
      .doc = "The topics that are read. A topic's partitions are the units in which work is given to processes." },
    { .name = "input.format",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "json, string, bytes, avro",
      .fallback = "json",
      .used_by = "local, run, Flink",
      .doc = "How a record's value is read. `json`: UTF-8, integers of 64 bits, no duplicate names. `string`: UTF-8, "
             "as a JSON string. `bytes`: anything, as `{\"$bytes\": base64}`. `avro`: as Confluent's serializers write "
             "it, with the number of a schema that is fetched from `schema-registry.url`. docs/formats.md says how "
             "each is JSON. `local` reads `json` only." },
    { .name = "input.key-by",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "run, Flink",
      .doc = "A JSON pointer into the value, such as `/user`: what it points to becomes the key, instead of the "
             "record's own. Records go through a repartition topic of the job first, which fixes one order for good." },
    { .name = "input.on-error",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "fail, skip, dlq",
      .fallback = "fail",
      .used_by = "local, run, Flink",
      .aliases = "Kafka Streams: default.deserialization.exception.handler",
      .doc = "What happens with a record that cannot be read, and with a run that fails. `fail`: what came before is "
             "committed, the record is named, the process ends with status 1. `skip`: it is counted and left out. "
             "`dlq`: it is written to `output.dlq-file` (local) or `output.dlq-topic` (Kafka), with the reason." },
    { .name = "input.max-crashes",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 1000000,
      .fallback = "3",
      .used_by = "local, run",
      .doc = "An input record on which the process has crashed that many times is sent to `input.on-error` without "
             "being run again, so that one record cannot keep a job from starting. 0: never. Counted in `state.dir`, "
             "and only where there is one: a process of `run` knows nothing of other processes' crashes. What counts "
             "is a signal (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT), a stack that overflows, and `exit()`, in an "
             "action or in a function of a call; not a kill from outside." },

    { .name = "output.topic",
      .type = WEIR__PROPERTY_NAME,
      .low = 1,
      .high = TOPIC_MAXIMUM,
      .used_by = "run, Flink",
      .doc = "The topic that outputs are written to." },
    { .name = "output.format",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "json, string, bytes, avro",
      .fallback = "json",
      .used_by = "local, run, Flink",
      .doc = "How an output's value is written, as in `input.format`. An output that does not fit (`string` takes a "
             "JSON string, `bytes` that or `{\"$bytes\": base64}`, `avro` what `output.schema` says) fails its run. "
             "`local` writes `json` only." },
    { .name = "output.schema",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "run, Flink",
      .doc = "With `output.format: avro`: the schema of outputs. A file with an Avro schema, which is registered when "
             "the job starts (see `schema-registry.auto-register`), or `registry:latest`: the latest one of the output "
             "topic's subject when the job starts." },
    { .name = "output.dlq-file",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "local",
      .doc = "With `input.on-error: dlq`: the file that gets one line of JSON for each record that was refused and for "
             "each run that failed, with the reason." },
    { .name = "output.dlq-topic",
      .type = WEIR__PROPERTY_NAME,
      .low = 1,
      .high = TOPIC_MAXIMUM,
      .used_by = "run, Flink",
      .aliases = "Kafka Connect: errors.deadletterqueue.topic.name, "
                 "Kafka Streams: errors.dead.letter.queue.topic.name",
      .doc = "With `input.on-error: dlq`: the topic that gets each record that was refused and each run that failed; "
             "headers say what, where and why." },

    { .name = "state.dir",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "local, run",
      .aliases = "Kafka Streams: state.dir, Flink: state.backend.rocksdb.localdir",
      .doc = "The folder of the job's state and journal; made if it is missing. It belongs to one job, and to one "
             "process at a time. Unset: the local host keeps all in memory, and a restart begins again." },
    { .name = "state.cache-mb",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 1048576,
      .fallback = "64",
      .unit = "MiB",
      .used_by = "local, run",
      .aliases = "Kafka Streams: statestore.cache.max.bytes",
      .doc = "Memory for values of keyed state that were used lately, over all tasks of the process. What does not "
             "fit is read from the disk again. Values that are not on the disk yet are never dropped." },
    { .name = "state.inbox-mb",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 1048576,
      .fallback = "256",
      .unit = "MiB",
      .used_by = "run",
      .doc = "The most that the inbox of a task may hold: the records below the committed offset whose runs have not "
             "ended. Beyond it input pauses." },
    { .name = "state.ttl-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 3153600000000,
      .fallback = "0",
      .unit = "ms",
      .used_by = "local, run, Flink",
      .aliases = "Flink Agents: short-term-memory.state-ttl.ms, Flink: table.exec.state.ttl",
      .doc = "How long a value of short-term memory lives after it was last touched, in input time: the timestamps of "
             "its key's records, which never goes backwards for a key. 0: for good. What has expired is never "
             "returned, and is deleted when its key has a record again. On Kafka a key all of whose values have been "
             "over for as long again is deleted, too, without one: a record that comes out of order by more than this "
             "time may or may not find them." },
    { .name = "state.ttl-update",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "on-write, on-read-and-write",
      .fallback = "on-read-and-write",
      .used_by = "local, run, Flink",
      .aliases = "Flink Agents: short-term-memory.state-ttl.update-type",
      .doc = "With `state.ttl-ms`: what touches a value. `on-write`: writing it (Flink Agents: ON_CREATE_AND_WRITE); "
             "`on-read-and-write`: reading it, too. An object lives as long as anything beneath it." },

    { .name = "action-state.topic",
      .type = WEIR__PROPERTY_NAME,
      .low = 1,
      .high = TOPIC_MAXIMUM,
      .used_by = "run, Flink",
      .aliases = "Flink Agents: kafkaActionStateTopic",
      .doc = "The topic that holds the journal: what runs have done outside. Locally it lies in `state.dir`." },
    { .name = "action-state.partitions",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 10000,
      .fallback = "64",
      .used_by = "Flink",
      .aliases = "Flink Agents: kafkaActionStateTopicNumPartitions",
      .doc = "With how many partitions `action-state.topic` is made when it is missing. How many it has then holds: a "
             "job whose state knows another number does not start. On Kafka it has as many as the input." },
    { .name = "action-state.replication-factor",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 1000,
      .fallback = "0",
      .used_by = "Flink",
      .aliases = "Flink Agents: kafkaActionStateTopicReplicationFactor",
      .doc = "With how many replicas `action-state.topic` is made when it is missing. 0: as many as the brokers' "
             "`default.replication.factor` says." },
    { .name = "action-state.retain",
      .type = WEIR__PROPERTY_BOOL,
      .fallback = "false",
      .used_by = "run",
      .doc = "Keep the journal of runs that have ended, for audits and for looking back. false: their entries are "
             "deleted once their end is committed, and the journal stays as small as what is in flight. true keeps the "
             "repartition topic, too, so that `JOB replay` can run all of it again." },
    { .name = "action-state.required",
      .type = WEIR__PROPERTY_BOOL,
      .fallback = "true",
      .used_by = "local, run, Flink",
      .doc = "Whether calls that must not be repeated insist on a durable journal. true: `run` and Flink refuse to "
             "start without `action-state.topic`. false: such calls are made without a record, and may be repeated "
             "after a crash." },

    { .name = "flink.parked-holds-watermark",
      .type = WEIR__PROPERTY_BOOL,
      .fallback = "true",
      .used_by = "Flink",
      .doc = "Whether a parked run holds the watermark back, as one that is under way does. true: what it sends once "
             "somebody has decided is not late. false: time goes on without it." },
    { .name = "flink.parked-at-end",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "fail, wait",
      .fallback = "fail",
      .used_by = "Flink",
      .doc = "What happens at the end of bounded input when only parked runs are left. `fail`: the job fails, and goes "
             "on from its last checkpoint when it is started again. `wait`: it waits for decisions, and says so." },
    { .name = "flink.bounded",
      .type = WEIR__PROPERTY_BOOL,
      .fallback = "false",
      .used_by = "Flink",
      .doc = "Read up to what the topics hold when the job starts, and end. false: until it is cancelled." },
    { .name = "flink.checkpoint-interval-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 10,
      .high = DAY_MS,
      .fallback = "10000",
      .unit = "ms",
      .used_by = "Flink",
      .doc = "How often a checkpoint is taken where Flink's own configuration sets no interval. Outputs are "
             "visible with the checkpoint that holds them." },
    { .name = "flink.inputs-in-flight",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 10000000,
      .fallback = "20000",
      .used_by = "Flink",
      .doc = "How many inputs a subtask holds that are not over; beyond it the operator takes no more." },
    { .name = "flink.inputs-in-flight-mb",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 16384,
      .fallback = "64",
      .unit = "MiB",
      .used_by = "Flink",
      .doc = "How large the inputs that a subtask holds and that are not over may be together." },
    { .name = "flink.source-idle-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = DAY_MS,
      .fallback = "0",
      .unit = "ms",
      .used_by = "Flink",
      .doc = "After how long a partition without records holds no watermark back. 0: never." },
    { .name = "flink.state-gc-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 3153600000000,
      .fallback = "0",
      .unit = "ms",
      .used_by = "Flink",
      .doc = "After how long, in processing time, Flink may drop a value of memory that was not written. It is "
             "there to free room and wants to be several times `state.ttl-ms`, which alone says what an action "
             "sees. 0: never. On or off, it stays so for the life of the state." },
    { .name = "flink.topic-made-anew",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "fail, begin",
      .fallback = "fail",
      .used_by = "Flink",
      .doc = "What a restored job does when an input topic was deleted and made anew since its state was written, as "
             "the topic's id tells. `fail`: it is refused, as the offsets in the state say nothing of the new records. "
             "`begin`: that topic is read from its beginning; memory, and inputs that were under way, stay." },
    { .name = "flink.transaction-timeout-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 1000,
      .high = DAY_MS,
      .fallback = "600000",
      .unit = "ms",
      .used_by = "Flink",
      .doc = "How long a sink's transaction may stay open: longer than the longest time between two checkpoints, "
             "restarts included, and at most the brokers' `transaction.max.timeout.ms`." },
    { .name = "flink.work-dir",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "Flink",
      .doc = "The folder that a TaskManager unpacks the job's files into; programs must be allowed to run from "
             "there. Unset: the first of its temporary folders." },
    { .name = "flink.worker-keys",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 100000000,
      .fallback = "200000",
      .used_by = "Flink",
      .doc = "How many keys' memory a subtask's worker holds; others are read from Flink's state when they are "
             "needed." },
    { .name = "flink.worker-keys-mb",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 65536,
      .fallback = "256",
      .unit = "MiB",
      .used_by = "Flink",
      .doc = "How large the memory of the keys that a subtask's worker holds may be together, about." },
    { .name = "flink.worker-restarts",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 1000000,
      .fallback = "3",
      .used_by = "Flink",
      .doc = "How often a subtask starts a worker again that has died, before the task fails and Flink restarts "
             "it." },
    { .name = "flink.worker-start-timeout-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 100,
      .high = 3600000,
      .fallback = "60000",
      .unit = "ms",
      .used_by = "Flink",
      .doc = "How long a worker may take until it is ready." },
    { .name = "flink.worker-stop-timeout-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 3600000,
      .fallback = "3000",
      .unit = "ms",
      .used_by = "Flink",
      .doc = "How long a worker may take to end before it is killed. Where a job ends in order, `calls.stop-"
             "timeout-ms` is added." },

    { .name = "limits.events-per-run",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 1000000000,
      .fallback = "10000",
      .used_by = "every host",
      .doc = "The most events of one run. Actions that trigger each other in a circle meet it: the run fails, and the "
             "error names the circle." },
    { .name = "limits.runs-in-flight",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 25000,
      .fallback = "10000",
      .used_by = "every host",
      .aliases = "Flink: table.exec.async-state.in-flight-records-limit",
      .doc = "The most runs that have begun and not ended. Beyond it input pauses. Each one that waits for a call "
             "holds a stack, and a stack takes two memory maps of the 65530 that Linux allows a process: hence the "
             "upper bound." },
    { .name = "limits.queue-per-key",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 1000000000,
      .fallback = "10000",
      .used_by = "every host",
      .doc = "The most records that may wait behind a running one of the same key; beyond it input pauses." },
    { .name = "limits.stack-kb",
      .type = WEIR__PROPERTY_INT,
      .low = 64,
      .high = 65536,
      .fallback = "256",
      .unit = "KiB",
      .used_by = "every host",
      .doc = "The stack that an action runs on. An action that overflows it ends the process with a message that "
             "names the action; raise it for actions that recurse deeply or keep large arrays in locals." },
    { .name = "limits.depth",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 10000,
      .fallback = "512",
      .used_by = "every host",
      .doc = "How deeply objects and arrays may be nested in a record, an event or a value of memory." },
    { .name = "limits.record-bytes",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = GIB,
      .fallback = "16777216",
      .unit = "bytes",
      .used_by = "every host",
      .aliases = "Kafka: message.max.bytes",
      .doc = "The largest input record. A longer one is a bad record, and is never held in memory as a whole." },

    { .name = "calls.threads",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 1024,
      .fallback = "16",
      .used_by = "every host",
      .aliases = "Flink Agents: num-async-threads",
      .doc = "Threads for calls to functions that block, over all tasks of the process. HTTP calls need none." },
    { .name = "calls.in-doubt",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "park, fail, retry",
      .fallback = "park",
      .used_by = "every host",
      .doc = "What happens with a run whose call may or may not have been made, and may not simply be repeated. "
             "`park`: it waits for `JOB resolve`, and so does its key. `fail`: it goes to `input.on-error`. `retry`: "
             "the call is made again, at the risk of a second time." },
    { .name = "calls.in-doubt-after-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 30 * DAY_MS,
      .fallback = "0",
      .unit = "ms",
      .used_by = "every host",
      .doc = "How long `calls.in-doubt: fail` and `retry` leave a call in doubt to somebody's decision before they "
             "act; counted from when it is sure that the call is not under way any more." },
    { .name = "calls.start-lease-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 10,
      .high = DAY_MS,
      .fallback = "10000",
      .unit = "ms",
      .used_by = "local, run, Flink",
      .doc = "How long after its intent was recorded a call may still begin. One that waited longer, for a thread or "
             "because the machine stood still, is recorded anew first. After a crash, a call that may have been made "
             "is judged once this, its time-out and `calls.margin-ms` have passed." },
    { .name = "calls.margin-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = DAY_MS,
      .fallback = "1000",
      .unit = "ms",
      .used_by = "local, run, Flink",
      .doc = "How long after its deadline a call in doubt is judged: time for what is on its way to land." },
    { .name = "calls.result-bytes",
      .type = WEIR__PROPERTY_INT,
      .low = 1024,
      .high = 536870912,
      .fallback = "67108864",
      .unit = "bytes",
      .used_by = "every host",
      .doc = "The largest result of a call. A call whose result is larger has been made, and fails." },
    { .name = "calls.stop-timeout-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = DAY_MS,
      .fallback = "30000",
      .unit = "ms",
      .used_by = "every host",
      .doc = "How long a stopping process waits for calls under way, so that their outcome is recorded." },
    { .name = "calls.http-proxy",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "local, run, Flink",
      .doc = "The proxy that HTTP calls go through: `http://proxy:3128`, `https://…`, `socks5h://…`. `env`: as "
             "`http_proxy`, `https_proxy` and `no_proxy` say. Unset: none, whatever the environment says. A user and "
             "password in it are a secret." },
    { .name = "calls.http-ca-file",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "local, run, Flink",
      .doc = "A file of certificates (PEM) that servers of HTTP calls are verified against, in place of the system's. "
             "Verification cannot be turned off." },
    { .name = "calls.http-connections",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 1000000,
      .fallback = "0",
      .used_by = "local, run, Flink",
      .doc = "The most connections that are kept open between HTTP calls, to be used again. 0: as many as have been "
             "needed at once. How many calls may be under way is not limited by it." },

    { .name = "commit-interval-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = DAY_MS,
      .fallback = "100",
      .unit = "ms",
      .used_by = "local, run",
      .aliases = "Kafka Streams: commit.interval.ms, Flink: execution.checkpointing.interval",
      .doc = "The longest time between two commits while there is something to commit. Outputs are visible with the "
             "commit that holds them: shorter means sooner, longer means fewer syncs of the disk." },
    { .name = "commit-max-runs",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 1000000000,
      .fallback = "10000",
      .used_by = "local, run",
      .doc = "A commit is made before its interval is over once that many runs have ended." },
    { .name = "commit-max-bytes",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = GIB,
      .fallback = "16777216",
      .unit = "bytes",
      .used_by = "local, run",
      .doc = "A commit is made before its interval is over once outputs and changes of memory reach that size. One "
             "run is never split, so a commit may be larger by the last run in it." },
    { .name = "inbox-age-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = DAY_MS,
      .fallback = "1000",
      .unit = "ms",
      .used_by = "run, Flink",
      .doc = "How long a run may be open before the committed offset passes it and its record moves into the inbox." },
    { .name = "threads",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = 1024,
      .fallback = "1",
      .used_by = "run",
      .aliases = "Kafka Streams: num.stream.threads",
      .doc = "Stream threads of the process: each has a consumer, a producer and its own tasks." },

    { .name = "schema-registry.url",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "run, Flink",
      .aliases = "Confluent: schema.registry.url",
      .doc = "Where schemas are registered: `http://localhost:8081`. Several, with commas between them, are asked in "
             "turn until one answers. A user and password in it are a secret." },
    { .name = "schema-registry.user",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "run, Flink",
      .aliases = "Confluent: basic.auth.user.info",
      .doc = "The user that the registry is told, with `schema-registry.password` (basic authentication), for URLs "
             "without their own." },
    { .name = "schema-registry.password",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "run, Flink",
      .doc = "The password of `schema-registry.user`. A secret: write `${env:NAME}` or `${file:PATH}`." },
    { .name = "schema-registry.token",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "run, Flink",
      .aliases = "Confluent: bearer.auth.token",
      .doc = "A token that the registry is told (`Authorization: Bearer`), instead of a user and password. A secret." },
    { .name = "schema-registry.ca-file",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "run, Flink",
      .aliases = "Confluent: ssl.ca.location",
      .doc = "A file of certificates (PEM) that the registry is verified against, in place of the system's." },
    { .name = "schema-registry.timeout-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 1,
      .high = DAY_MS,
      .fallback = "10000",
      .unit = "ms",
      .used_by = "run, Flink",
      .doc = "How long the registry may take for one answer. Then the next URL is asked, and after the last one it is "
             "tried again, with back-off; meanwhile records that need it wait." },
    { .name = "schema-registry.auto-register",
      .type = WEIR__PROPERTY_BOOL,
      .fallback = "true",
      .used_by = "run, Flink",
      .aliases = "Confluent: auto.register.schemas",
      .doc = "Whether the schema of `output.schema` is registered if it is not there. `false`: it is looked up, and a "
             "schema that somebody has to register first is an error." },
    { .name = "schema-registry.subject-strategy",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "topic, record, topic-record",
      .fallback = "topic",
      .used_by = "run, Flink",
      .aliases = "Confluent: value.subject.name.strategy",
      .doc = "Under which subject the schema of outputs stands. `topic`: `TOPIC-value`. `record`: the full name of the "
             "schema's record. `topic-record`: `TOPIC-NAME`. The last two need `output.schema` to be a file." },

    { .name = "status.listen",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "local, run",
      .doc = "Address and port for health, metrics and tasks over HTTP: `127.0.0.1:9464`, `[::1]:9464`, or a port "
             "alone, which is the loopback's. Port 0: any free one, which the log names at `info`. There is no "
             "authentication, so keep it on the loopback, or behind a wall. Unset: none are served. docs/status.md "
             "says what they show." },
    { .name = "status.stalled-after-ms",
      .type = WEIR__PROPERTY_INT,
      .low = 1000,
      .high = DAY_MS,
      .fallback = "30000",
      .unit = "ms",
      .used_by = "local, run",
      .doc = "How long a loop may show no sign of life before `/health` answers 503. A loop shows one every half a "
             "second, unless an action holds it up: longer than the longest action computes without a call." },

    { .name = "log.level",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "error, warn, info, debug",
      .fallback = "warn",
      .used_by = "every host",
      .doc = "The least grave lines that are still written to stderr. `error`: somebody must act; `warn`: handled, but "
             "worth knowing; `info`: starts, stops and commits; `debug`: the rest, record contents included." },
    { .name = "log.levels",
      .type = WEIR__PROPERTY_TEXT,
      .used_by = "every host",
      .doc = "Levels by room, which is what stands before the `/` in a line's origin, or an agent's name: "
             "`warn,kafka:debug,http:info`. A level alone is that of all rooms that are not named, in place of "
             "`log.level`. At most 16 rooms." },
    { .name = "log.format",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "text, json",
      .fallback = "text",
      .used_by = "every host",
      .doc = "`text`: one line for people. `json`: one object a line, for collectors: `time`, `level`, `where`, "
             "`message`, and the line's facts (`run=…`) as members of their own." },

    { .name = "agent.error-handling-strategy",
      .type = WEIR__PROPERTY_CHOICE,
      .choices = "fail, retry, ignore",
      .fallback = "fail",
      .used_by = "built-in actions, which no host has yet",
      .aliases = "Flink Agents: error-handling-strategy",
      .doc = "What a built-in action does when a model fails or its answer does not fit the schema." },
    { .name = "agent.max-retries",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 1000000,
      .fallback = "3",
      .used_by = "built-in actions, which no host has yet",
      .aliases = "Flink Agents: max-retries",
      .doc = "With `agent.error-handling-strategy: retry`: tries after the first." },
    { .name = "agent.retry-wait-interval",
      .type = WEIR__PROPERTY_INT,
      .low = 0,
      .high = 86400,
      .fallback = "1",
      .unit = "s",
      .used_by = "built-in actions, which no host has yet",
      .aliases = "Flink Agents: retry-wait-interval",
      .doc = "With `agent.error-handling-strategy: retry`: the wait before the first of them; it doubles each time." },
};

const size_t weir__property_count = sizeof weir__properties / sizeof *weir__properties;

const weir_property *weir__property_find(const char *name)
{
    for (size_t i = 0; i < weir__property_count; i++) {
        if (strcmp(weir__properties[i].name, name) == 0)
            return &weir__properties[i];
    }
    return NULL;
}

bool weir__property_is_section(const char *name)
{
    size_t size = strlen(name);

    if (strcmp(name, "kafka") == 0)
        return true;
    for (size_t i = 0; i < weir__property_count; i++) {
        const char *known = weir__properties[i].name;

        if (strncmp(known, name, size) == 0 && known[size] == '.')
            return true;
    }
    return false;
}

const weir_property *weir__property_of_peer(const char *alias)
{
    static const char peer[] = "Flink Agents: ";
    size_t size = strlen(alias);

    for (size_t i = 0; i < weir__property_count; i++) {
        const char *at = weir__properties[i].aliases ? strstr(weir__properties[i].aliases, peer) : NULL;

        at = at ? at + strlen(peer) : NULL;
        if (at && strncmp(at, alias, size) == 0 && (at[size] == ',' || at[size] == '\0'))
            return &weir__properties[i];
    }
    return NULL;
}
