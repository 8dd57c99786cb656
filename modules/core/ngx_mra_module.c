
/*
 * Copyright (C) ngx_mra contributors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_mra_core.h"
#include "ngx_mra_stun_node.h"
#include "ngx_mra_window.h"


/* inside mra { } */

#define NGX_MRA_CONF  0x02000000


typedef struct {
    ngx_uint_t   low;
    ngx_uint_t   high;
    char        *must;       /* what the value must be, for the operator */
} ngx_mra_range_t;


static char *ngx_mra_conf_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mra_set_name(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mra_set_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mra_set_time(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mra_set_number(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mra_must(ngx_conf_t *cf, ngx_mra_range_t *range);
static void *ngx_mra_create_conf(ngx_cycle_t *cycle);
static char *ngx_mra_init_conf(ngx_cycle_t *cycle, void *conf);
static ngx_int_t ngx_mra_init_process(ngx_cycle_t *cycle);


static ngx_mra_range_t  ngx_mra_zone_range = {
    256 * 1024, (ngx_uint_t) 65536 * 1024 * 1024,
    "must be a size between 256k and 65536m, as in \"32m\""
};

static ngx_mra_range_t  ngx_mra_interval_range = {
    0, 604800 * 1000,
    "must be a time between 0 and 604800s (a week), as in \"480m\""
};

static ngx_mra_range_t  ngx_mra_authorizations_range = {
    0, NGX_MRA_WINDOW_MAX,
    "must be a number between 0 and 100, 0 switches the limit off"
};

static ngx_mra_range_t  ngx_mra_period_range = {
    0, NGX_MRA_WINDOW_LIFE,
    "must be a time between 0 and 86400s (a day), as in \"300s\", "
    "0 switches the limit off"
};

static ngx_mra_range_t  ngx_mra_keepalive_interval_range = {
    1000, 3600 * 1000,
    "must be a time between 1s and 3600s, as in \"30s\""
};

static ngx_mra_range_t  ngx_mra_keepalive_timeout_range = {
    100, 60 * 1000,
    "must be a time between 100ms and 60s, as in \"3s\""
};


static ngx_mra_range_t  ngx_mra_capacity_range = {
    0, NGX_MRA_STUN_NODE_COUNT_MAX,
    "must be a number of registrations up to 100000000, 0: not told"
};

static ngx_mra_range_t  ngx_mra_balance_threshold_range = {
    1, 100,
    "must be a number of percent between 1 and 100, as in \"10\""
};

static ngx_mra_range_t  ngx_mra_balance_rest_range = {
    1000, 86400 * 1000,
    "must be a time between 1s and 86400s (a day), as in \"10m\""
};

static ngx_mra_range_t  ngx_mra_ipv6_prefix_range = {
    16, 128,
    "must be a number of bits between 16 and 128, as in \"64\""
};


static ngx_conf_enum_t  ngx_mra_redis_lost[] = {
    { ngx_string("local"), NGX_MRA_LOST_LOCAL },
    { ngx_string("deny"), NGX_MRA_LOST_DENY },
    { ngx_string("allow"), NGX_MRA_LOST_ALLOW },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_mra_commands[] = {

    { ngx_string("mra"),
      NGX_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS,
      ngx_mra_conf_block,
      0,
      0,
      NULL },

    { ngx_string("node"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_name,
      0,
      offsetof(ngx_mra_core_conf_t, pub.node),
      NULL },

    { ngx_string("domain"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_name,
      0,
      offsetof(ngx_mra_core_conf_t, pub.domain),
      NULL },

    { ngx_string("zone"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_size,
      0,
      offsetof(ngx_mra_core_conf_t, zone_size),
      &ngx_mra_zone_range },

    { ngx_string("secret"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_mra_core_conf_t, secret_file),
      NULL },

    { ngx_string("redis"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_mra_set_redis,
      0,
      0,
      NULL },

    { ngx_string("redis_lost"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_mra_core_conf_t, near.lost),
      ngx_mra_redis_lost },

    { ngx_string("resolver"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_mra_set_resolver,
      0,
      0,
      NULL },

    { ngx_string("resolver_timeout"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0,
      offsetof(ngx_mra_core_conf_t, resolver_timeout),
      NULL },

    { ngx_string("credentials_refresh_interval"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_time,
      0,
      offsetof(ngx_mra_core_conf_t, pub.credentials_refresh_interval),
      &ngx_mra_interval_range },

    { ngx_string("credentials_cleanup_interval"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_time,
      0,
      offsetof(ngx_mra_core_conf_t, pub.credentials_cleanup_interval),
      &ngx_mra_interval_range },

    { ngx_string("max_authorizations"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_number,
      0,
      offsetof(ngx_mra_core_conf_t, pub.max_authorizations),
      &ngx_mra_authorizations_range },

    { ngx_string("rate_control_period"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_time,
      0,
      offsetof(ngx_mra_core_conf_t, pub.rate_control_period),
      &ngx_mra_period_range },

    { ngx_string("stun_keepalive"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      0,
      offsetof(ngx_mra_core_conf_t, pub.stun_keepalive),
      NULL },

    { ngx_string("stun_keepalive_interval"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_time,
      0,
      offsetof(ngx_mra_core_conf_t, pub.stun_keepalive_interval),
      &ngx_mra_keepalive_interval_range },

    { ngx_string("stun_keepalive_timeout"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_time,
      0,
      offsetof(ngx_mra_core_conf_t, pub.stun_keepalive_timeout),
      &ngx_mra_keepalive_timeout_range },

    { ngx_string("balance"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_flag_slot,
      0,
      offsetof(ngx_mra_core_conf_t, pub.balance),
      NULL },

    { ngx_string("balance_threshold"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_number,
      0,
      offsetof(ngx_mra_core_conf_t, pub.balance_threshold),
      &ngx_mra_balance_threshold_range },

    { ngx_string("balance_rest"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_time,
      0,
      offsetof(ngx_mra_core_conf_t, pub.balance_rest),
      &ngx_mra_balance_rest_range },

    { ngx_string("capacity"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_number,
      0,
      offsetof(ngx_mra_core_conf_t, pub.capacity),
      &ngx_mra_capacity_range },

    { ngx_string("sip_path_headers"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      0,
      offsetof(ngx_mra_core_conf_t, pub.sip_path_headers),
      NULL },

    { ngx_string("protection"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_mra_set_protection,
      0,
      0,
      NULL },

    { ngx_string("protection_ipv6_prefix"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_mra_set_number,
      0,
      offsetof(ngx_mra_core_conf_t, ipv6_prefix),
      &ngx_mra_ipv6_prefix_range },

    { ngx_string("exempt"),
      NGX_MRA_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_mra_set_exempt,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_core_module_t  ngx_mra_module_ctx = {
    ngx_string("mra"),
    ngx_mra_create_conf,
    ngx_mra_init_conf
};


ngx_module_t  ngx_mra_module = {
    NGX_MODULE_V1,
    &ngx_mra_module_ctx,                   /* module context */
    ngx_mra_commands,                      /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_mra_worker_move,                   /* init module */
    ngx_mra_init_process,                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_mra_worker_close,                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


const ngx_uint_t  ngx_mra_loaded = NGX_MRA_ABI;


ngx_mra_conf_t *
ngx_mra_get_conf(ngx_cycle_t *cycle)
{
    return &ngx_mra_core_conf(cycle)->pub;
}


ngx_int_t
ngx_mra_check_core(ngx_conf_t *cf, ngx_uint_t abi, ngx_uint_t loaded,
    char *module)
{
    if (abi == NGX_MRA_ABI && loaded == NGX_MRA_ABI) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"%s\" (abi:%ui) was not built with the \"ngx_mra_module\" "
                  NGX_MRA_VERSION " (abi:%ui) that is loaded, install both "
                  "from one build and restart nginx, a reload is not enough",
                  module, abi, (ngx_uint_t) NGX_MRA_ABI);

    return NGX_ERROR;
}


void
ngx_mra_require(ngx_conf_t *cf, char *directive)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = ngx_mra_core_conf(cf->cycle);

    if (mccf->required_by) {
        return;
    }

    mccf->required_by = (u_char *) directive;

    if (cf->conf_file) {
        mccf->required_file = cf->conf_file->file.name.data;
        mccf->required_line = cf->conf_file->line;
    }
}


static char *
ngx_mra_conf_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                 *rv;
    ngx_conf_t            save;
    ngx_mra_core_conf_t  *mccf;

    mccf = ngx_mra_core_conf(cf->cycle);

    if (mccf->enabled) {
        return "is duplicate, there can be one only";
    }

    mccf->enabled = 1;

    save = *cf;
    cf->cmd_type = NGX_MRA_CONF;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_mra_secret_open(cf, mccf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    /* what decides is known when the zone is made */

    ngx_conf_init_uint_value(mccf->near.lost, NGX_MRA_LOST_LOCAL);

#if (NGX_MRA_HIREDIS)

    if (ngx_mra_redis_end(cf, mccf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

#endif

    return ngx_mra_zone_add(cf, mccf);
}


/* host names: they appear in messages where nothing else is safe */

static char *
ngx_mra_set_name(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char      ch;
    ngx_str_t  *value, *name;
    ngx_uint_t  i;

    name = (ngx_str_t *) ((char *) conf + cmd->offset);

    if (name->data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len > 255) {
        goto invalid;
    }

    for (i = 0; i < value[1].len; i++) {
        ch = value[1].data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9') || ch == '_')
        {
            continue;
        }

        /* neither first nor last */

        if ((ch == '-' || ch == '.') && i && i != value[1].len - 1) {
            continue;
        }

        goto invalid;
    }

    *name = value[1];

    ngx_strlow(name->data, name->data, name->len);

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\", \"%V\" must be a name of "
                       "letters, digits, \"-\", \"_\" and \".\"",
                       &value[1], &value[0]);

    return NGX_CONF_ERROR;
}


static char *
ngx_mra_set_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t           size;
    size_t           *sp;
    ngx_str_t        *value;
    ngx_mra_range_t  *range;

    sp = (size_t *) ((char *) conf + cmd->offset);
    range = cmd->post;

    if (*sp != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR
        || (ngx_uint_t) size < range->low || (ngx_uint_t) size > range->high)
    {
        return ngx_mra_must(cf, range);
    }

    *sp = size;

    return NGX_CONF_OK;
}


static char *
ngx_mra_set_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t         ms;
    ngx_str_t        *value;
    ngx_msec_t       *msp;
    ngx_mra_range_t  *range;

    msp = (ngx_msec_t *) ((char *) conf + cmd->offset);
    range = cmd->post;

    if (*msp != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR
        || (ngx_uint_t) ms < range->low || (ngx_uint_t) ms > range->high)
    {
        return ngx_mra_must(cf, range);
    }

    *msp = ms;

    return NGX_CONF_OK;
}


static char *
ngx_mra_set_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t         n;
    ngx_str_t        *value;
    ngx_uint_t       *np;
    ngx_mra_range_t  *range;

    np = (ngx_uint_t *) ((char *) conf + cmd->offset);
    range = cmd->post;

    if (*np != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR
        || (ngx_uint_t) n < range->low || (ngx_uint_t) n > range->high)
    {
        return ngx_mra_must(cf, range);
    }

    *np = n;

    return NGX_CONF_OK;
}


static char *
ngx_mra_must(ngx_conf_t *cf, ngx_mra_range_t *range)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\", \"%V\" %s",
                       &value[1], &value[0], range->must);

    return NGX_CONF_ERROR;
}


static void *
ngx_mra_create_conf(ngx_cycle_t *cycle)
{
    ngx_mra_core_conf_t  *mccf;

    mccf = ngx_pcalloc(cycle->pool, sizeof(ngx_mra_core_conf_t));
    if (mccf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mccf->pub.node = { 0, NULL };
     *     mccf->pub.domain = { 0, NULL };
     *     mccf->pub.store = NULL;
     *     mccf->enabled = 0;
     *     mccf->secret_file = { 0, NULL };
     *     mccf->redis = NULL;
     *     mccf->resolver = NULL;
     *     mccf->required_by = NULL;
     *     mccf->exempt = { NULL };
     *     mccf->nmade = 0;
     *     mccf->made_changes = 0;
     *     mccf->zone = NULL;
     *     mccf->worker = NULL;
     */

    mccf->pub.credentials_refresh_interval = NGX_CONF_UNSET_MSEC;
    mccf->pub.credentials_cleanup_interval = NGX_CONF_UNSET_MSEC;
    mccf->pub.max_authorizations = NGX_CONF_UNSET_UINT;
    mccf->pub.balance = NGX_CONF_UNSET;
    mccf->pub.balance_threshold = NGX_CONF_UNSET_UINT;
    mccf->pub.balance_rest = NGX_CONF_UNSET_MSEC;
    mccf->pub.capacity = NGX_CONF_UNSET_UINT;
    mccf->pub.rate_control_period = NGX_CONF_UNSET_MSEC;
    mccf->pub.stun_keepalive = NGX_CONF_UNSET;
    mccf->pub.stun_keepalive_interval = NGX_CONF_UNSET_MSEC;
    mccf->pub.stun_keepalive_timeout = NGX_CONF_UNSET_MSEC;
    mccf->pub.sip_path_headers = NGX_CONF_UNSET;

    mccf->zone_size = NGX_CONF_UNSET_SIZE;
    mccf->near.lost = NGX_CONF_UNSET_UINT;
    mccf->resolver_timeout = NGX_CONF_UNSET_MSEC;

    mccf->made = ngx_palloc(cycle->pool, NGX_MRA_EXEMPTIONS
                                         * sizeof(ngx_mra_exemption_t));
    if (mccf->made == NULL) {
        return NULL;
    }

    ngx_mra_protect_create_conf(mccf);

    return mccf;
}


static char *
ngx_mra_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_mra_core_conf_t *mccf = conf;

    if (mccf->required_by && !mccf->enabled) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"%s\" needs a \"mra { }\" block beside \"http\" and "
                      "\"stream\" in %s:%ui", mccf->required_by,
                      mccf->required_file, mccf->required_line);
        return NGX_CONF_ERROR;
    }

    if (mccf->pub.node.data == NULL) {
        mccf->pub.node = cycle->hostname;
    }

    ngx_conf_init_msec_value(mccf->pub.credentials_refresh_interval,
                             480 * 60 * 1000);
    ngx_conf_init_msec_value(mccf->pub.credentials_cleanup_interval,
                             720 * 60 * 1000);
    ngx_conf_init_uint_value(mccf->pub.max_authorizations, 8);
    ngx_conf_init_value(mccf->pub.balance, 1);
    ngx_conf_init_uint_value(mccf->pub.balance_threshold, 10);
    ngx_conf_init_msec_value(mccf->pub.balance_rest, 600 * 1000);
    ngx_conf_init_uint_value(mccf->pub.capacity, 0);
    ngx_conf_init_msec_value(mccf->pub.rate_control_period, 300 * 1000);
    ngx_conf_init_value(mccf->pub.stun_keepalive, 1);
    ngx_conf_init_msec_value(mccf->pub.stun_keepalive_interval, 30 * 1000);
    ngx_conf_init_msec_value(mccf->pub.stun_keepalive_timeout, 3 * 1000);
    ngx_conf_init_value(mccf->pub.sip_path_headers, 0);
    ngx_conf_init_uint_value(mccf->ipv6_prefix, 64);

    if (mccf->pub.stun_keepalive_timeout >= mccf->pub.stun_keepalive_interval)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"stun_keepalive_timeout\" must be shorter than "
                      "\"stun_keepalive_interval\"");
        return NGX_CONF_ERROR;
    }

    mccf->shm.life.life = mccf->pub.credentials_refresh_interval;
    mccf->shm.cleanup = mccf->pub.credentials_cleanup_interval;

    return NGX_CONF_OK;
}


/* not in the helpers of the cache: they have no one to talk to */

static ngx_int_t
ngx_mra_init_process(ngx_cycle_t *cycle)
{
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    return ngx_mra_worker_open(cycle);
}
