/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of server.c where libmicrohttpd is missing: there is never a server. */
#include "status/status.h"

weir_code weir__status_open(const weir_status_options *options, weir_status_server **out, weir_error *err)
{
    *out = NULL;
    return !options->listen ? WEIR_OK
                            : weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                                         "status.listen: this build has no status endpoint; leave it out, or build "
                                         "weir with libmicrohttpd");
}

void weir__status_close(weir_status_server *server)
{
    (void)server;
}

int weir__status_port(const weir_status_server *server)
{
    (void)server;
    return 0;
}

bool weir__status_is_due(const weir_status_server *server, size_t thread, int64_t now_ms)
{
    (void)server;
    (void)thread;
    (void)now_ms;
    return false;
}

void weir__status_publish(weir_status_server *server, size_t thread, const weir_status_thread *part, int64_t now_ms)
{
    (void)server;
    (void)thread;
    (void)part;
    (void)now_ms;
}

void weir__status_beat(weir_status_server *server, size_t thread, int64_t now_ms)
{
    (void)server;
    (void)thread;
    (void)now_ms;
}
