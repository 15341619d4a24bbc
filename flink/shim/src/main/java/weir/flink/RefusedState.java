// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import org.apache.flink.runtime.throwable.ThrowableAnnotation;
import org.apache.flink.runtime.throwable.ThrowableType;

/** State that this job may not go on from; it would not be otherwise after a restart, so Flink makes none. */
@ThrowableAnnotation(ThrowableType.NonRecoverableError)
final class RefusedState extends IllegalStateException {
    private static final long serialVersionUID = 1;

    RefusedState(String message) {
        super(message);
    }
}
