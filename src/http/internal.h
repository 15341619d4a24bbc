/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the room share: the client, an exchange, its request and its answer. */
#ifndef WEIR__HTTP_INTERNAL_H
#define WEIR__HTTP_INTERNAL_H

#include <curl/curl.h>

#include "http/http.h"

enum {
    WEIR__HTTP_REDIRECTS = 10,
    /*
     * A connection idle for longer is not used again: a request that meets its closing is in doubt, and servers close
     * from 5 s on (Node, Apache; nginx 75 s).
     */
    WEIR__HTTP_IDLE_S = 4,
    WEIR__HTTP_HEADER_BYTES = 256 << 10, /* of all answers of one hop together: 1xx and trailers too */
    WEIR__HTTP_ORIGIN_BUCKETS = 256,
    WEIR__HTTP_SHARDS = 16,
};

/* ---- lists: an exchange is on exactly one ------------------------------------------------------------------------*/

typedef struct weir_http_link {
    struct weir_http_link *previous, *next;
} weir_http_link;

static inline void weir__http_link_init(weir_http_link *list)
{
    list->previous = list->next = list;
}

static inline void weir__http_link_remove(weir_http_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    weir__http_link_init(link);
}

/* As the last one; takes it off the list it was on. */
static inline void weir__http_link_append(weir_http_link *list, weir_http_link *link)
{
    weir__http_link_remove(link);
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

/* ---- request.c ---------------------------------------------------------------------------------------------------*/

typedef struct weir_http_request {
    char *method;
    char *url;
    char *origin;  /* "https://host:port", lower case, no user, no path: what messages show */
    bool is_named; /* the host is a name, not an address */
    struct curl_slist *headers; /* all; the private ones first */
    struct curl_slist *open;    /* the first that another origin may see; NULL: none */
    uint8_t *body;              /* NULL: none */
    size_t body_size;
} weir_http_request;

/**
 * Checks and copies a request, and fills in its secrets.
 *
 * @param request  zeroed; to be cleared on failure, too
 * @return WEIR_OK; WEIR_INVALID, WEIR_CONFIG: see weir_http_outcome (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__http_request_init(weir_http_request *request, const weir_http_exchange_options *options,
                                             weir_error *err);

/** Wipes and frees. */
void weir__http_request_clear(weir_http_request *request);

/** Whether a redirect of it is followed: GET and HEAD. */
bool weir__http_request_is_safe(const weir_http_request *request);

/**
 * Goes where a redirect points, relative to where it was; to another origin without what is private.
 *
 * @return WEIR_OK; WEIR_FAILED: it points at no URL, or at one that is not http or https (fix);
 *         WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__http_request_redirect(weir_http_request *request, const char *location, weir_error *err);

/** Whether it is the URL of a proxy. WEIR_OK or WEIR_CONFIG (fix), with no user or password in the message. */
WEIR_CHECK weir_code weir__http_proxy_check(const char *url, weir_error *err);

/* ---- answer.c ----------------------------------------------------------------------------------------------------*/

typedef struct weir_http_answer {
    weir_buffer lines;   /* "Name: value\n" of the last answer, unfolded */
    weir_buffer body;
    size_t header_bytes; /* of all answers so far */
    bool is_in_headers;
    bool is_headed;      /* the empty line that ends the headers came */
    enum weir_http_overflow {
        WEIR__HTTP_FITS,
        WEIR__HTTP_LARGE_BODY,
        WEIR__HTTP_LARGE_HEADERS,
        WEIR__HTTP_NO_ROOM /* the allocator gave nothing */
    } overflow;
} weir_http_answer;

void weir__http_answer_init(weir_http_answer *answer, size_t max_body_bytes);
void weir__http_answer_clear(weir_http_answer *answer);

/** Takes one line as curl hands it over, its end included. False: cut off, see `overflow`. */
bool weir__http_answer_add_line(weir_http_answer *answer, const char *line, size_t size);

/** Takes a piece of the decoded body. False: cut off, see `overflow`. */
bool weir__http_answer_add_body(weir_http_answer *answer, const void *data, size_t size);

/** The value of the first header of that name, lower case; data NULL: there is none. */
weir_bytes weir__http_answer_find(const weir_http_answer *answer, const char *name);

/** The headers as one JSON object, see weir_http_outcome. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__http_answer_print(const weir_http_answer *answer, weir_buffer *out);

/** Retry-After in milliseconds from `now_ms` (wall clock), 0 to an hour; -1: none that can be read. */
int64_t weir__http_answer_retry_after(const weir_http_answer *answer, int64_t now_ms);

/* ---- shards ------------------------------------------------------------------------------------------------------*/

/*
 * Curl walks over all connections of a multi handle each time an exchange ends, and closes all that are too old at
 * once (7.88.1: curl_multi_remove_handle(), prune_dead_connections()). Several handles share the crowd.
 */
typedef struct weir_http_shard {
    weir_http_client *client;
    CURLM *multi;
    int64_t due_ms; /* when curl wants to be called; INT64_MAX: not */
} weir_http_shard;

/* ---- origins.c ---------------------------------------------------------------------------------------------------*/

typedef struct weir_http_origin {
    struct weir_http_origin *next; /* in its bucket */
    uint64_t hash;
    size_t users;                  /* exchanges that hold it */
    int64_t known_until_ms;        /* curl has its addresses at hand that long */
    weir_http_exchange *leader;    /* who is looking its name up; NULL: nobody */
    size_t idle[WEIR__HTTP_SHARDS]; /* connections of a shard that may be idle; the others surely are not */
    int64_t idle_until_ms;         /* from then on none is */
    char text[];                   /* "https://host:port" */
} weir_http_origin;

/** The origin of that name, held by one more exchange; NULL: no memory. */
weir_http_origin *weir__http_origin_retain(weir_http_client *client, const char *text);

/** Gives up the exchange's hold, and its lead. Accepts one that holds none. */
void weir__http_origin_release(weir_http_exchange *exchange);

/** Frees all; nobody holds one any more. */
void weir__http_origins_clear(weir_http_client *client);

/** Whether the exchange may go: its name is known, or it leads from now on. */
bool weir__http_origin_admits(weir_http_exchange *exchange, int64_t now_ms);

/** The exchange has opened a socket: curl has the addresses now. */
void weir__http_origin_looked_up(weir_http_exchange *exchange);

/** Finds a shard in which curl should look for an idle connection; one less is idle then. False: there is none. */
bool weir__http_origin_take_idle(weir_http_exchange *exchange, int64_t now_ms, weir_http_shard **shard);

/** The exchange has its answer: its connection may be idle now. */
void weir__http_origin_give_idle(weir_http_exchange *exchange);

/* ---- the client and an exchange ----------------------------------------------------------------------------------*/

struct weir_http_exchange {
    weir_http_link link; /* first: a link is cast to its exchange */
    weir_http_client *client;
    CURL *easy;           /* NULL: not with curl */
    weir_http_shard *shard; /* where it is with curl, or was last */
    weir_http_request request;
    weir_http_answer answer;
    weir_http_origin *origin; /* NULL: it has ended */
    int64_t deadline_ms;  /* monotonic */
    int redirects;
    bool is_asked;        /* from now on bytes of the request may have left */
    bool is_repeated;     /* curl wanted to send it again; it was kept from it */
    int socket_error;     /* errno of a socket that could not be had; 0: none */
    weir_code code;       /* of the outcome, once it ended */
    int status;
    weir_error error;
    char curl_text[CURL_ERROR_SIZE];
    void (*done)(void *context, const weir_http_outcome *outcome);
    void *context;
};

struct weir_http_client {
    weir_http_shard shards[WEIR__HTTP_SHARDS];
    size_t shard_count; /* 1 where few connections are to be kept */
    size_t next_shard;  /* for the next new connection */
    CURLSH *share;      /* the cache of addresses is one */
    int epoll_fd;
    int timer_fd;
    char *proxy; /* NULL: none */
    bool is_proxy_env;
    char *ca_file;
    char *user_agent;
    size_t max_connections;
    int64_t connect_timeout_ms;

    weir_http_link waiting; /* for their turn, or for their name */
    weir_http_link running; /* with curl */
    weir_http_link ended;   /* to be told */
    weir_http_link telling; /* being told in this drive */
    size_t count;           /* of all four */
    size_t most;            /* running at once, ever */
    size_t running_count;
    bool is_admission_due;  /* a look at `waiting` may find somebody who can go */
    int64_t waiting_until_ms; /* no one in `waiting` ends before; INT64_MAX: nobody waits */

    weir_http_origin *origins[WEIR__HTTP_ORIGIN_BUCKETS];
    uint64_t seed;
    size_t leaders;

    CURL **spare; /* easy handles, to be used again */
    size_t spare_count;

    int64_t armed_for_ms; /* what the timer stands at; INT64_MAX: nothing */
};

/* ---- exchange.c --------------------------------------------------------------------------------------------------*/

/** Hands it to curl. It is in `running` afterwards, or in `ended`. */
void weir__http_exchange_begin(weir_http_exchange *exchange, int64_t now_ms);

/** Curl is done with it: it waits again (a redirect), or has ended. */
void weir__http_exchange_over(weir_http_exchange *exchange, CURLcode result);

/** Takes it away from curl, if it is there; it stays in its list. */
void weir__http_exchange_detach(weir_http_exchange *exchange);

/** Ends it with an error, its place put before it. */
void weir__http_exchange_fail(weir_http_exchange *exchange, const weir_error *cause);

/** Frees it; it is on no list afterwards. */
void weir__http_exchange_free(weir_http_exchange *exchange);

/** WEIR_UNKNOWN when the request may have reached the other side, else WEIR_NOT_DONE. */
weir_code weir__http_exchange_doubt(const weir_http_exchange *exchange);

/* ---- fault.c -----------------------------------------------------------------------------------------------------*/

/** What curl's failure means; reads curl's handle, so it is called before that is let go. */
weir_code weir__http_fault(const weir_http_exchange *exchange, CURLcode result, weir_error *err);

/* ---- client.c ----------------------------------------------------------------------------------------------------*/

/** As many connections are kept as have been needed at once, unless the client's options say how many. */
void weir__http_client_keep(weir_http_client *client);

/** An easy handle without options, or NULL. */
CURL *weir__http_client_take_handle(weir_http_client *client);

/** Keeps it for another exchange, or frees it. */
void weir__http_client_give_handle(weir_http_client *client, CURL *easy);

/** The timer stands at the next thing to do. */
void weir__http_client_arm(weir_http_client *client);

#endif
