/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure of curl means for the one who asked: surely not done, or perhaps. */
#include "http/internal.h"

#include <string.h>

weir_code weir__http_exchange_doubt(const weir_http_exchange *exchange)
{
    return exchange->is_asked || exchange->redirects > 0 ? WEIR_UNKNOWN : WEIR_NOT_DONE;
}

/* Curl's own words, where they say more than its number does; they hold neither URL nor header. */
static const char *words(const weir_http_exchange *exchange, CURLcode result)
{
    return exchange->curl_text[0] ? exchange->curl_text : curl_easy_strerror(result);
}

static weir_code fail(weir_error *err, weir_code code, CURLcode result, const char *what, const char *why)
{
    weir_remedy remedy = code == WEIR_NOT_DONE || code == WEIR_UNKNOWN ? WEIR_REMEDY_RETRY : WEIR_REMEDY_FIX;

    return weir__fail_from(err, code, remedy, "http", (int)result, "%s%s%s", what, *why ? ": " : "", why);
}

static weir_code fail_connect(const weir_http_exchange *exchange, weir_code code, CURLcode result, weir_error *err)
{
    char text[128];
    long number = 0;

    if (exchange->socket_error)
        return fail(err, code, result, "no socket (ulimit -n says how many there may be)",
                    strerror_r(exchange->socket_error, text, sizeof text));
    if (curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number)
        return fail(err, code, result, "cannot connect", strerror_r((int)number, text, sizeof text));
    return fail(err, code, result, "cannot connect", "");
}

static weir_code fail_timeout(const weir_http_exchange *exchange, weir_code code, CURLcode result, weir_error *err)
{
    const char *when = !exchange->is_asked              ? "before there was a connection"
                       : !exchange->answer.header_bytes ? "before an answer came"
                                                        : "before the answer was whole";

    return weir__fail_from(err, code, WEIR_REMEDY_RETRY, "http", (int)result, "timed out %s", when);
}

static weir_code fail_cut(const weir_http_exchange *exchange, weir_code code, CURLcode result, weir_error *err)
{
    const weir_http_answer *answer = &exchange->answer;

    if (!exchange->is_asked)
        return fail(err, code, result, "the connection was cut off before the request", "");
    if (!answer->header_bytes)
        return fail(err, code, result, "the connection was cut off before an answer came", "");
    if (!answer->is_headed)
        return fail(err, code, result, "the answer was cut off within its headers", "");
    return weir__fail_from(err, code, WEIR_REMEDY_RETRY, "http", (int)result,
                           "the answer was cut off after %zu bytes of its body", answer->body.size);
}

static weir_code fail_overflow(const weir_http_exchange *exchange, CURLcode result, weir_error *err)
{
    if (exchange->answer.overflow == WEIR__HTTP_NO_ROOM)
        return weir__fail_memory(err, "an answer");
    if (exchange->answer.overflow == WEIR__HTTP_LARGE_HEADERS)
        return weir__fail_from(err, WEIR_FAILED, WEIR_REMEDY_FIX, "http", (int)result,
                               "the answer's headers are over %d KiB", WEIR__HTTP_HEADER_BYTES / 1024);
    return weir__fail_from(err, WEIR_FAILED, WEIR_REMEDY_FIX, "http", (int)result,
                           "the answer's body is over %zu bytes", exchange->answer.body.maximum);
}

weir_code weir__http_fault(const weir_http_exchange *exchange, CURLcode result, weir_error *err)
{
    weir_code code = weir__http_exchange_doubt(exchange);

    if (exchange->answer.overflow != WEIR__HTTP_FITS)
        return fail_overflow(exchange, result, err);
    if (exchange->is_repeated)
        return fail(err, code, result, "the connection, kept from before, was cut off before an answer came", "");
    switch (result) { /* curl's enum, and one that grows */
    case CURLE_OK: /* the connection ended, and curl takes headers that do not end for all there are */
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return fail_cut(exchange, code, result, err);
    case CURLE_OUT_OF_MEMORY:
        /* Curl calls it so, too, when a line is over 100 KB: no server may make the process stop. */
        if (exchange->is_asked)
            return fail(err, code, result, "the answer has a header line that is too long, or there was no memory", "");
        return weir__fail_memory(err, "an exchange");
    case CURLE_URL_MALFORMAT:
        return fail(err, exchange->redirects ? WEIR_FAILED : WEIR_INVALID, result, "no URL", "");
    case CURLE_COULDNT_RESOLVE_HOST:
        return fail(err, code, result, "its name has no address, or nobody who knows it answers", "");
    case CURLE_COULDNT_RESOLVE_PROXY: /* curl's words may hold the proxy's password */
        return fail(err, code, result, "the proxy has no address", "");
    case CURLE_COULDNT_CONNECT:
        return fail_connect(exchange, code, result, err);
    case CURLE_OPERATION_TIMEDOUT:
        return fail_timeout(exchange, code, result, err);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return fail(err, code, result, "TLS", words(exchange, result));
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
        return fail(err, code, result, "the answer is not HTTP", words(exchange, result));
    case CURLE_BAD_CONTENT_ENCODING:
        return fail(err, code, result, "the answer's body cannot be decoded", "");
    default:
        return fail(err, code, result, curl_easy_strerror(result), "");
    }
}
