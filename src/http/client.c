/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client: curl's sockets and its timer behind one epoll descriptor, and drive, which moves a bounded piece of what
 * can be moved, so that the thread's other work goes on between.
 */
#include "http/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"

/* Of one drive: sockets served, exchanges handed to curl. Easy handles that are kept. */
enum { EVENTS_A_DRIVE = 16, STARTS_A_DRIVE = 16, SPARE_MAXIMUM = 256 };

static int64_t now_ms(void)
{
    return weir__clock_monotonic_ms(weir__clock_system());
}

/* ---- what curl calls ---------------------------------------------------------------------------------------------*/

/* A socket with its shard, as it stands in the epoll set. */
static uint64_t watched(const weir_http_client *client, const weir_http_shard *shard, int fd)
{
    return (uint64_t)(shard - client->shards) << 32 | (uint32_t)fd;
}

/* `mark` is what was set for this socket: not NULL once it is in the epoll set. */
static int on_watch(CURL *easy, curl_socket_t fd, int what, void *context, void *mark)
{
    weir_http_shard *shard = context;
    weir_http_client *client = shard->client;
    struct epoll_event event = { .data.u64 = watched(client, shard, fd) };

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        /* It may be closed already, and then the kernel has taken it out. */
        (void)epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(client->epoll_fd, mark ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0 ||
        (errno == EEXIST && epoll_ctl(client->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0) ||
        (errno == ENOENT && epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0))
        return curl_multi_assign(shard->multi, fd, shard) == CURLM_OK ? 0 : -1;
    return -1; /* no room in the kernel: curl fails all that is under way */
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    weir_http_shard *shard = context;

    (void)multi;
    shard->due_ms = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
    return 0;
}

/* ---- life --------------------------------------------------------------------------------------------------------*/

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode once_result = CURLE_FAILED_INIT;

static void init_curl(void)
{
    once_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Each exchange under way holds a socket; the hard limit is what the machine's owner allows. */
static void raise_sockets(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* else fewer at once: each that finds none says so */
    }
}

static weir_code check_ca_file(const char *path, weir_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char byte;
    ssize_t size = fd < 0 ? -1 : read(fd, &byte, 1);
    int number = errno;

    if (fd >= 0)
        (void)close(fd); /* only read from */
    if (size < 0)
        return weir__fail_from(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "errno", number, "CA file '%.120s': %s", path,
                               strerror(number));
    if (size == 0)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "CA file '%.120s' is empty", path);
    return WEIR_OK;
}

static weir_code copy(const char *text, char **out, weir_error *err)
{
    *out = strdup(text);
    return *out ? WEIR_OK : weir__fail_memory(err, "an HTTP client");
}

static weir_code take_options(weir_http_client *client, const weir_http_client_options *options, weir_error *err)
{
    weir_code rc = copy(options->user_agent ? options->user_agent : "weir/" PACKAGE_VERSION, &client->user_agent, err);

    client->max_connections = options->max_connections;
    client->connect_timeout_ms = options->connect_timeout_ms;
    client->is_proxy_env = options->proxy && strcmp(options->proxy, "env") == 0;
    if (rc == WEIR_OK && options->proxy && !client->is_proxy_env) {
        rc = weir__http_proxy_check(options->proxy, err);
        if (rc == WEIR_OK)
            rc = copy(options->proxy, &client->proxy, err);
    }
    if (rc == WEIR_OK && options->ca_file) {
        rc = check_ca_file(options->ca_file, err);
        if (rc == WEIR_OK)
            rc = copy(options->ca_file, &client->ca_file, err);
    }
    return rc;
}

static weir_code open_descriptors(weir_http_client *client, weir_error *err)
{
    struct epoll_event event = { .events = EPOLLIN };

    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (client->epoll_fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "no epoll descriptor for HTTP");
    client->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC); /* the clock port's clock */
    event.data.u64 = (uint32_t)client->timer_fd;
    if (client->timer_fd < 0 || epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->timer_fd, &event) != 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "no timer for HTTP");
    return WEIR_OK;
}

/* Opens a shard's multi handle in place of the old one, which has nothing in it. */
static weir_code open_multi(weir_http_shard *shard, weir_error *err)
{
    CURLM *multi = curl_multi_init();

    if (!multi || curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_watch) ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, shard) ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, shard) ||
        curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING)) {
        if (multi)
            (void)curl_multi_cleanup(multi); /* nothing is in it, so nothing can fail */
        return weir__fail_memory(err, "curl");
    }
    if (shard->multi)
        (void)curl_multi_cleanup(shard->multi); /* likewise */
    shard->multi = multi;
    shard->due_ms = INT64_MAX;
    return WEIR_OK;
}

void weir__http_client_keep(weir_http_client *client)
{
    size_t kept = client->max_connections ? client->max_connections : client->most;

    /* A shard may have a few more than its part. */
    if (client->shard_count > 1)
        kept = kept / client->shard_count + (client->max_connections ? 1 : 4);
    /* Fails for no number; curl's own default forgets connections as soon as fewer are under way. */
    for (size_t i = 0; i < client->shard_count; i++)
        (void)curl_multi_setopt(client->shards[i].multi, CURLMOPT_MAXCONNECTS, kept > INT_MAX ? INT_MAX : (long)kept);
}

static weir_code open_curl(weir_http_client *client, size_t max_connections, weir_error *err)
{
    weir_code rc = WEIR_OK;

    if (pthread_once(&once, init_curl) != 0 || once_result != CURLE_OK)
        return weir__fail_memory(err, "curl");
    client->share = curl_share_init();
    /* No locks: all of it belongs to one thread. */
    if (!client->share || curl_share_setopt(client->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS))
        return weir__fail_memory(err, "curl");
    client->shard_count = max_connections && max_connections < 16 * WEIR__HTTP_SHARDS ? 1 : WEIR__HTTP_SHARDS;
    for (size_t i = 0; i < client->shard_count && rc == WEIR_OK; i++) {
        client->shards[i].client = client;
        rc = open_multi(&client->shards[i], err);
    }
    return rc;
}

weir_code weir__http_client_new(const weir_http_client_options *options, weir_http_client **out, weir_error *err)
{
    weir_http_client *client = calloc(1, sizeof *client);
    weir_code rc;

    if (!client)
        return weir__fail_memory(err, "an HTTP client");
    client->epoll_fd = client->timer_fd = -1;
    client->seed = weir__hash_seed();
    client->armed_for_ms = client->waiting_until_ms = INT64_MAX;
    weir__http_link_init(&client->waiting);
    weir__http_link_init(&client->running);
    weir__http_link_init(&client->ended);
    weir__http_link_init(&client->telling);
    raise_sockets();
    rc = open_curl(client, options->max_connections, err); /* first: what reads URLs is curl, too */
    if (rc == WEIR_OK)
        rc = take_options(client, options, err);
    if (rc == WEIR_OK)
        weir__http_client_keep(client);
    if (rc == WEIR_OK)
        rc = open_descriptors(client, err);
    if (rc == WEIR_OK) {
        client->spare = calloc(SPARE_MAXIMUM, sizeof *client->spare);
        if (!client->spare)
            rc = weir__fail_memory(err, "an HTTP client");
    }
    if (rc != WEIR_OK)
        goto out;
    *out = client;
    client = NULL; /* the caller's now */
out:
    weir__http_client_free(client);
    if (rc != WEIR_OK)
        weir__error_context(err, "http");
    return rc;
}

static void free_list(weir_http_link *list)
{
    while (list->next != list)
        weir__http_exchange_free((weir_http_exchange *)list->next);
}

void weir__http_client_free(weir_http_client *client)
{
    if (!client)
        return;
    free_list(&client->waiting);
    free_list(&client->running);
    free_list(&client->ended);
    free_list(&client->telling);
    weir__http_origins_clear(client);
    while (client->spare_count > 0)
        curl_easy_cleanup(client->spare[--client->spare_count]);
    for (size_t i = 0; i < client->shard_count; i++) {
        if (client->shards[i].multi)
            (void)curl_multi_cleanup(client->shards[i].multi); /* nothing is in it, so nothing can fail */
    }
    if (client->share)
        (void)curl_share_cleanup(client->share); /* nobody uses it any more */
    if (client->timer_fd >= 0)
        (void)close(client->timer_fd);
    if (client->epoll_fd >= 0)
        (void)close(client->epoll_fd);
    free(client->spare);
    free(client->proxy);
    free(client->ca_file);
    free(client->user_agent);
    free(client);
}

int weir__http_client_fd(const weir_http_client *client)
{
    return client->epoll_fd;
}

bool weir__http_client_is_busy(const weir_http_client *client)
{
    return client->count > 0;
}

CURL *weir__http_client_take_handle(weir_http_client *client)
{
    return client->spare_count > 0 ? client->spare[--client->spare_count] : curl_easy_init();
}

void weir__http_client_give_handle(weir_http_client *client, CURL *easy)
{
    if (!easy)
        return;
    if (client->spare_count == SPARE_MAXIMUM) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy); /* drops what points into the exchange; keeps TLS sessions */
    client->spare[client->spare_count++] = easy;
}

/* ---- drive -------------------------------------------------------------------------------------------------------*/

void weir__http_client_arm(weir_http_client *client)
{
    int64_t due_ms = client->waiting_until_ms;
    struct itimerspec when = { 0 };

    for (size_t i = 0; i < client->shard_count; i++) {
        if (client->shards[i].due_ms < due_ms)
            due_ms = client->shards[i].due_ms;
    }
    if (client->ended.next != &client->ended || client->is_admission_due)
        due_ms = 0;
    if (due_ms == client->armed_for_ms)
        return;
    client->armed_for_ms = due_ms;
    if (due_ms < 1)
        when.it_value.tv_nsec = 1; /* long past: readable at once; 0 would disarm it */
    else if (due_ms != INT64_MAX) {
        when.it_value.tv_sec = (time_t)(due_ms / 1000);
        when.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000 + 1;
    }
    (void)timerfd_settime(client->timer_fd, TFD_TIMER_ABSTIME, &when, NULL); /* fails for a wrong argument alone */
}

/*
 * Curl's loop is broken (no room in the kernel's epoll set, no memory) and stays so: nothing under way can go on, and
 * what comes next goes through a new one.
 */
static void fail_running(weir_http_shard *shard, CURLMcode result)
{
    weir_http_link *list = &shard->client->running;

    for (weir_http_link *at = list->next, *next; at != list; at = next) {
        weir_http_exchange *exchange = (weir_http_exchange *)at;
        weir_error cause = { 0 };

        next = at->next;
        if (exchange->shard != shard)
            continue;
        (void)weir__fail_from(&cause, weir__http_exchange_doubt(exchange), WEIR_REMEDY_RETRY, "http", (int)result,
                              "%s", curl_multi_strerror(result)); /* the code is in the cause */
        weir__http_exchange_detach(exchange);
        weir__http_exchange_fail(exchange, &cause);
    }
    if (open_multi(shard, NULL) == WEIR_OK) /* else the old one stays, and all that is started there fails */
        weir__http_client_keep(shard->client);
}

static void tell_curl(weir_http_shard *shard, curl_socket_t fd, int what)
{
    int running;
    CURLMcode result = curl_multi_socket_action(shard->multi, fd, what, &running);

    if (result != CURLM_OK)
        fail_running(shard, result);
}

static void serve_sockets(weir_http_client *client)
{
    struct epoll_event events[EVENTS_A_DRIVE];
    int count = epoll_wait(client->epoll_fd, events, EVENTS_A_DRIVE, 0);

    for (int i = 0; i < count; i++) {
        uint32_t what = events[i].events;
        int fd = (int)(uint32_t)events[i].data.u64;

        if (fd == client->timer_fd)
            continue; /* what is due is looked up by the clock */
        /* 0: curl looks for itself; told of an error alone it would not read what came before it. */
        tell_curl(&client->shards[events[i].data.u64 >> 32], fd,
                  what & (EPOLLERR | EPOLLHUP) ? 0 : (what & EPOLLIN ? CURL_CSELECT_IN : 0) |
                                                        (what & EPOLLOUT ? CURL_CSELECT_OUT : 0));
    }
    for (size_t i = 0; i < client->shard_count; i++) {
        weir_http_shard *shard = &client->shards[i];

        if (shard->due_ms > now_ms())
            continue;
        shard->due_ms = INT64_MAX; /* curl sets it again, or has nothing to wait for */
        tell_curl(shard, CURL_SOCKET_TIMEOUT, 0);
    }
}

static void collect(const weir_http_shard *shard)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(shard->multi, &left))) {
        CURLcode result = message->data.result; /* the message goes with the handle */
        char *exchange = NULL;

        if (message->msg == CURLMSG_DONE && !curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange))
            weir__http_exchange_over((weir_http_exchange *)(void *)exchange, result);
    }
}

static void expire(weir_http_client *client)
{
    weir_http_link *list = &client->waiting;
    int64_t now = now_ms();

    if (client->waiting_until_ms > now)
        return;
    client->waiting_until_ms = INT64_MAX;
    for (weir_http_link *at = list->next, *next; at != list; at = next) {
        weir_http_exchange *exchange = (weir_http_exchange *)at;
        weir_error cause = { 0 };

        next = at->next;
        if (exchange->deadline_ms > now) {
            if (exchange->deadline_ms < client->waiting_until_ms)
                client->waiting_until_ms = exchange->deadline_ms;
            continue;
        }
        (void)weir__fail_from(&cause, weir__http_exchange_doubt(exchange), WEIR_REMEDY_RETRY, "http",
                              CURLE_OPERATION_TIMEDOUT, "timed out before there was a connection");
        weir__http_exchange_fail(exchange, &cause);
    }
}

static void admit(weir_http_client *client)
{
    weir_http_link *list = &client->waiting;
    int64_t now = now_ms();
    int started = 0;

    if (!client->is_admission_due)
        return;
    client->is_admission_due = false;
    for (weir_http_link *at = list->next, *next; at != list; at = next) {
        weir_http_exchange *exchange = (weir_http_exchange *)at;

        next = at->next;
        if (started == STARTS_A_DRIVE) {
            client->is_admission_due = true;
            return;
        }
        if (weir__http_origin_admits(exchange, now)) {
            weir__http_exchange_begin(exchange, now);
            started++;
        }
    }
    if (list->next == list)
        client->waiting_until_ms = INT64_MAX;
}

static void tell(weir_http_exchange *exchange)
{
    const weir_http_answer *answer = &exchange->answer;
    weir_http_outcome outcome = { .code = exchange->code, .status = exchange->status, .retry_after_ms = -1 };
    weir_buffer headers;

    weir__buffer_init(&headers, SIZE_MAX);
    if (outcome.code == WEIR_OK && weir__http_answer_print(answer, &headers) != WEIR_OK)
        outcome.code = weir__fail_memory(&exchange->error, "an answer's headers");
    outcome.error = exchange->error;
    outcome.headers = weir__bytes(NULL, 0);
    outcome.body = weir__bytes(NULL, 0);
    if (outcome.code == WEIR_OK) {
        outcome.headers = weir__buffer_bytes(&headers);
        outcome.body = weir__buffer_bytes(&answer->body);
    }
    if (answer->is_headed)
        outcome.retry_after_ms =
            weir__http_answer_retry_after(answer, weir__clock_wall_ms(weir__clock_system()));
    exchange->done(exchange->context, &outcome);
    weir__buffer_clear(&headers);
    weir__http_exchange_free(exchange);
}

/* Those that have ended by now: what is started in `done` and ends at once is told by the next drive. */
static void tell_ended(weir_http_client *client)
{
    while (client->ended.next != &client->ended)
        weir__http_link_append(&client->telling, client->ended.next);
    while (client->telling.next != &client->telling)
        tell((weir_http_exchange *)client->telling.next);
}

void weir__http_client_drive(weir_http_client *client)
{
    expire(client);
    admit(client);
    serve_sockets(client);
    for (size_t i = 0; i < client->shard_count; i++)
        collect(&client->shards[i]);
    tell_ended(client);
    weir__http_client_arm(client);
}
