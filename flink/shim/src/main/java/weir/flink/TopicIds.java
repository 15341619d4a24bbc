// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Uuid;

/** What the cluster says of topics: their ids, as a topic that is made anew has another, and their sizes. */
final class TopicIds {
    private final Map<String, String> ids = new TreeMap<>();
    private final Map<String, Integer> partitions = new TreeMap<>();

    TopicIds() {
    }

    static TopicIds ask(Properties properties, List<String> topics) throws IOException {
        TopicIds found = new TopicIds();
        Thread thread = Thread.currentThread();
        ClassLoader former = thread.getContextClassLoader();

        /* The client looks its own classes up by the thread's loader. */
        thread.setContextClassLoader(TopicIds.class.getClassLoader());
        try (Admin admin = Admin.create(properties)) {
            for (Map.Entry<String, TopicDescription> topic : admin.describeTopics(topics).allTopicNames().get()
                .entrySet()) {
                Uuid id = topic.getValue().topicId();

                if (id == null || id.equals(Uuid.ZERO_UUID)) {
                    throw new IOException("topic '" + topic.getKey()
                        + "' has no id: brokers of Kafka 2.8 or later give one");
                }
                found.add(topic.getKey(), id.toString(), topic.getValue().partitions().size());
            }
        } catch (ExecutionException e) {
            throw new IOException("topics " + topics + " cannot be described: " + e.getCause().getMessage()
                + "; are kafka.bootstrap.servers and input.topics right?", e.getCause());
        } catch (InterruptedException e) {
            thread.interrupt();
            throw new IOException("interrupted while topics were described", e);
        } finally {
            thread.setContextClassLoader(former);
        }
        return found;
    }

    TopicIds add(String topic, String id, int count) {
        ids.put(topic, id);
        partitions.put(topic, count);
        return this;
    }

    /** As Kafka prints it: base64 for URLs, without padding. Null: that topic was not asked for. */
    String id(String topic) {
        return ids.get(topic);
    }

    int partitions(String topic) {
        return partitions.get(topic);
    }
}
