// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Makes a {@link KeyOperator}. */
final class KeyOperatorFactory extends AbstractStreamOperatorFactory<Input>
    implements OneInputStreamOperatorFactory<Input, Input> {
    private static final long serialVersionUID = 1;
    private final JobFiles files;
    private final Settings settings;

    KeyOperatorFactory(JobFiles files, Settings settings) {
        this.files = files;
        this.settings = settings;
        setChainingStrategy(ChainingStrategy.ALWAYS);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<Input>> T createStreamOperator(
        StreamOperatorParameters<Input> parameters) {
        KeyOperator operator = new KeyOperator(files, settings, parameters.getMailboxExecutor());

        operator.begin(parameters);
        return (T) operator;
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
        return KeyOperator.class;
    }
}
