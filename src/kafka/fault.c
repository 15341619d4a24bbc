/* SPDX-License-Identifier: Apache-2.0 */
/* What librdkafka's and the brokers' errors mean for the owner of a client. Transactions are judged in producer.c. */
#include "kafka/internal.h"

#include <stdarg.h>
#include <stdio.h>

weir_kafka_fault weir__kafka_fault(rd_kafka_resp_err_t code)
{
    switch ((int)code) { /* only some of a long and growing list are ours to know */
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return WEIR__KAFKA_UNAUTHORIZED;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
        return WEIR__KAFKA_REFUSED;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
        return WEIR__KAFKA_TAKEN;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return WEIR__KAFKA_GAP;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
        return WEIR__KAFKA_OVERSIZE;
    default:
        return WEIR__KAFKA_PASSING;
    }
}

weir_code weir__kafka_fail(weir_error *err, rd_kafka_resp_err_t code, const char *text, const char *grant,
                           const char *format, ...)
{
    char what[160];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments); /* cut: it is for people */
    va_end(arguments);
    weir__text_trim(what);
    if (!text || !*text)
        text = rd_kafka_err2str(code);
    switch (weir__kafka_fault(code)) {
    case WEIR__KAFKA_PASSING:
        break;
    case WEIR__KAFKA_UNAUTHORIZED:
        if (grant)
            return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "%s: %s; grant %s", what, text,
                                   grant);
        return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "%s: %s", what, text);
    case WEIR__KAFKA_REFUSED:
        return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "%s: %s", what, text);
    case WEIR__KAFKA_TAKEN:
        return weir__fail_from(err, WEIR_FENCED, WEIR_REMEDY_STOP, "kafka", (int)code, "%s: %s", what, text);
    case WEIR__KAFKA_GAP:
        return weir__fail_from(err, WEIR_UNKNOWN, WEIR_REMEDY_FIX, "kafka", (int)code, "%s: %s", what, text);
    case WEIR__KAFKA_OVERSIZE:
        return weir__fail_from(err, WEIR_LIMIT, WEIR_REMEDY_FIX, "kafka", (int)code,
                               "%s: %s; raise the topic's max.message.bytes and kafka.message.max.bytes", what, text);
    }
    return weir__fail_from(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "kafka", (int)code, "%s: %s", what, text);
}
