// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.Serializable;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/**
 * Makes an operator that has a worker, an {@link AgentOperator} or a {@link KeyOperator}; a factory, since only a
 * factory is given the mailbox on both versions of Flink.
 *
 * @param <T> what the operator emits
 */
final class WorkerOperatorFactory<T> extends AbstractStreamOperatorFactory<T>
    implements OneInputStreamOperatorFactory<Input, T> {
    private static final long serialVersionUID = 1;

    /** @param <T> what the operator emits */
    interface Maker<T> extends Serializable {
        StreamOperator<T> make(JobFiles files, Settings settings, StreamOperatorParameters<T> parameters);
    }

    private final Class<? extends StreamOperator<T>> type;
    private final Maker<T> maker;
    private final JobFiles files;
    private final Settings settings;

    WorkerOperatorFactory(Class<? extends StreamOperator<T>> type, Maker<T> maker, JobFiles files, Settings settings) {
        this.type = type;
        this.maker = maker;
        this.files = files;
        this.settings = settings;
        setChainingStrategy(ChainingStrategy.ALWAYS);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <O extends StreamOperator<T>> O createStreamOperator(StreamOperatorParameters<T> parameters) {
        return (O) maker.make(files, settings, parameters);
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
        return type;
    }
}
