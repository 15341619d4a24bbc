// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** Where outputs go when there is no topic for them: the first one fails the job, as on the Kafka host. */
final class NoOutputs implements Sink<WeirOutput> {
    private static final long serialVersionUID = 1;

    private static final class Writer implements SinkWriter<WeirOutput> {
        @Override
        public void write(WeirOutput output, Context context) throws IOException {
            throw new IOException("the job sends outputs, but output.topic names no topic; set it (WEIR_CONFIG)");
        }

        @Override
        public void flush(boolean isEnd) {
        }

        @Override
        public void close() {
        }
    }

    /* 1.20 asks in this way, too. */
    @Deprecated
    public SinkWriter<WeirOutput> createWriter(InitContext context) {
        return new Writer();
    }

    @Override
    public SinkWriter<WeirOutput> createWriter(WriterInitContext context) {
        return new Writer();
    }
}
