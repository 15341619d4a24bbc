// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Uuid;

/** The ids of topics, which the cluster knows: a topic that is made anew has another. */
final class TopicIds {
    private TopicIds() {
    }

    /** By name, as Kafka prints them: base64 for URLs, without padding. */
    static Map<String, String> ask(Properties properties, List<String> topics) throws java.io.IOException {
        Map<String, String> ids = new TreeMap<>();
        Thread thread = Thread.currentThread();
        ClassLoader former = thread.getContextClassLoader();

        /* The client looks its own classes up by the thread's loader. */
        thread.setContextClassLoader(TopicIds.class.getClassLoader());
        try (Admin admin = Admin.create(properties)) {
            for (Map.Entry<String, TopicDescription> topic : admin.describeTopics(topics).allTopicNames().get()
                .entrySet()) {
                Uuid id = topic.getValue().topicId();

                if (id == null || id.equals(Uuid.ZERO_UUID)) {
                    throw new java.io.IOException("topic '" + topic.getKey()
                        + "' has no id: brokers of Kafka 2.8 or later give one");
                }
                ids.put(topic.getKey(), id.toString());
            }
        } catch (ExecutionException e) {
            throw new java.io.IOException("topics " + topics + " cannot be described: " + e.getCause().getMessage()
                + "; are kafka.bootstrap.servers and input.topics right?", e.getCause());
        } catch (InterruptedException e) {
            thread.interrupt();
            throw new java.io.IOException("interrupted while topics were described", e);
        } finally {
            thread.setContextClassLoader(former);
        }
        return ids;
    }
}
