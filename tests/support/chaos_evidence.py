# SPDX-License-Identifier: Apache-2.0
"""What a chaos test that failed leaves behind, in a folder, for who looks for the cause. The processes' logs and state
folders, and the service's ledger, are there already; in `evidence` beside them:

    TOPIC.committed.gz, TOPIC.all.gz   every record of each topic, a line of JSON each, as tests/support/topic reads it
    JOB-actions.followed               the records of a journal as they came, before their job had them deleted
    JOB.journal, JOB.parked            what `JOB journal` and `JOB parked` say at the end
    JOB.offsets                        the group's offsets, with their metadata
    node-N.log                         what brokers have said
    node-N/TOPIC-PARTITION/            their logs of partitions that are not large, which alone tell of aborted
                                       transactions, their producers and their markers
"""
import gzip
import json
import os
import shutil
import subprocess

import broker

MOST_LOG_BYTES = 64 << 20


class Evidence:
    """
    cluster  still running
    folder   of the test; it gets a folder `evidence`
    """

    def __init__(self, cluster, folder):
        self.cluster, self.folder = cluster, os.path.join(folder, "evidence")
        self.followers, self.lacking = [], []
        os.makedirs(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def follow(self, topic):
        """From its beginning on: a journal is shortened while its job runs."""
        with open(self.path(topic + ".followed"), "wb") as file:
            self.followers.append(subprocess.Popen([broker.TOPIC, self.cluster.brokers, "follow", topic],
                                                   stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT))

    def close(self):
        for follower in self.followers:
            if follower.poll() is None:
                follower.kill()
            follower.communicate()
        self.followers = []

    def keep(self, jobs):
        """All there is to be had now; what cannot be had is said, in place of it. What is lacking."""
        self.lacking = []
        for node in self.cluster.nodes:
            self.attempt(f"node-{node.number}.log", lambda path, node=node: shutil.copy(node.log, path))
            self.attempt(f"node-{node.number}", lambda path, node=node: self.copy_partitions(node.folder, path))
        for topic in self.attempt("topics", self.list_topics) or []:
            for which in ("committed", "all"):
                self.attempt(f"{topic}.{which}.gz",
                             lambda path, topic=topic, which=which: self.read(topic, which, path))
        for job in jobs:
            self.attempt(f"{job.name}.offsets", lambda path, job=job: self.write(path, (
                {"topic": topic, "partition": partition, "offset": offset, "metadata": metadata}
                for topic in job.inputs
                for partition, (offset, metadata) in enumerate(self.cluster.offsets(job.name, topic)))))
            for verb in ("journal", "parked"):
                self.attempt(f"{job.name}.{verb}", lambda path, job=job, verb=verb: self.ask(job, verb, path))
        return self.lacking

    def attempt(self, name, keep):
        try:
            return keep(self.path(name))
        except (AssertionError, broker.BrokerError, OSError, subprocess.TimeoutExpired) as why:
            self.lacking.append(f"{name}: {why}")
            return None

    def list_topics(self, path):
        topics = self.cluster.topics()
        self.write(path, topics)
        return topics

    @staticmethod
    def copy_partitions(folder, path):
        for name in os.listdir(folder):
            files = [entry for entry in os.scandir(os.path.join(folder, name)) if entry.is_file()] \
                if os.path.isdir(os.path.join(folder, name)) else []
            if any(entry.name.endswith(".log") for entry in files) and \
                    sum(entry.stat().st_blocks * 512 for entry in files) <= MOST_LOG_BYTES:
                shutil.copytree(os.path.join(folder, name), os.path.join(path, name))

    @staticmethod
    def write(path, values):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(value) + "\n" for value in values)

    def read(self, topic, which, path):
        with gzip.open(path, "wb", compresslevel=1) as file, \
                subprocess.Popen([broker.TOPIC, self.cluster.brokers, "read", topic, which],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            shutil.copyfileobj(process.stdout, file)
        if process.returncode:
            raise broker.BrokerError(f"topic read ended with {process.returncode}")

    @staticmethod
    def ask(job, verb, path):
        ended = job.tool(verb)
        with open(path, "w", encoding="utf-8") as file:
            file.write(ended.out.decode(errors="replace") + ended.err)
