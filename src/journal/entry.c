/* temporary */
#include "journal/entry.h"
#include <string.h>
#include "base/big_endian.h"
static weir_code n(weir_buffer *b, uint64_t v){uint8_t x[8];weir__put_64(x,v);return weir__buffer_add(b,x,8);}
static weir_code s(weir_buffer *b, weir_bytes v){weir_code r=n(b,v.data?v.size+1:0);return r==WEIR_OK&&v.data?weir__buffer_add(b,v.data,v.size):r;}
static weir_code t(weir_buffer *b,const char*v){return s(b,v?weir__bytes(v,strlen(v)+1):(weir_bytes){NULL,0});}
static weir_code l(weir_buffer *b,const weir_entry_items*i){weir_code r=n(b,i->count);for(size_t k=0;k<i->count&&r==WEIR_OK;k++)r=s(b,i->items[k]);return r;}
weir_code weir__entry_seal(const weir_entry *e, weir_buffer *b, weir_error *err)
{
    uint64_t v[]={(uint64_t)e->kind,(uint64_t)e->written_ms,(uint64_t)e->epoch,e->input_hash,e->instance,e->call,e->attempt,(uint64_t)e->call_kind,e->digest,(uint64_t)e->lease_ms,(uint64_t)e->timeout_ms,(uint64_t)e->code,e->is_final,(uint64_t)e->reason,(uint64_t)e->decision,e->is_forced,e->which};
    weir_code r=WEIR_OK; (void)err;
    for(size_t i=0;i<sizeof v/sizeof*v&&r==WEIR_OK;i++)r=n(b,v[i]);
    if(r==WEIR_OK)r=t(b,e->run); if(r==WEIR_OK)r=s(b,e->key); if(r==WEIR_OK)r=t(b,e->action); if(r==WEIR_OK)r=t(b,e->name); if(r==WEIR_OK)r=s(b,e->args);
    if(r==WEIR_OK)r=weir__buffer_add(b,&e->error,sizeof e->error);
    if(r==WEIR_OK)r=s(b,e->result); if(r==WEIR_OK)r=t(b,e->recorded); if(r==WEIR_OK)r=t(b,e->asked); if(r==WEIR_OK)r=t(b,e->id);
    const weir_entry_items*ls[]={&e->event_types,&e->event_attributes,&e->outputs,&e->count_metrics,&e->short_term_paths,&e->short_term_values,&e->sensory_paths,&e->sensory_values};
    for(int i=0;i<8&&r==WEIR_OK;i++)r=l(b,ls[i]);
    for(size_t i=0;i<e->count_metrics.count&&r==WEIR_OK;i++)r=n(b,(uint64_t)e->count_adds[i]);
    return r;
}
static uint64_t gn(const uint8_t**p){uint64_t v=weir__get_64(*p);*p+=8;return v;}
static weir_bytes gs(const uint8_t**p,weir_arena*a){uint64_t z=gn(p);weir_bytes r={NULL,0};if(z){r=weir__arena_copy(a,weir__bytes(*p,z-1));*p+=z-1;}return r;}
static void gl(const uint8_t**p,weir_arena*a,weir_entry_items*i){uint64_t c=gn(p);weir_bytes*x=weir__arena_alloc(a,(c+1)*sizeof*x);for(uint64_t k=0;k<c;k++)x[k]=gs(p,a);*i=(weir_entry_items){x,c};}
weir_code weir__entry_open(weir_bytes sealed, weir_arena *a, weir_entry **out, weir_error *err)
{
    const uint8_t*p=sealed.data; weir_entry*e=weir__arena_alloc(a,sizeof*e); (void)err;
    memset(e,0,sizeof*e);
    e->kind=(weir_entry_kind)gn(&p);e->written_ms=(int64_t)gn(&p);e->epoch=(int64_t)gn(&p);e->input_hash=gn(&p);e->instance=(uint32_t)gn(&p);e->call=(uint32_t)gn(&p);e->attempt=(uint32_t)gn(&p);e->call_kind=(weir_call_kind)gn(&p);e->digest=gn(&p);e->lease_ms=(int64_t)gn(&p);e->timeout_ms=(int64_t)gn(&p);e->code=(weir_code)gn(&p);e->is_final=gn(&p);e->reason=(weir_park_reason)gn(&p);e->decision=(weir_decision)gn(&p);e->is_forced=gn(&p);e->which=(uint32_t)gn(&p);
    e->run=(const char*)gs(&p,a).data;e->key=gs(&p,a);e->action=(const char*)gs(&p,a).data;e->name=(const char*)gs(&p,a).data;e->args=gs(&p,a);
    memcpy(&e->error,p,sizeof e->error);p+=sizeof e->error; e->error.origin=NULL;
    e->result=gs(&p,a);e->recorded=(const char*)gs(&p,a).data;e->asked=(const char*)gs(&p,a).data;e->id=(const char*)gs(&p,a).data;
    gl(&p,a,&e->event_types);gl(&p,a,&e->event_attributes);gl(&p,a,&e->outputs);gl(&p,a,&e->count_metrics);gl(&p,a,&e->short_term_paths);gl(&p,a,&e->short_term_values);gl(&p,a,&e->sensory_paths);gl(&p,a,&e->sensory_values);
    int64_t*x=weir__arena_alloc(a,(e->count_metrics.count+1)*8);for(size_t i=0;i<e->count_metrics.count;i++)x[i]=(int64_t)gn(&p);e->count_adds=x;
    *out=e;return WEIR_OK;
}
const char *weir__call_kind_name(weir_call_kind k){static const char*const w[]={"pure","idempotent","checked","once"};return w[k];}
