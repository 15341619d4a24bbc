// SPDX-License-Identifier: Apache-2.0
package weir.flink;

/** The protocol is broken, by the worker or by what would be sent to it. */
final class ProtocolException extends RuntimeException {
    ProtocolException(String message) {
        super(message);
    }
}
