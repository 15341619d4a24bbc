/* temporary */
#include "http/http.h"
weir_code weir__http_client_new(const weir_http_client_options *o, weir_http_client **out, weir_error *err){(void)o;(void)out;return weir__fail_memory(err,"x");}
void weir__http_client_free(weir_http_client *c){(void)c;}
int weir__http_client_fd(const weir_http_client *c){(void)c;return -1;}
bool weir__http_client_is_busy(const weir_http_client *c){(void)c;return false;}
void weir__http_client_drive(weir_http_client *c){(void)c;}
weir_code weir__http_start(weir_http_client *c,const weir_http_exchange_options*o,weir_http_exchange**e,weir_error*err){(void)c;(void)o;(void)e;return weir__fail_memory(err,"x");}
void weir__http_cancel(weir_http_exchange *e){(void)e;}
