// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Makes an {@link AgentOperator}; a factory, since only a factory is given the mailbox on both versions of Flink. */
final class AgentOperatorFactory extends AbstractStreamOperatorFactory<WeirOutput>
    implements OneInputStreamOperatorFactory<Input, WeirOutput> {
    private static final long serialVersionUID = 1;
    private final JobFiles files;
    private final Settings settings;

    AgentOperatorFactory(JobFiles files, Settings settings) {
        this.files = files;
        this.settings = settings;
        setChainingStrategy(ChainingStrategy.ALWAYS);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends StreamOperator<WeirOutput>> T createStreamOperator(
        StreamOperatorParameters<WeirOutput> parameters) {
        AgentOperator operator = new AgentOperator(files, settings, parameters.getMailboxExecutor());

        operator.begin(parameters);
        return (T) operator;
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
        return AgentOperator.class;
    }
}
